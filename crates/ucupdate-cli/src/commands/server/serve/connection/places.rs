//! Places limit the number of connections, in total and for each address. Each open connection has
//! one place.
//!
//! ```text
//! Waiting: for the head or the body of a request ──► Busy: a request is answered ──► Waiting ...
//! ```
//!
//! If no place is free, the connection that has waited longest for a request is closed, so that the
//! new one gets its place. Therefore idle connections cannot lock out devices.
//!
//! If no connection waits for a request, one whose client takes no bytes of an answer is closed,
//! unless it downloads a file. Downloads have their own limit.
//!
//! Each connection records its state in an atomic number, without a lock. The numbers of all
//! connections are read only when no place is free.

use futures_util::task::AtomicWaker;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use tokio::sync::Notify;
use ucupdate::host_network;

/// The places of all connections with TLS, or of all without.
#[derive(Debug)]
pub(crate) struct Places {
    most_of_one: usize,
    /// The state of each place: the bits [`WAITS`], [`WRITES`] and [`DOWNLOADS`], and above them a
    /// ticket. A connection with a lower ticket has waited longer.
    states: Box<[AtomicU64]>,
    open: Mutex<Open>,
    last_ticket: AtomicU64,
    /// The number of connections that wait for a place.
    wanting: AtomicUsize,
    /// Wakes the connections that wait for a place.
    changed: Notify,
}

/// The bit of a connection that waits for a request. Such a connection is the first to be closed
/// for another one.
const WAITS: u64 = 1;

/// The bit of a connection whose client has not taken all written bytes of an answer. It is closed
/// for another one only if no connection waits for a request.
const WRITES: u64 = 2;

/// The bit of a connection whose last answer is a file. It is not closed for another one before the
/// last piece of the file is read. After that, it is closed only if no other connection can be
/// closed.
const DOWNLOADS: u64 = 4;

/// The difference between two tickets. The bits below it are the other parts of a state.
const TICKET: u64 = 8;

#[derive(Debug, Default)]
struct Open {
    /// The places that were in use at some time. `None` is a free place.
    seats: Vec<Option<Seat>>,
    /// The indexes of the free places in `seats`.
    free: Vec<usize>,
    /// The number of connections of each address, or of each /64 network with IPv6.
    of: HashMap<IpAddr, usize>,
}

#[derive(Clone, Debug)]
struct Seat {
    host: Option<IpAddr>,
    /// Notified when the connection must end.
    close: Arc<Notify>,
}

/// The result of requesting a place.
enum Asked {
    Place(Place),
    /// All connections of this address are in use, and none can be closed.
    TooManyOfOne,
    Wait,
}

impl Places {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most_of_one,
            states: std::iter::repeat_with(AtomicU64::default).take(most).collect(),
            open: Mutex::default(),
            last_ticket: AtomicU64::new(0),
            wanting: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// Returns the largest number of connections of one address.
    pub(crate) fn most_of_one(&self) -> usize {
        self.most_of_one
    }

