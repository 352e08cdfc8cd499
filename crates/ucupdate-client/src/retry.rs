//! How often to try, and how long to wait between: numbers only, nothing here sleeps.

use std::time::Duration;

/// How often a device tries, and how long it waits in between.
///
/// Only what may pass is tried again (see [`ClientError::may_pass`](crate::ClientError::may_pass)); 404 and 410 are final.
/// The wait doubles from try to try. What the server asks for in `Retry-After` is granted up to the longest wait; a server
/// that asks for more is not tried again.
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
pub struct Retry {
    /// Tries in all, the first among them; zero counts as one. Default 4.
    pub tries: u32,
    /// The wait before the second try. Default 500 ms.
    pub first_wait: Duration,
    /// No wait is longer. Default 30 s.
    pub longest_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 4, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(30) }
    }
}

impl Retry {
    /// One try only, as a load generator wants it.
    pub fn never() -> Self {
        Self::default().with_tries(1)
    }

    /// The same with another number of tries.
    #[must_use]
    pub const fn with_tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// The same with another wait before the second try.
    #[must_use]
    pub const fn with_first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// The same with another longest wait.
    #[must_use]
    pub const fn with_longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// How long to wait after try number `tried` (the first is 1) failed and the server asked for `asked`; `None` to give up.
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
