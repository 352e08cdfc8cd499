//! The places of connections. They limit the number of connections, in total and for each address.
//!
//! ```text
//! Waiting: for the head or the body of a request ──► Busy: a request is answered ──► Waiting ...
//! ```
//!
//! If no place is free, the connection that has waited longest is closed for the new one. Therefore idle connections
//! cannot lock out devices.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use ucupdate::host_network;

/// The places of the connections of one kind.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    most_of_one: usize,
    state: Mutex<State>,
    /// Wakes the tasks that wait for a place.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last ticket. A connection with a lower number has waited longer.
    last_ticket: u64,
    open: usize,
    of: HashMap<IpAddr, Host>,
    /// The connections that wait for a request, by ticket.
    waiting: BTreeMap<u64, Waiting>,
}

/// The connections of one host.
#[derive(Debug, Default)]
struct Host {
    open: usize,
    /// The tickets of the connections that wait.
    waiting: BTreeMap<u64, ()>,
}

#[derive(Clone, Debug)]
struct Waiting {
    host: Option<IpAddr>,
    signals: Arc<Signals>,
}

/// The signals between a connection and its place.
#[derive(Debug, Default)]
struct Signals {
    close: Notify,
    /// `true` if bytes of an answer wait to be taken by the client.
    is_writing: Arc<AtomicBool>,
}

/// The result of requesting a place.
enum Asked {
    Place(Place),
    /// All places of this address are taken by active connections.
    TooManyOfOne,
    Wait,
}

impl Places {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, state: Mutex::default(), changed: Notify::new() }
    }

    /// Returns the largest number of connections of one address.
    pub(crate) fn most_of_one(&self) -> usize {
        self.most_of_one
    }

    /// Waits for a place, and closes the connection that has waited longest for a request if none is free. Returns
    /// `None` if all places of this address are taken by active connections. A proxy has no limit of its own.
    pub(crate) async fn take(self: &Arc<Self>, remote: IpAddr, is_proxy: bool) -> Option<Place> {
        let host = (!is_proxy).then(|| host_network(remote.to_canonical()));
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.ask(host) {
                Asked::Place(place) => return Some(place),
                Asked::TooManyOfOne => return None,
                Asked::Wait => changed.await,
            }
        }
    }

    fn ask(self: &Arc<Self>, host: Option<IpAddr>) -> Asked {
        let mut state = self.state();
        let of_one = host.and_then(|host| state.of.get(&host));
        let is_too_many = of_one.is_some_and(|of_one| of_one.open >= self.most_of_one);
        if !is_too_many && state.open < self.most {
            return Asked::Place(state.open(self, host));
        }
        let is_idle = |ticket: &u64| {
            let waiting = state.waiting.get(ticket);
            waiting.is_some_and(|waiting| !waiting.signals.is_writing.load(Ordering::Relaxed))
        };
        let oldest = match of_one.filter(|_| is_too_many) {
            Some(of_one) => of_one.waiting.keys().copied().find(is_idle),
            None => state.waiting.keys().copied().find(is_idle),
        };
        match oldest {
            Some(ticket) => {
                if let Some(closed) = state.stops_waiting(ticket) {
                    closed.signals.close.notify_one();
                }
                Asked::Wait
            }
            None if is_too_many => Asked::TooManyOfOne,
            None => Asked::Wait,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self, places: &Arc<Places>, host: Option<IpAddr>) -> Place {
        self.open += 1;
        if let Some(host) = host {
            self.of.entry(host).or_default().open += 1;
        }
        let signals = Arc::new(Signals::default());
        let ticket = self.next_ticket();
        self.waits(ticket, Waiting { host, signals: Arc::clone(&signals) });
        Place { places: Arc::clone(places), host, ticket: Mutex::new(ticket), signals }
    }

    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    fn waits(&mut self, ticket: u64, waiting: Waiting) {
        if let Some(of_one) = waiting.host.and_then(|host| self.of.get_mut(&host)) {
            of_one.waiting.insert(ticket, ());
        }
        self.waiting.insert(ticket, waiting);
    }

    fn stops_waiting(&mut self, ticket: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        if let Some(of_one) = waiting.host.and_then(|host| self.of.get_mut(&host)) {
            of_one.waiting.remove(&ticket);
        }
        Some(waiting)
    }
}

/// The place of one connection. Dropping the value frees the place. A new connection waits for a request.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    host: Option<IpAddr>,
    /// The ticket since the end of the last answer.
    ticket: Mutex<u64>,
    signals: Arc<Signals>,
}

impl Place {
    /// Waits until another connection needs this place. The connection must end then.
    pub(crate) async fn is_needed(&self) {
        self.signals.close.notified().await;
    }

