//! Finds loops in the requests of one device. A loop of one device is called circle here.

use super::found::LoopKind;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The number of counted offers of the same version after which a device that keeps its old version is in a loop of
/// the kind [`LoopKind::Unchanged`].
const UNCHANGED_ASKS: u32 = 3;

/// One request about one module, or several consecutive requests with the same versions and server.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) at: UnixTime,
    pub(super) installed: Arc<ReportedVersion>,
    pub(super) offered: Option<Arc<ReportedVersion>>,
    pub(super) server: Option<Arc<str>>,
    /// The number of requests that this entry stands for, at least 1.
    pub(super) asks: u64,
}

impl Ask {
    /// Returns the time, the versions and the server. Requests are sorted by these values. Two requests with the
    /// same values are the same request.
    pub(super) fn place(&self) -> (UnixTime, &str, Option<&str>, Option<&str>) {
        let offered = self.offered.as_ref().map(|offered| offered.as_str());
        (self.at, self.installed.as_str(), offered, self.server.as_deref())
    }

    /// Returns whether another request has the same installed version, offer and server.
    pub(super) fn has_same_content(&self, other: &Self) -> bool {
        let (_, installed, offered, server) = self.place();
        (installed, offered, server) == (other.installed.as_str(), other.place().2, other.place().3)
    }
}

/// A loop, without the device that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Circle {
    pub(super) kind: LoopKind,
    pub(super) versions: Vec<Arc<ReportedVersion>>,
    pub(super) servers: BTreeSet<Arc<str>>,
    pub(super) first: UnixTime,
    pub(super) last: UnixTime,
    pub(super) asks: u64,
    pub(super) goes_on: bool,
}

/// Returns the circles in the requests `seen`, which must be sorted by time. For [`LoopKind::Unchanged`], requests
/// with less than `apart` between them count once.
pub(super) fn find(seen: &[Ask], apart: Duration) -> Vec<Circle> {
    let mut found = offered_installed(seen);
    found.extend(unchanged(seen, apart));
    found.extend(flipped(seen));
    found
}

/// Returns whether two texts mean the same version: they are the same release, or differ only in
/// ASCII case and in zeros before a number.
fn same(one: &ReportedVersion, two: &ReportedVersion) -> bool {
    one.is_same_release(two) || plain(one.as_str()).eq(plain(two.as_str()))
}

/// Returns the text in lower case, without zeros before a number.
fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let mut next = rest.next()?;
        while next == '0' && !before.is_ascii_digit() && rest.peek().is_some_and(char::is_ascii_digit) {
            next = rest.next()?;
        }
        before = next;
        Some(next.to_ascii_lowercase())
    })
}

fn is_offered_installed(seen: &Ask) -> bool {
    seen.offered.as_ref().is_some_and(|offered| same(&seen.installed, offered))
}

/// A move from one version to another: the requests in which a device with the version `from` was
/// offered the version `to`.
#[derive(Clone, Debug)]
struct Move {
    from: Arc<ReportedVersion>,
    to: Arc<ReportedVersion>,
    servers: BTreeSet<Arc<str>>,
    first: UnixTime,
    last: UnixTime,
    asks: u64,
}

impl Move {
    fn new(seen: &Ask, to: &Arc<ReportedVersion>) -> Self {
        let mut begun = Self {
            from: Arc::clone(&seen.installed),
            to: Arc::clone(to),
            servers: BTreeSet::new(),
            first: seen.at,
            last: seen.at,
            asks: 0,
        };
        begun.take_in(seen);
        begun
    }

    fn is(&self, from: &ReportedVersion, to: &ReportedVersion) -> bool {
        same(&self.from, from) && same(&self.to, to)
    }

    fn take_in(&mut self, seen: &Ask) {
        self.servers.extend(seen.server.clone());
        self.last = seen.at;
        self.asks += seen.asks;
    }

    fn into_circle(self, kind: LoopKind, goes_on: bool) -> Circle {
        let Self { from, to, servers, first, last, asks } = self;
        Circle { kind, versions: vec![from, to], servers, first, last, asks, goes_on }
    }
}

fn offered_installed(seen: &[Ask]) -> Vec<Circle> {
    let mut found: Vec<Move> = Vec::new();
    for ask in seen.iter().filter(|ask| is_offered_installed(ask)) {
        let Some(offered) = &ask.offered else { continue };
        match found.iter_mut().find(|known| known.is(&ask.installed, offered)) {
            Some(known) => known.take_in(ask),
            None => found.push(Move::new(ask, offered)),
        }
    }
    let goes_on = seen.last().filter(|last| is_offered_installed(last));
    let goes_on = |found: &Move| goes_on.is_some_and(|last| same(&found.from, &last.installed));
    let circle = |found: Move| {
        let goes_on = goes_on(&found);
        found.into_circle(LoopKind::OfferedInstalled, goes_on)
    };
    found.into_iter().map(circle).collect()
}

/// An offer that is repeated while a device keeps one version.
struct RepeatedOffer {
    offer: Move,
    /// The number of counted requests. The offer is a loop when it reaches [`UNCHANGED_ASKS`]. A
    /// request is counted only if enough time has passed since the last counted one.
    counted: u32,
    /// The time of the last request that was counted.
    counted_at: UnixTime,
}

