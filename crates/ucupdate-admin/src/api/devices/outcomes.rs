//! [`LastOutcomes`]: the outcomes of the offers of rollouts, as of the last reading.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use ucupdate::store::error_chain;
use ucupdate::{RolloutOutcomes, UpdateService};

/// The outcomes are read again only after this time, even if the last reading was fast.
const AGE: Duration = Duration::from_secs(5);

/// The last reading of the outcomes of rollouts, with the time at which it ended and its duration. While one caller
/// reads, the others wait for the result.
#[derive(Debug, Default)]
pub(crate) struct LastOutcomes(Mutex<Option<(Instant, Duration, Arc<RolloutOutcomes>)>>);

impl LastOutcomes {
    pub(crate) async fn read(&self, service: &UpdateService) -> Result<Arc<RolloutOutcomes>, String> {
        let mut last = self.0.lock().await;
        if let Some((ended, took, outcomes)) = last.as_ref()
            && ended.elapsed() < AGE.max(took.saturating_mul(20))
        {
            return Ok(Arc::clone(outcomes));
        }
        let begun = Instant::now();
        let outcomes = service.read_outcomes().await.map_err(|error| error_chain(&error))?;
        let outcomes = Arc::new(outcomes);
        *last = Some((Instant::now(), begun.elapsed(), Arc::clone(&outcomes)));
        Ok(outcomes)
    }
}
