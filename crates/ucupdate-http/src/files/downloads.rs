//! Limits the number of concurrent downloads, in total and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ucupdate::host_network;

/// The shortest `Retry-After` of a refused download, in seconds.
const SHORTEST_WAIT: u64 = 30;

/// The number of different values of `Retry-After`. They are [`SHORTEST_WAIT`] and the 60 numbers
/// of seconds after it.
const WAITS: u64 = 61;

/// The distance in seconds from one value of `Retry-After` to the next. It has no common factor
/// with [`WAITS`], so each value is used once before a value is repeated.
const WAIT_STEP: u64 = 23;

/// The limits of concurrent downloads, and the counts of the downloads that are running. Clones
/// share these counts.
#[derive(Clone, Debug)]
pub(crate) struct Downloads {
    most: usize,
    most_of_one: usize,
    open: Arc<Mutex<OpenDownloads>>,
    /// The number of downloads that were refused because of a limit. It selects the next value of
    /// `Retry-After`.
    refused: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct OpenDownloads {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl Downloads {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, open: Arc::default(), refused: Arc::default() }
    }

    /// Counts a new download from this address, until the returned place is dropped. Returns `None`
    /// if a limit is reached, and then counts nothing.
    pub(crate) fn begin(&self, remote: Option<IpAddr>) -> Option<DownloadPlace> {
        let remote = remote.map(host_network);
        let mut open = self.open();
        let of_one = remote.map_or(0, |remote| open.of.get(&remote).copied().unwrap_or(0));
        if open.all >= self.most || of_one >= self.most_of_one {
            return None;
        }
        open.all += 1;
        if let Some(remote) = remote {
            *open.of.entry(remote).or_default() += 1;
        }
        Some(DownloadPlace { downloads: self.clone(), remote })
    }

    /// Returns the number of seconds after which a refused device should try again. The waits of devices that are refused one
    /// after the other are spread over a minute, so that these devices do not come back together.
    pub(crate) fn wait(&self) -> u64 {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed);
        SHORTEST_WAIT + refused.wrapping_mul(WAIT_STEP) % WAITS
    }

    fn open(&self) -> MutexGuard<'_, OpenDownloads> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running download, which counts against the limits. Dropping this value ends the count.
#[derive(Debug)]
pub(crate) struct DownloadPlace {
    downloads: Downloads,
    remote: Option<IpAddr>,
}

impl Drop for DownloadPlace {
    fn drop(&mut self) {
        let mut open = self.downloads.open();
        open.all -= 1;
        if let Some(remote) = self.remote
            && let Some(count) = open.of.get_mut(&remote)
        {
            *count -= 1;
            if *count == 0 {
                open.of.remove(&remote);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_in_all_and_for_one_address_and_are_free_again() {
        let downloads = Downloads::new(3, 2);
        let from = |address: &str| downloads.begin(Some(address.parse().unwrap()));
        let first = from("10.0.0.1").unwrap();
        let _second = from("::ffff:10.0.0.1").unwrap();
        assert!(from("10.0.0.1").is_none(), "two of one address");
        let _other = from("2001:db8::1").unwrap();
        assert!(from("10.0.0.2").is_none(), "three in all");
        drop(first);
        assert!(from("2001:db8::2").is_some() && downloads.begin(None).is_some());
        assert_eq!(downloads.open().of.len(), 2, "an address without downloads is forgotten");
    }

    #[test]
    fn the_waits_of_refused_devices_are_spread_over_a_minute() {
        let downloads = Downloads::new(0, 0);
        let waits: Vec<u64> = (0..WAITS).map(|_| downloads.wait()).collect();
        assert!(waits.iter().all(|wait| (30..=90).contains(wait)), "{waits:?}");
        let different: std::collections::BTreeSet<_> = waits.iter().collect();
        assert_eq!(different.len(), waits.len());
    }
}
