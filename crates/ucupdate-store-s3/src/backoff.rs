//! Retries with growing, random pauses until a deadline.

use std::time::Duration;
use tokio::time::{Instant, sleep};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The state of the retries of one operation: the deadline and the next pause.
#[derive(Debug)]
pub(crate) struct Backoff {
    ends: Instant,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn new(deadline: Duration) -> Self {
        Self { ends: Instant::now() + deadline, pause: FIRST_PAUSE }
    }

    /// Waits before the next try. Returns `false` at once if the wait would end after the deadline.
    pub(crate) async fn wait(&mut self) -> bool {
        let pause = jittered(self.pause);
        if Instant::now() + pause >= self.ends {
            return false;
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        sleep(pause).await;
        true
    }
}

/// Returns a random time between half of the pause and the whole pause. This spreads the retries of clients that failed
/// at the same time.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [u8::MAX];
    // If the system has no random bytes, the whole pause is used.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause * u32::from(byte[0]) / (2 * u32::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end_at_the_deadline() {
        let began = Instant::now();
        let mut backoff = Backoff::new(Duration::from_secs(60));
        let mut pauses = Vec::new();
        let mut last = began;
        while backoff.wait().await {
            pauses.push(last.elapsed());
            last = Instant::now();
        }
        assert!(began.elapsed() < Duration::from_secs(60));
        assert!(began.elapsed() > Duration::from_secs(54), "it gave up after {:?}", began.elapsed());
        assert!(pauses[0] >= FIRST_PAUSE / 2 && pauses[0] <= FIRST_PAUSE);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!((15..30).contains(&pauses.len()), "{} tries", pauses.len());
    }

    #[tokio::test(start_paused = true)]
    async fn no_time_is_no_second_try() {
        assert!(!Backoff::new(Duration::ZERO).wait().await);
    }
}
