//! [`Event`]: something that happened in a service. [`Events`]: a listener.

use crate::asker::Asker;
use crate::captures::capture::CaptureId;
use crate::error::StateError;
use crate::packages::files::ServedFile;
use crate::packages::ingest::ingested::Ingested;
use crate::state::rule_history::Revision;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use ucupdate_audit::{AccessRow, LogKind};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::{Decision, UpdateRequest};
use ucupdate_fleet::inventory::DeviceState;
use ucupdate_fleet::loops::Loop;
use ucupdate_fleet::outcomes::Tripped;
use ucupdate_upx::DecodeError;

/// A listener for the events of a service. [`Options::with_events`](crate::Options::with_events) adds one.
///
/// The service calls listeners on the thread on which the event happens, which is often the thread that answers a device:
///
/// - A listener must return quickly. If it blocks, the answer waits for it. A listener that writes to a file or a
///   network must use a bounded queue, and count the events that do not fit.
/// - A panic of a listener is caught if the program unwinds. The answer is not affected.
/// - Listeners are called in the order in which they were added. Events of different threads may arrive in any order.
/// - An event borrows its data. A service without listeners builds no event that needs an allocation.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ucupdate::{Event, Events, Options};
///
/// #[derive(Debug, Default)]
/// struct Refusals(AtomicU64);
///
/// impl Events for Refusals {
///     fn on_event(&self, event: &Event<'_>) {
///         if let Event::RequestRefused { .. } = event {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// let options = Options::default().with_events(Arc::new(Refusals::default()));
/// # drop(options);
/// ```
pub trait Events: fmt::Debug + Send + Sync + 'static {
    /// Receives an event.
    fn on_event(&self, event: &Event<'_>);
}

/// Something that happened in a service.
///
/// Texts that devices sent and paths of requests are not changed. So they may be long and may
/// contain control characters.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request of a device was read and answered, whether or not the answer offers an update.
    RequestAnswered {
        /// The request as it was read.
        request: &'a UpdateRequest,
        /// The origin of the request.
        asker: Asker<'a>,
        /// One decision for each module of the request, in the order of the request. Empty if the service offers nothing because of
        /// the state of its store ([`Health::offers_stopped`](crate::Health::offers_stopped)).
        decisions: &'a [Decision<'a>],
        /// The revision of the rule book that decided.
        revision: u64,
    },
    /// A request got a status of 400 or higher.
    RequestRefused {
        /// The address of the device. It is empty if the server does not know it.
        host: &'a str,
        /// The HTTP method, as the device sent it.
        method: &'a str,
        /// The path of the request, not decoded.
        path: &'a str,
        /// The HTTP status of the answer.
        status: u16,
        /// The reason, as the body of the answer states it to the device.
        reason: &'a str,
    },
    /// The body of a request is not an update request, and not a device log. [`RequestRefused`](Self::RequestRefused) follows.
    RequestUnreadable {
        /// The address of the device. It is empty if the server does not know it.
        host: &'a str,
        /// The first error in the body.
        error: &'a DecodeError,
        /// The received part of the body.
        body: &'a [u8],
        /// `true` if this is the first body since the service was opened that failed in this way.
        is_first: bool,
        /// The id under which the body will be kept. `None` if it is not kept. [`CapturesLost`](Self::CapturesLost) reports a write that
        /// fails later.
        capture: Option<&'a CaptureId>,
    },
    /// An exchange with a device ended. Its answer was sent, or sending was given up.
    ExchangeFinished {
        /// The row of the access log.
        row: &'a AccessRow,
        /// The bytes of the answer's body that were sent.
        sent: u64,
        /// The time from the request to the last byte. The row has whole milliseconds only.
        taken: Duration,
    },
    /// A device began to fetch a file. [`FileFetched`](Self::FileFetched) follows.
    FetchStarted {
        /// The file at the requested path.
        file: &'a ServedFile,
        /// The address of the device. It is empty if the server does not know it.
        host: &'a str,
    },
    /// A device fetched a file or a part of it, or failed to.
    FileFetched {
        /// The file at the requested path.
        file: &'a ServedFile,
        /// The address of the device. It is empty if the server does not know it.
        host: &'a str,
        /// Whether the requested bytes were sent, and why not.
        outcome: FetchOutcome,
        /// The number of bytes of the answer's body that were sent.
        bytes: u64,
        /// The time from the request to the last byte.
        taken: Duration,
    },
    /// The rule book has a new revision. Each server on the store emits this event when it begins
    /// to use the revision.
    ChangeMade {
        /// The revision, with its author, its command and its notes.
        revision: &'a Revision,
    },
    /// This server paused a rollout, because more devices failed than the guard of the rollout
    /// allows.
    RolloutPaused {
        /// The rollout, and the reason.
        paused: &'a Tripped,
    },
    /// The guard of a rollout is exceeded, but another server or an administrator has paused the rollout already. The event
    /// occurs once for each pause.
    RolloutAlreadyPaused {
        /// The rollout, and the reason. The reason has the numbers that this server counted.
        paused: &'a Tripped,
    },
    /// This process ingested a package.
    PackageIngested {
        /// The package, the revision of the ingest, and notes about its effects.
        ingested: &'a Ingested,
        /// The file name of the package, as the history shows it.
        file_name: &'a str,
        /// The name that the caller passed to [`UpdateService::admin`](crate::UpdateService::admin).
        author: &'a str,
    },
    /// The store does not take log rows, so they wait in memory.
    LogRowsWaiting {
        /// The audit log or the access log.
        log: LogKind,
        /// The number of rows that wait now.
        rows: usize,
        /// The last error of the store, as text.
        cause: &'a str,
    },
    /// Log rows that had to wait are in the store.
    LogRowsWritten {
        /// The audit log or the access log.
        log: LogKind,
    },
    /// Log rows were dropped. The first row is reported at once, and then the event occurs at most once a minute.
    LogRowsDropped {
        /// The audit log or the access log.
        log: LogKind,
        /// The number of rows that were dropped since the service was opened.
        rows: u64,
        /// The reason of the last drop, with the failure of the store if there is one.
        cause: &'a str,
    },
    /// Captures could not be written and are lost. The first one is reported at once, and then the event occurs at most once a minute.
    CapturesLost {
        /// The number of captures that were lost since the service was opened.
        captures: u64,
        /// The error of the last write that failed, with its causes.
        cause: &'a str,
    },
    /// The rule book cannot be read. The last snapshot continues to answer. The event occurs once, until the store is
    /// reachable again.
    StoreUnreachable {
        /// The error of the last attempt to read the rule book.
        error: &'a StateError,
    },
    /// The history in the store is not the one that this service has read. The event occurs once, until the history is
    /// repaired.
    HistoryReplaced {
        /// The error, whose text says how the two histories differ.
        error: &'a StateError,
    },
    /// The rule book can be read again.
    StoreReachable {
        /// The time since the rule book was last read.
        after: Duration,
    },
    /// A device is offered the same versions again and again, so it is in a loop.
    /// [`TroubleWatch`](crate::TroubleWatch) emits this event.
    LoopFound {
        /// The device, the versions that repeat, and the time at which the loop began.
        found: &'a Loop,
    },
    /// A device has sent no request for a long time. [`TroubleWatch`](crate::TroubleWatch) emits
    /// this event.
    DeviceSilent {
        /// The MAC address or serial number.
        device: &'a DeviceId,
        /// The time of its last request.
        last_seen: UnixTime,
    },
    /// The devices of the fleet were counted. [`TroubleWatch::look`](crate::TroubleWatch::look)
    /// counts them each time it is called.
    FleetCounted {
        /// The number of devices in each state. A state without devices is missing.
        states: &'a BTreeMap<DeviceState, u64>,
        /// The time at which the devices were counted.
        at: UnixTime,
    },
    /// A request to the administrators' side was refused, because its token is missing, wrong or
    /// expired, or because the role of the token does not allow the request.
    LoginRefused {
        /// The address of the client. It is empty if the server does not know it.
        host: &'a str,
        /// The name of the administrator. It is empty if no token was recognised.
        name: &'a str,
        /// The HTTP method, as the client sent it.
        method: &'a str,
        /// The path of the request, not decoded.
        path: &'a str,
        /// The reason of the refusal. It never has a part of the token.
        reason: &'a str,
    },
}

