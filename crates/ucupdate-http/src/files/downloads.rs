//! Limits the number of concurrent downloads, in total and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use ucupdate::host_network;

/// The free places for downloads. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Downloads {
    most: usize,
    most_of_one: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl Downloads {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, open: Arc::default() }
    }

    /// Takes a place for a download to this address. Returns `None` if the limit is reached.
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

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a download. Dropping this value frees the place.
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
}