    /// Waits for a place. If none is free, closes the connection that has waited longest for a
    /// request. Returns `None` if this address uses all of its connections and none can be closed.
    /// The limit of one address does not apply to a proxy.
    pub(crate) async fn take(self: &Arc<Self>, remote: IpAddr, is_proxy: bool) -> Option<Place> {
        let host = (!is_proxy).then(|| host_network(remote.to_canonical()));
        if let Ok(place) = self.take_free(&mut self.open(), host) {
            return Some(place);
        }
        let _wanting = Wanting::new(&self.wanting);
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

    /// Takes a free place. The error is `true` if this host has too many connections, and `false`
    /// if no place is free.
    fn take_free(self: &Arc<Self>, open: &mut Open, host: Option<IpAddr>) -> Result<Place, bool> {
        let of_one = host.and_then(|host| open.of.get(&host).copied()).unwrap_or(0);
        if of_one >= self.most_of_one {
            return Err(true);
        }
        if open.count() >= self.states.len() {
            return Err(false);
        }
        let seat = Seat { host, close: Arc::default() };
        let number = open.add(seat.clone());
        self.states[number].store(self.next_ticket() | WAITS, SeqCst);
        Ok(Place { places: Arc::clone(self), number, seat, written: AtomicWaker::new() })
    }

    fn ask(self: &Arc<Self>, host: Option<IpAddr>) -> Asked {
        let mut open = self.open();
        let is_too_many = match self.take_free(&mut open, host) {
            Ok(place) => return Asked::Place(place),
            Err(is_too_many) => is_too_many,
        };
        let idle = open.seats.iter().zip(&self.states).filter_map(|(seat, state)| {
            let now = state.load(SeqCst);
            // The end of a download is chosen last. It may be closed, because it does not count as
            // a download any more.
            let class = match (now & WAITS != 0, now & WRITES != 0, now & DOWNLOADS != 0) {
                (true, false, _) => 0,
                (_, true, false) => 1,
                (true, true, true) => 2,
                (false, ..) => return None,
            };
            let seat = seat.as_ref()?;
            (!is_too_many || seat.host == host).then_some(((class, now), state, seat))
        });
        match idle.min_by_key(|(order, ..)| *order) {
            Some((_, state, oldest)) => {
                // A connection is notified only once.
                state.fetch_and(!(WAITS | WRITES), SeqCst);
                oldest.close.notify_one();
                Asked::Wait
            }
            None if is_too_many => Asked::TooManyOfOne,
            None => Asked::Wait,
        }
    }

    fn next_ticket(&self) -> u64 {
        self.last_ticket.fetch_add(TICKET, SeqCst) + TICKET
    }

    /// Wakes the connections that wait for a place.
    fn note_change(&self) {
        if self.wanting.load(SeqCst) > 0 {
            self.changed.notify_waiters();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn count(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    /// Puts a connection on a free place. Returns the index of the place.
    fn add(&mut self, seat: Seat) -> usize {
        if let Some(host) = seat.host {
            *self.of.entry(host).or_default() += 1;
        }
        let number = self.free.pop().unwrap_or(self.seats.len());
        match self.seats.get_mut(number) {
            Some(free) => *free = Some(seat),
            None => self.seats.push(Some(seat)),
        }
        number
    }

    fn remove(&mut self, number: usize) {
        let Some(seat) = self.seats.get_mut(number).and_then(Option::take) else { return };
        self.free.push(number);
        if let Some(host) = seat.host
            && let Some(of_one) = self.of.get_mut(&host)
        {
            *of_one -= 1;
            if *of_one == 0 {
                self.of.remove(&host);
            }
        }
    }
}

/// Counts a connection as waiting for a place, until this value is dropped.
struct Wanting<'p>(&'p AtomicUsize);

impl<'p> Wanting<'p> {
    fn new(wanting: &'p AtomicUsize) -> Self {
        wanting.fetch_add(1, SeqCst);
        Self(wanting)
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// The place of one connection. Dropping the value frees the place. The state of a new connection
/// is that it waits for a request.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    number: usize,
    seat: Seat,
    /// Wakes the task of the connection when the client has taken all written bytes.
    written: AtomicWaker,
}

impl Place {
    /// Waits until another connection needs this place. After that, the connection must be closed.
    pub(crate) async fn is_needed(&self) {
        self.seat.close.notified().await;
    }

    /// Records that the client has not taken all written bytes of an answer. Returns whether this
    /// was recorded before.
    pub(crate) fn begins_to_write(&self) -> bool {
        self.state().fetch_or(WRITES, SeqCst) & WRITES != 0
    }

    /// Records that the client has taken all written bytes.
    pub(crate) fn has_written(&self) {
        if self.is_writing() {
            self.state().fetch_and(!WRITES, SeqCst);
            self.written.wake();
        }
    }

    /// Returns whether the client has not taken all written bytes of an answer.
    fn is_writing(&self) -> bool {
        self.state().load(SeqCst) & WRITES != 0
    }

    /// Returns whether the client has not taken all written bytes of an answer. If so, the task of
    /// `cx` is woken when it has.
    pub(crate) fn poll_writing(&self, cx: &Context<'_>) -> bool {
        if !self.is_writing() {
            return false;
        }
        self.written.register(cx.waker());
        self.is_writing()
    }

    /// Records that the connection does not wait for the client: bytes of a request have arrived,
    /// or it is answered.
    pub(crate) fn is_busy(&self) {
        self.state().fetch_and(!WAITS, SeqCst);
    }

    /// Records whether the next answer is a file. The client may take a file slowly.
    pub(crate) fn downloads(&self, is_file: bool) {
        if is_file {
            self.state().fetch_or(DOWNLOADS, SeqCst);
        } else {
            self.state().fetch_and(!DOWNLOADS, SeqCst);
        }
    }

    /// Records that the rest of a request has not arrived. The ticket stays, so the connection
    /// counts as waiting since the end of its last answer.
    pub(crate) fn waits_on(&self) {
        self.state().fetch_or(WAITS, SeqCst);
        self.places.note_change();
    }

    /// Records that the last piece of the answer was read, and that the connection waits for the
    /// next request. The client may not have taken the piece yet.
    pub(crate) fn waits_anew(&self) {
        let ticket = self.places.next_ticket();
        let anew = |state| Some(ticket | (state & (WRITES | DOWNLOADS)) | WAITS);
        let _always = self.state().fetch_update(SeqCst, SeqCst, anew);
        self.places.note_change();
    }

    fn state(&self) -> &AtomicU64 {
        &self.places.states[self.number]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().remove(self.number);
        self.places.note_change();
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

    /// Takes the place of the connection `old`, which is dropped when it is asked to end.
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
        assert_eq!(places.open().of.len(), 1);
    }

    #[tokio::test]
    async fn a_connection_that_is_in_use_or_downloads_a_file_is_not_closed() {
        let places = places(2, 2);
        let busy = take(&places, "10.0.0.1").await.unwrap();
        let downloading = take(&places, "10.0.0.2").await.unwrap();
        busy.is_busy();
        downloading.is_busy();
        downloading.downloads(true);
        downloading.begins_to_write();
        let waits = tokio::time::timeout(Duration::from_millis(50), places.take([10, 0, 0, 3].into(), false));
        assert!(waits.await.is_err(), "no place is free");
        let (taken, ()) = tokio::join!(take(&places, "10.0.0.3"), async { drop(busy) });
        let taken = taken.unwrap();
        taken.is_busy();
        // The last piece is read, so the download does not count in any limit.
        downloading.waits_anew();
        assert!(take_that_of(downloading, &places, "10.0.0.4").await.is_some());
    }

    #[tokio::test]
    async fn a_client_that_takes_no_answers_makes_room_after_those_that_wait_for_a_request() {
        let places = places(3, 3);
        let within_an_answer = take(&places, "10.0.0.1").await.unwrap();
        let after_an_answer = take(&places, "10.0.0.2").await.unwrap();
        let idle = take(&places, "10.0.0.3").await.unwrap();
        within_an_answer.is_busy();
        within_an_answer.begins_to_write();
        after_an_answer.downloads(true);
        after_an_answer.downloads(false);
        after_an_answer.begins_to_write();
        after_an_answer.waits_anew();
        let fourth = take_that_of(idle, &places, "10.0.0.4").await.unwrap();
        fourth.is_busy();
        let fifth = take_that_of(within_an_answer, &places, "10.0.0.5").await.unwrap();
        fifth.is_busy();
        let _sixth = take_that_of(after_an_answer, &places, "10.0.0.6").await.unwrap();
    }
}
