//! The file beside an audit log that names the time zone of its rows. Only a server in another zone than UTC makes one.

use crate::logs::reader::LogReadError;
use std::time::Duration;
use tokio::time::Instant;
use ucupdate_audit::Effect;
use ucupdate_core::value::Zone;
use ucupdate_store::{ImageStore, ImageStoreExt as _, StoreError, StoreKey};

/// The maximum size of the zone file in bytes.
const ZONE_BYTES: usize = 256;

/// The period after which the zone file of a log is read again while the log is written. A person
/// may remove the file while the log is written.
const LOOK_TIME: Duration = Duration::from_secs(60);

/// Returns the zone that the zone file of a log names. `None` if there is no zone file.
///
/// # Errors
/// [`LogReadError::Zone`] when the file names no zone, or is too large to do so. Also when the store fails.
pub(crate) async fn stored_zone(store: &dyn ImageStore, log: &str) -> Result<Option<Zone>, LogReadError> {
    let Some(key) = zone_key(log) else { return Ok(None) };
    let name = match store.get_bytes(&key, ZONE_BYTES).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(StoreError::TooLarge { .. }) => format!("more than {ZONE_BYTES} bytes"),
        Err(error) => return Err(error.into()),
    };
    let zone = Zone::named(&name);
    zone.map(Some).map_err(|source| LogReadError::Zone { log: log.into(), source: Box::new(source) })
}

/// Returns the key of the file with the zone of a stored log. `None` if the name is not that of a log.
fn zone_key(log: &str) -> Option<StoreKey> {
    StoreKey::parse(&format!("{}.zone", stem_of(log)?)).ok()
}

/// Returns whether a key has the ending of a log, compressed or not.
pub(crate) fn is_log(key: &str) -> bool {
    stem_of(key).is_some()
}

/// Returns the name of a log without `.log` or `.log.gz`. `None` if it ends with neither.
pub(crate) fn stem_of(log: &str) -> Option<&str> {
    log.strip_suffix(".gz").unwrap_or(log).strip_suffix(".log")
}

/// The claim of a server on the zone files beside its logs. Only the server that made the zone file
/// of a log creates the log. So two servers with the same name and different zones never write to
/// one log.
#[derive(Debug)]
pub(crate) struct ZoneClaim {
    zone: Zone,
    /// The last zone file that this server made.
    made: Option<StoreKey>,
    /// The zone file that was in order ([`ClaimState::Made`] or [`ClaimState::Stands`]) when this
    /// server last looked at it, and the time of that look.
    right: Option<(StoreKey, Instant)>,
}

/// The state of the zone file beside a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimState {
    /// This server has made the file just now.
    Made,
    /// The file names the zone of this server, or is absent because the zone is UTC.
    Stands,
    /// The file belongs to another server, or to a log that was removed.
    Foreign,
}

impl ZoneClaim {
    pub(crate) fn new(zone: Zone) -> Self {
        Self { zone, made: None, right: None }
    }

    /// Makes sure that the zone file beside a log names the zone of this server before the log is
    /// created or written again. The zone file of a log that is written again is read once a minute
    /// and not each time, because reads from a bucket cost money.
    pub(crate) async fn claim(
        &mut self,
        store: &dyn ImageStore,
        log: &StoreKey,
        effect: &Effect,
    ) -> Result<ClaimState, StoreError> {
        let (Some(key), is_create) = (zone_key(log.as_str()), matches!(effect, Effect::Create { .. })) else {
            return Ok(ClaimState::Stands);
        };
        if !is_create && !matches!(effect, Effect::Put { .. }) {
            return Ok(ClaimState::Stands);
        }
        let is_right = |(file, looked): &(StoreKey, Instant)| *file == key && looked.elapsed() < LOOK_TIME;
        if !is_create && self.right.as_ref().is_some_and(is_right) {
            return Ok(ClaimState::Stands);
        }
        let claimed = self.look(store, log, &key, is_create).await;
        let is_ours = matches!(claimed, Ok(ClaimState::Made | ClaimState::Stands));
        self.right = is_ours.then(|| (key, Instant::now()));
        claimed
    }

    async fn look(
        &mut self,
        store: &dyn ImageStore,
        log: &StoreKey,
        key: &StoreKey,
        is_create: bool,
    ) -> Result<ClaimState, StoreError> {
        let is_utc = self.zone == Zone::utc();
        if is_utc || self.made.as_ref() == Some(key) {
            match self.found(store, log).await? {
                None if is_utc => return Ok(ClaimState::Stands),
                None => {}
                Some(found) => return Ok(found),
            }
        } else if is_create && store.exists(log).await? {
            return Ok(ClaimState::Foreign);
        }
        // An attempt without a clear answer counts, because the next attempt then finds the file.
        self.made = Some(key.clone());
        match store.create(key, format!("{}\n", self.zone.name()).into()).await {
            Ok(()) => Ok(ClaimState::Made),
            Err(StoreError::AlreadyExists { .. }) => {
                self.made = None;
                Ok(ClaimState::Foreign)
            }
            Err(error) => Err(error),
        }
    }

    /// Repairs the zone file after an attempt to create a log. This is needed if servers with the
    /// same name and different zones made their logs at the same time. Errors of the repair are
    /// ignored: the case is rare, and the log itself is written.
    pub(crate) async fn settle(
        &self,
        store: &dyn ImageStore,
        log: &StoreKey,
        was_made: bool,
        created: &Result<(), StoreError>,
    ) {
        let Some(key) = zone_key(log.as_str()) else { return };
        match created {
            // The log belongs to a server in UTC, which has no zone file.
            Err(StoreError::AlreadyExists { .. }) if was_made => drop(store.delete(&key).await),
            Ok(()) if self.zone == Zone::utc() => {
                if let Ok(Some(ClaimState::Foreign)) = self.found(store, log).await {
                    drop(store.put_bytes(&key, format!("{}\n", self.zone.name())).await);
                }
            }
            _ => {}
        }
    }

    /// Returns [`ClaimState::Stands`] if the zone file names the zone of this server, and
    /// [`ClaimState::Foreign`] if not. `None` if there is no zone file.
    async fn found(&self, store: &dyn ImageStore, log: &StoreKey) -> Result<Option<ClaimState>, StoreError> {
        match stored_zone(store, log.as_str()).await {
            Ok(None) => Ok(None),
            Ok(Some(zone)) if zone == self.zone => Ok(Some(ClaimState::Stands)),
            Ok(Some(_)) => Ok(Some(ClaimState::Foreign)),
            Err(LogReadError::Store(error)) => Err(error),
            Err(_) => Ok(Some(ClaimState::Foreign)),
        }
    }
}