    /// Returns the flag that says whether bytes wait to be taken by the client. While the flag is set, the connection
    /// is not closed for another one.
    pub(crate) fn writing_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.signals.is_writing)
    }

    /// Records that a whole request has arrived.
    pub(crate) fn is_busy(&self) {
        let ticket = *self.ticket();
        let _was_waiting = self.places.state().stops_waiting(ticket);
    }

    /// Records that the rest of a request has not arrived. The connection has waited since the end of its last answer.
    pub(crate) fn waits_on(&self) {
        let ticket = *self.ticket();
        self.waits(&mut self.places.state(), ticket);
    }

    /// Records that the answer was sent and the next request has not begun.
    pub(crate) fn waits_anew(&self) {
        let mut ticket = self.ticket();
        let mut state = self.places.state();
        let _was_waiting = state.stops_waiting(*ticket);
        *ticket = state.next_ticket();
        self.waits(&mut state, *ticket);
    }

    fn waits(&self, state: &mut State, ticket: u64) {
        state.waits(ticket, Waiting { host: self.host, signals: Arc::clone(&self.signals) });
        self.places.changed.notify_waiters();
    }

    fn ticket(&self) -> MutexGuard<'_, u64> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let ticket = *self.ticket();
        let mut state = self.places.state();
        let _was_waiting = state.stops_waiting(ticket);
        state.open -= 1;
        if let Some(host) = self.host
            && let Some(of_one) = state.of.get_mut(&host)
        {
            of_one.open -= 1;
            if of_one.open == 0 {
                state.of.remove(&host);
            }
        }
        self.places.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PROXY: &str = "10.9.0.1";

    fn places(most: usize, most_of_one: usize) -> Arc<Places> {
        Arc::new(Places::new(most, most_of_one))
    }

    async fn take(places: &Arc<Places>, remote: &str) -> Option<Place> {
        let taken = places.take(remote.parse().unwrap(), remote == PROXY);
        tokio::time::timeout(Duration::from_secs(10), taken).await.expect("no place becomes free")
    }

    /// Takes a place that the connection `old` frees.
    async fn take_that_of(old: Place, places: &Arc<Places>, remote: &str) -> Option<Place> {
        let (taken, ()) = tokio::join!(take(places, remote), async {
            let needed = tokio::time::timeout(Duration::from_secs(10), old.is_needed());
            needed.await.expect("this one has waited longest");
            drop(old);
        });
        taken
    }

    #[tokio::test]
    async fn the_connection_that_has_waited_longest_makes_room() {
        let places = places(3, 3);
        let first = take(&places, "10.0.0.1").await.unwrap();
        let second = take(&places, "10.0.0.2").await.unwrap();
        let third = take(&places, "10.0.0.3").await.unwrap();
        first.is_busy();
        let _fourth = take_that_of(second, &places, "10.0.0.4").await.unwrap();
        first.waits_anew();
        let _fifth = take_that_of(third, &places, "10.0.0.5").await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_trickles_has_waited_since_it_began() {
        let places = places(2, 2);
        let first = take(&places, "10.0.0.1").await.unwrap();
        let _second = take(&places, "10.0.0.2").await.unwrap();
        first.is_busy();
        first.waits_on();
        let _third = take_that_of(first, &places, "10.0.0.3").await.unwrap();
    }

    #[tokio::test]
    async fn one_address_has_its_share_and_no_more() {
        let places = places(4, 2);
        let first = take(&places, "10.0.0.1").await.unwrap();
        let second = take(&places, "10.0.0.1").await.unwrap();
        // The address's own connection makes room, although other places are free.
        let third = take_that_of(first, &places, "::ffff:10.0.0.1").await.unwrap();
        second.is_busy();
        third.is_busy();
        assert!(take(&places, "10.0.0.1").await.is_none(), "both are in use");
        assert!(take(&places, "10.0.0.2").await.is_some());
    }

    #[tokio::test]
    async fn a_network_of_ipv6_is_one_address_and_a_trusted_proxy_has_no_limit() {
        let places = places(8, 1);
        let of_one = take(&places, "2001:db8::1").await.unwrap();
        of_one.is_busy();
        assert!(take(&places, "2001:db8::2").await.is_none());
        let mut proxied = Vec::new();
        for _ in 0..5 {
            proxied.push(take(&places, PROXY).await.unwrap());
        }
        assert_eq!(places.state().of.len(), 1);
    }

    #[tokio::test]
    async fn a_connection_that_is_in_use_or_whose_answer_is_on_its_way_is_not_closed() {
        let places = places(2, 2);
        let busy = take(&places, "10.0.0.1").await.unwrap();
        let writing = take(&places, "10.0.0.2").await.unwrap();
        busy.is_busy();
        writing.writing_flag().store(true, Ordering::Relaxed);
        let waits = tokio::time::timeout(Duration::from_millis(50), places.take([10, 0, 0, 3].into(), false));
        assert!(waits.await.is_err(), "no place is free");
        let (taken, ()) = tokio::join!(take(&places, "10.0.0.3"), async { drop(busy) });
        assert!(taken.is_some());
    }
}