fn unchanged(seen: &[Ask], apart: Duration) -> Vec<Circle> {
    let apart = i64::try_from(apart.as_millis()).unwrap_or(i64::MAX);
    let mut found: Vec<Circle> = Vec::new();
    for stay in seen.chunk_by(|one, next| same(&one.installed, &next.installed)) {
        let mut standing: Vec<RepeatedOffer> = Vec::new();
        for ask in stay.iter().filter(|ask| !is_offered_installed(ask)) {
            let Some(offered) = &ask.offered else { continue };
            let Some(known) = standing.iter_mut().find(|known| same(&known.offer.to, offered)) else {
                standing.push(RepeatedOffer {
                    offer: Move::new(ask, offered),
                    counted: 1,
                    counted_at: ask.at,
                });
                continue;
            };
            known.offer.take_in(ask);
            if ask.at.as_millis().saturating_sub(known.counted_at.as_millis()) >= apart {
                known.counted += 1;
                known.counted_at = ask.at;
            }
        }
        let is_latest = std::ptr::eq(stay.as_ptr_range().end, seen.as_ptr_range().end);
        let latest_offer = stay.last().filter(|_| is_latest).and_then(|last| last.offered.as_ref());
        for offer in
            standing.into_iter().filter(|known| known.counted >= UNCHANGED_ASKS).map(|known| known.offer)
        {
            let goes_on = latest_offer.is_some_and(|latest| same(latest, &offer.to));
            match found.iter_mut().find(|circle| offer.is(&circle.versions[0], &circle.versions[1])) {
                Some(circle) => {
                    circle.servers.extend(offer.servers);
                    circle.last = offer.last;
                    circle.asks += offer.asks;
                    circle.goes_on = goes_on;
                }
                None => found.push(offer.into_circle(LoopKind::Unchanged, goes_on)),
            }
        }
    }
    found
}

/// Moves that follow one another: each move starts at the version at which the previous move ended.
/// The chain ends when a server wants another version than before.
#[derive(Default)]
struct MoveChain {
    moves: Vec<Move>,
    /// Requests without an offer since the last move.
    kept: Vec<Ask>,
}

impl MoveChain {
    /// Returns whether a request without an offer continues the chain.
    fn takes_rest(&self, ask: &Ask) -> bool {
        let Some(server) = &ask.server else { return false };
        let is_here = self
            .moves
            .last()
            .is_some_and(|last| same(&last.from, &ask.installed) || same(&last.to, &ask.installed));
        let moved_it_away =
            |known: &Move| same(&known.from, &ask.installed) && known.servers.contains(server);
        is_here && !self.moves.iter().any(moved_it_away)
    }

    /// Returns whether a request with an offer continues the chain.
    fn takes_move(&self, ask: &Ask) -> bool {
        let wanted_it = |kept: &Ask| kept.server == ask.server && same(&kept.installed, &ask.installed);
        self.moves.last().is_some_and(|last| same(&last.to, &ask.installed))
            && !self.kept.iter().any(wanted_it)
    }

    /// Returns the circle in the chain. It begins at the first move that is repeated later in the
    /// chain, and ends at the last move that repeats an earlier one. `None` if no move occurs
    /// twice. `goes_on` tells whether the loop continues after the chain.
    fn circle(&self, goes_on: bool) -> Option<Circle> {
        let repeats = |one: &Move, two: &Move| one.is(&two.from, &two.to);
        let begin = (0..self.moves.len())
            .find(|index| self.moves[index + 1..].iter().any(|later| repeats(&self.moves[*index], later)))?;
        let end = (begin + 1..self.moves.len()).rfind(|index| {
            self.moves[begin..*index].iter().any(|earlier| repeats(earlier, &self.moves[*index]))
        })?;
        let moves = &self.moves[begin..=end];
        let mut versions: Vec<Arc<ReportedVersion>> = Vec::new();
        for version in moves.iter().map(|step| &step.from) {
            if !versions.iter().any(|known| same(known, version)) {
                versions.push(Arc::clone(version));
            }
        }
        Some(Circle {
            kind: LoopKind::Flipped,
            versions,
            servers: moves.iter().flat_map(|step| step.servers.iter().cloned()).collect(),
            first: moves[0].first,
            last: moves[moves.len() - 1].last,
            asks: moves.iter().map(|step| step.asks).sum(),
            goes_on,
        })
    }
}

fn flipped(seen: &[Ask]) -> Vec<Circle> {
    let mut found = Vec::new();
    let mut chain = MoveChain::default();
    for ask in seen.iter().filter(|ask| !is_offered_installed(ask)) {
        match &ask.offered {
            None if chain.takes_rest(ask) => chain.kept.push(ask.clone()),
            None => found.extend(std::mem::take(&mut chain).circle(false)),
            Some(offered) => {
                if let Some(last) = chain.moves.last_mut().filter(|last| last.is(&ask.installed, offered)) {
                    last.take_in(ask);
                    continue;
                }
                if !chain.takes_move(ask) {
                    found.extend(std::mem::take(&mut chain).circle(false));
                }
                chain.kept.clear();
                chain.moves.push(Move::new(ask, offered));
            }
        }
    }
    found.extend(chain.circle(true));
    found
}
