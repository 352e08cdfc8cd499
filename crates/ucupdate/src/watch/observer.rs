//! [`Watch`]: the outcomes of the rollouts that a server watches.

use crate::watch::follower::Follower;
use crate::watch::options::WatchOptions;
use crate::watch::starts::RolloutKey;
use std::collections::BTreeSet;
use std::time::Duration;

/// The outcomes of the rollouts that a server watches, and the rollouts that were running at the
/// last look.
pub(crate) struct Watch {
    pub(crate) follower: Follower,
    pub(crate) wait: Duration,
    /// The rollouts that were running at the last look. The lock keeps two tasks from looking at the same time.
    pub(crate) running: tokio::sync::Mutex<BTreeSet<RolloutKey>>,
}

impl Watch {
    pub(crate) fn new(options: WatchOptions) -> Self {
        let follower = Follower::new(options.devices);
        Self { follower, wait: options.wait, running: tokio::sync::Mutex::default() }
    }
}
