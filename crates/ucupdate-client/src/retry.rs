//! The schedule of retries. This module computes waits and does not sleep.

use std::time::Duration;

/// The number of tries and the waits between them.
///
/// Only temporary errors ([`may_pass`](crate::ClientError::may_pass)) are retried. The statuses 404
/// and 410 are final. The wait doubles with each try. A `Retry-After` of the server is respected up
/// to the longest wait. If the server asks for a longer wait, there is no retry.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_client::Retry;
/// let retry = Retry::default().with_tries(3).with_first_wait(Duration::from_secs(1));
/// assert_eq!(retry.wait_after(1, None), Some(Duration::from_secs(1)));
/// assert_eq!(retry.wait_after(2, None), Some(Duration::from_secs(2)));
/// assert_eq!(retry.wait_after(3, None), None);
/// assert_eq!(retry.wait_after(1, Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
/// assert_eq!(retry.wait_after(1, Some(Duration::from_secs(3600))), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Retry {
    tries: u32,
    first_wait: Duration,
    longest_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 4, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(30) }
    }
}

impl Retry {
    /// Creates a schedule with a single try.
    pub fn never() -> Self {
        Self::default().with_tries(1)
    }

    /// Sets the number of tries, including the first one. Zero counts as one. Default: 4.
    pub const fn with_tries(self, tries: u32) -> Self {
        Self { tries, ..self }
    }

    /// Sets the wait before the second try. Default: 500 ms.
    pub const fn with_first_wait(self, wait: Duration) -> Self {
        Self { first_wait: wait, ..self }
    }

    /// Sets the longest wait between two tries. Default: 30 seconds.
    pub const fn with_longest_wait(self, wait: Duration) -> Self {
        Self { longest_wait: wait, ..self }
    }

    /// Returns the wait after try number `tried`, counted from 1. `asked` is the wait in the
    /// server's `Retry-After`. Returns `None` when there is no further try.
    pub fn wait_after(&self, tried: u32, asked: Option<Duration>) -> Option<Duration> {
        if tried >= self.tries || asked.is_some_and(|asked| asked > self.longest_wait) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(tried.saturating_sub(1));
        let own = self.first_wait.saturating_mul(doubled).min(self.longest_wait);
        Some(asked.map_or(own, |asked| asked.max(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_tries_are_one() {
        assert_eq!(Retry::default().with_tries(0).wait_after(1, None), None);
    }

    proptest! {
        #[test]
        fn waits_never_shrink_and_never_pass_the_longest(
            first in 0_u64..100_000,
            longest in 0_u64..100_000,
            tried in 1_u32..1000,
        ) {
            let retry = Retry::default()
                .with_tries(u32::MAX)
                .with_first_wait(Duration::from_millis(first))
                .with_longest_wait(Duration::from_millis(longest));
            let wait = retry.wait_after(tried, None).unwrap();
            prop_assert!(wait <= retry.longest_wait);
            prop_assert!(retry.wait_after(tried + 1, None).unwrap() >= wait);
        }
    }
}