/// The outcome of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchOutcome {
    /// The whole file was sent.
    Whole,
    /// The part that the device asked for was sent.
    Part,
    /// The device was redirected to the bucket of the store. Only the access log of the bucket shows whether the device got the file.
    Redirected,
    /// The connection or the store failed before the last byte.
    Failed,
}

impl FetchOutcome {
    /// Returns the outcome as one word for programs: `whole`, `part`, `redirected` or `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Part => "part",
            Self::Redirected => "redirected",
            Self::Failed => "failed",
        }
    }
}

macro_rules! kinds {
    ($($kind:ident $name:literal)*) => {
        /// The kind of an [`Event`]. Its name is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "`Event` documents each kind")]
        pub enum EventKind {
            $($kind,)*
        }

        impl EventKind {
            /// Every kind, in the order of the variants of [`Event`].
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Returns the name of the kind, such as `change-made`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Event<'_> {
            /// Returns the kind, which is the event without its data.
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }
        }
    };
}

kinds! {
    RequestAnswered "request-answered"
    RequestRefused "request-refused"
    RequestUnreadable "request-unreadable"
    ExchangeFinished "exchange-finished"
    FetchStarted "fetch-started"
    FileFetched "file-fetched"
    ChangeMade "change-made"
    RolloutPaused "rollout-paused"
    RolloutAlreadyPaused "rollout-already-paused"
    PackageIngested "package-ingested"
    LogRowsWaiting "log-rows-waiting"
    LogRowsWritten "log-rows-written"
    LogRowsDropped "log-rows-dropped"
    CapturesLost "captures-lost"
    StoreUnreachable "store-unreachable"
    HistoryReplaced "history-replaced"
    StoreReachable "store-reachable"
    LoopFound "loop-found"
    DeviceSilent "device-silent"
    FleetCounted "fleet-counted"
    LoginRefused "login-refused"
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Error of parsing the name of an event kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no event is named `{name}`, expected one of {}", names())]
pub struct EventKindError {
    name: Box<str>,
}

fn names() -> String {
    EventKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for EventKind {
    type Err = EventKindError;

    fn from_str(name: &str) -> Result<Self, EventKindError> {
        let found = Self::ALL.iter().find(|kind| kind.name() == name);
        found.copied().ok_or_else(|| EventKindError { name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_no_two_share_one() {
        for kind in EventKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        let error = "change".parse::<EventKind>().unwrap_err().to_string();
        assert!(
            error.starts_with("no event is named `change`, expected one of request-answered, "),
            "{error}"
        );
    }
}
