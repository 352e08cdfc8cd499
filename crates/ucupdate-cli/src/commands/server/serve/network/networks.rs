//! The networks of proxies and of internal devices. They can change while a server runs.

use super::forwarded::{self, ClientOrigin, Network, Proxies};
use http::HeaderMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use ucupdate::request::Side;

/// The networks of proxies and of internal devices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    pub(crate) proxies: Proxies,
    /// The networks whose devices may use the internal paths. Empty means every network.
    pub(crate) inside: Vec<Network>,
}

/// The networks of a running server. Clones share the value.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveNetworks(Arc<RwLock<Arc<Networks>>>);

impl LiveNetworks {
    pub(crate) fn new(networks: Networks) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(networks))))
    }

    /// Replaces the networks. Requests that are already being answered use the earlier ones.
    pub(crate) fn replace(&self, networks: Networks) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(networks);
    }

    pub(crate) fn is_proxy(&self, remote: IpAddr) -> bool {
        forwarded::is_in(remote.to_canonical(), &self.now().proxies.trusted)
    }

    /// Returns the origin of a request. `peer` is the client of the connection. If it is a trusted
    /// proxy, the origin is read from the header.
    pub(crate) fn origin(&self, peer: ClientOrigin, headers: &HeaderMap) -> ClientOrigin {
        forwarded::origin(peer, headers, &self.now().proxies)
    }

    /// Returns the side of a device by its network. A device whose address is not known is
    /// external. `None` if every network may use the internal paths.
    pub(crate) fn side(&self, from: ClientOrigin) -> Option<Side> {
        let inside = &self.now().inside;
        if inside.is_empty() {
            return None;
        }
        if !from.is_known {
            tracing::warn!(
                proxy = %from.remote,
                "the header of a trusted proxy has no address that can be read, so the device counts as external; expected \
                 the header that --proxy-header names"
            );
            return Some(Side::External);
        }
        Some(if forwarded::is_in(from.remote, inside) { Side::Internal } else { Side::External })
    }

    fn now(&self) -> Arc<Networks> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_are_replaced_hold_for_every_clone() {
        let networks = LiveNetworks::default();
        let clone = networks.clone();
        let remote: IpAddr = "10.1.2.3".parse().unwrap();
        let from = ClientOrigin::direct(remote, false);
        assert_eq!((clone.side(from), clone.is_proxy(remote)), (None, false));
        let trusted = vec!["10.1.2.3/32".parse().unwrap()];
        let proxies = Proxies { trusted, ..Proxies::default() };
        networks.replace(Networks { proxies, inside: vec!["10.2.0.0/16".parse().unwrap()] });
        assert_eq!((clone.side(from), clone.is_proxy(remote)), (Some(Side::External), true));
        let inside = ClientOrigin::direct("10.2.0.1".parse().unwrap(), false);
        assert_eq!(clone.side(inside), Some(Side::Internal));
        assert_eq!(clone.side(ClientOrigin { is_known: false, ..inside }), Some(Side::External));
    }
}
