//! The revisions whose images are kept, on the command line.

use super::moment::{DAY, units};
use super::number::number;
use clap::Args;
use std::time::Duration;
use ucupdate::Retention;

#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// Keep the images of the last N revisions, or those of --keep-days, whichever is more
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = |text: &str| number::<u64>(text, 1..=u64::MAX))]
    keep_revisions: u64,
    /// Keep the images of the revisions that were the newest at some time in the last days, 0 to 36500
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = |text: &str| units::<u32>(text, DAY, 0..=36_500))]
    keep_days: u32,
}

impl RetentionArgs {
    pub(crate) fn retention(&self) -> Retention {
        let time = Duration::from_secs(u64::from(self.keep_days) * 24 * 60 * 60);
        Retention::default().with_revisions(self.keep_revisions).with_time(time)
    }
}
