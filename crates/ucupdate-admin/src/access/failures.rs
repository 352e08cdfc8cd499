//! [`Failures`]: the refused logins of each address, so that tokens cannot be tried at speed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use ucupdate::host_network;

/// Counts refused logins by address. All IPv6 addresses of a /64 network count as one address. Memory is bounded:
/// beyond the limit of addresses, the address with the oldest count is forgotten.
#[derive(Debug)]
pub(crate) struct Failures {
    most: u32,
    period: Duration,
    addresses: usize,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Instant,
    failures: u32,
}

impl Failures {
    /// Creates the counts. Each address may have `most` refused logins in each period. At most
    /// `addresses` addresses are remembered.
    pub(crate) fn new(most: u32, period: Duration, addresses: usize) -> Self {
        Self { most, period, addresses: addresses.max(1), counts: Mutex::default() }
    }

    /// Returns how long an address has to wait before its next login. `None` if it need not wait.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<Duration> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&host_network(address))?;
        let left = self.period.checked_sub(count.since.elapsed())?;
        (count.failures >= self.most && !left.is_zero()).then_some(left)
    }

    pub(crate) fn count(&self, address: IpAddr) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, address) = (Instant::now(), host_network(address));
        if let Some(count) = counts.get_mut(&address).filter(|count| count.since.elapsed() < self.period) {
            count.failures = count.failures.saturating_add(1);
            return;
        }
        if counts.len() >= self.addresses && !counts.contains_key(&address) {
            let oldest = counts.iter().min_by_key(|(_, count)| count.since).map(|(address, _)| *address);
            oldest.map(|oldest| counts.remove(&oldest));
        }
        counts.insert(address, Count { since: now, failures: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_waits_after_its_refused_logins_and_others_do_not() {
        let failures = Failures::new(3, Duration::from_secs(60), 2);
        let (one, other): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        for _ in 0..3 {
            assert_eq!(failures.wait(one), None);
            failures.count(one);
        }
        assert!(failures.wait(one).is_some());
        assert_eq!(failures.wait(other), None);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(failures.wait(one), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_address_and_memory_is_bounded() {
        let failures = Failures::new(1, Duration::from_secs(60), 2);
        failures.count("2001:db8::1".parse().unwrap());
        assert!(failures.wait("2001:db8::2".parse().unwrap()).is_some());
        for last in 0..100 {
            failures.count([10, 0, 0, last].into());
        }
        assert_eq!(failures.counts.lock().unwrap().len(), 2);
    }
}
