//! [`DeviceStory`]: the events of one device in order of time, and its troubles.

use super::entry::{LoggedDownload, OfferedFile, Timeline, TimelineEntry};
use super::event::{
    AnsweredIn, AskedModule, CameBack, DeviceEvent, DeviceEventKind, Fetch, FetchResult, RequestRow,
    RestartedBy,
};
use super::find::troubles;
use super::keys::{host_key, path_key};
use super::served_path::FetchedFile;
use super::span::Span;
use super::story_options::StoryOptions;
use super::trouble::Trouble;
use crate::pairing::{installed, offers};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use ucupdate_audit::{AccessRow, AuditRow};
use ucupdate_core::ReportedVersion;
use ucupdate_core::device::{DeviceId, ReportedKind, SerialNumber};
use ucupdate_core::value::{Reported, UnixTime};

/// The story of one device: its requests, offers, downloads and troubles.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceStory {
    /// The MAC address or serial number. `None` if the device is known only by its address in an access log.
    pub device: Option<DeviceId>,
    /// The addresses of the device's requests, sorted.
    pub hosts: Vec<Box<str>>,
    /// The device kind in the last audit row of the device. Rows of uploaded device logs do not
    /// count. A part of the kind, such as the model, is empty if the row does not have it.
    pub kind: ReportedKind,
    /// The serial number in the row that [`kind`](Self::kind) comes from: the text as reported, and
    /// the parsed number if the text is valid.
    pub serial_number: Reported<SerialNumber>,
    /// The user in the row that [`kind`](Self::kind) comes from. Empty if no user was signed in.
    pub user_name: Box<str>,
    /// The events, in order of time.
    pub events: Vec<DeviceEvent>,
    /// The troubles, sorted by the time of the first event that showed each of them.
    pub troubles: Vec<Trouble>,
}

impl DeviceStory {
    /// Returns the name of the device: its MAC address, its serial number, or its address.
    pub fn name(&self) -> String {
        match &self.device {
            Some(device) => device.to_string(),
            None => self.hosts.first().map_or_else(|| "-".to_owned(), ToString::to_string),
        }
    }
}

impl Timeline {
    /// Returns the story of each device, sorted by name. Devices that are known only by their
    /// address come last.
    ///
    /// An access row without an audit row belongs to the device that sent the last request from the same address
    /// before it. If no device did so before, it belongs to the device that did so first. If the audit rows have no
    /// device at this address, the address gets a story of its own. An audit row that names no device belongs to the
    /// last device of the same kind at the same address. A restart is inferred if a device downloads an image and its
    /// signature, and then sends a request that does not report the old version.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ucupdate_audit::{AccessRow, AuditRow};
    /// use ucupdate_core::value::UnixTime;
    /// use ucupdate_fleet::timeline::{StoryOptions, Timeline};
    /// let now = UnixTime::from_seconds(1_239_817_657);
    /// let old_path = AccessRow {
    ///     client_ip: "192.168.20.103".into(),
    ///     ..AccessRow::finished("POST", "/UCDeviceUpdates/ucdevice.upx", 404, Duration::ZERO, now)
    /// };
    /// let timeline = Timeline::join([], [old_path]);
    /// let story = &timeline.stories(&StoryOptions::default())[0];
    /// assert_eq!(story.name(), "192.168.20.103");
    /// assert_eq!(story.troubles[0].to_string(), "asked at the old path and got 404");
    /// ```
    pub fn stories(&self, options: &StoryOptions<'_>) -> Vec<DeviceStory> {
        let end = options.now.or(self.last_seen()).unwrap_or_default();
        let stories = self.rows_by_device().into_values();
        stories.map(|rows| rows.story(options, end)).collect()
    }

    /// Returns the latest time of all audit rows and access rows. `None` if there are no rows.
    pub fn last_seen(&self) -> Option<UnixTime> {
        let audit = self.entries.last().map(|entry| entry.audit.logged_at);
        let of_entry = |entry: &'_ TimelineEntry| {
            let downloads = entry.downloads.iter().map(|download| download.access.finished_at);
            downloads.chain(entry.asked.as_ref().map(|row| row.finished_at)).max()
        };
        let access = self.entries.iter().filter_map(of_entry).max();
        audit.max(access).max(self.unjoined.last().map(|row| row.finished_at))
    }

    fn rows_by_device(&self) -> BTreeMap<(bool, String), DeviceRows<'_>> {
        let mut devices: BTreeMap<(bool, String), DeviceRows<'_>> = BTreeMap::new();
        let id_of =
            |entry: &TimelineEntry| DeviceId::of(&entry.audit.mac_address, &entry.audit.serial_number);
        let unnamed: Vec<_> = self.entries.iter().filter(|entry| id_of(entry).is_none()).collect();
        let shared: HashSet<String> = unnamed.iter().map(|entry| host_key(&entry.audit.user_host)).collect();
        // The devices at each address, in order of time. If a request from the address names no
        // device, also the devices of each kind there.
        let mut at_host: HashMap<(String, Option<&ReportedKind>), NamesByTime> = HashMap::new();
        for entry in &self.entries {
            let row = &entry.audit;
            let Some(device) = id_of(entry) else { continue };
            let (host, name) = (host_key(&row.user_host), device.to_string());
            if shared.contains(&host) {
                let of_kind = at_host.entry((host.clone(), Some(&row.kind))).or_default();
                of_kind.push((row.logged_at, name.clone()));
            }
            at_host.entry((host, None)).or_default().push((row.logged_at, name.clone()));
            devices.entry((false, name)).or_insert_with(|| DeviceRows::new(Some(device))).entries.push(entry);
        }
        let key_of = |host: &str, at: UnixTime, kind: Option<&ReportedKind>| {
            let host = host_key(host);
            match at_host.get(&(host.clone(), kind)) {
                Some(known) => {
                    let after = known.partition_point(|(then, _)| *then <= at);
                    (false, known[after.saturating_sub(1)].1.clone())
                }
                None => (true, host),
            }
        };
        for entry in unnamed {
            // A request that names another kind comes from another device. An uploaded device log names no kind.
            let row = &entry.audit;
            let kind = Some(&row.kind).filter(|kind| !kind.device_type.is_empty());
            let key = key_of(&row.user_host, row.logged_at, kind);
            devices.entry(key).or_insert_with(|| DeviceRows::new(None)).entries.push(entry);
        }
        for row in &self.unjoined {
            let key = key_of(&row.client_ip.decoded(), row.finished_at, None);
            devices.entry(key).or_insert_with(|| DeviceRows::new(None)).access.push(row);
        }
        devices
    }
}

/// The names of devices, each with the time of a request of the device, in order of time.
type NamesByTime = Vec<(UnixTime, String)>;

struct DeviceRows<'a> {
    device: Option<DeviceId>,
    entries: Vec<&'a TimelineEntry>,
    access: Vec<&'a AccessRow>,
}

impl DeviceRows<'_> {
    fn new(device: Option<DeviceId>) -> Self {
        Self { device, entries: Vec::new(), access: Vec::new() }
    }

    fn story(mut self, options: &StoryOptions<'_>, end: UnixTime) -> DeviceStory {
        self.entries.sort_by_key(|entry| entry.audit.logged_at);
        let mut hosts = BTreeSet::new();
        let mut events = Vec::new();
        for entry in &self.entries {
            hosts.insert(Box::<str>::from(&*entry.audit.user_host));
            events.push(asked(entry));
            events.extend(entry.downloads.iter().map(|download| downloaded(entry, download, options)));
        }
        for row in &self.access {
            hosts.insert(row.client_ip.decoded().into());
            events.push(from_access(row, options));
        }
        events.sort_by_key(|event| event.at);
        // An uploaded device log names neither the device nor its kind.
        let asked = self.entries.iter().rfind(|entry| !is_log_upload(&entry.audit));
        let last = asked.or(self.entries.last()).map(|entry| &entry.audit);
        let kind = last.map(|row| row.kind.clone()).unwrap_or_default();
        let mut events = with_restarts(events, &kind, options);
        if let Some(last) = events.last().map(|event| event.at)
            && Span::between(last, end).0 >= options.thresholds.silent
        {
            let since = Span::between(last, end);
            events.push(DeviceEvent { at: end, kind: DeviceEventKind::Silent { since }, shared_host: false });
        }
        let troubles = troubles(&events, &self.entries, &kind, options, end);
        DeviceStory {
            device: self.device,
            hosts: hosts.into_iter().filter(|host| !host.is_empty()).collect(),
            serial_number: last.map(|row| row.serial_number.clone()).unwrap_or_default(),
            user_name: last.map(|row| row.user_name.clone()).unwrap_or_default(),
            kind,
            events,
            troubles,
        }
    }
}

/// Returns whether an audit row is that of an uploaded device log. Such a row has no device type, modules, MAC
/// address or serial number.
fn is_log_upload(row: &AuditRow) -> bool {
    row.kind.device_type.is_empty()
        && row.requested.is_empty()
        && row.mac_address.is_blank()
        && row.serial_number.is_blank()
}

fn asked(entry: &TimelineEntry) -> DeviceEvent {
    let row = &entry.audit;
    let at = row.logged_at;
    if is_log_upload(row) {
        return DeviceEvent { at, kind: DeviceEventKind::UploadedLogs, shared_host: false };
    }
    let offers = offers(&row.requested, &row.offered);
    let modules = row.requested.iter().zip(offers).map(|(cell, offer)| {
        let module = installed(cell);
        AskedModule {
            file_name: module.file_name,
            installed: module.version,
            offered: offer.map(|offer| offer.version.clone()),
            is_interim: offer.is_some_and(|offer| offer.url.to_ascii_lowercase().contains("/ocinterim/")),
            because: None,
            came_back: None,
        }
    });
    let answered =
        entry.asked.as_ref().map(|row| AnsweredIn { status: row.status, taken_ms: row.time_taken_ms });
    DeviceEvent {
        at,
        kind: DeviceEventKind::Asked { modules: modules.collect(), answered },
        shared_host: false,
    }
}

fn downloaded(entry: &TimelineEntry, download: &LoggedDownload, options: &StoryOptions<'_>) -> DeviceEvent {
    let row = &download.access;
    let mut event = from_access(row, options);
    event.shared_host = download.shared_host;
    // The audit row has the version, even if the path does not contain it.
    if let DeviceEventKind::Fetched(fetch) = &mut event.kind
        && fetch.file.version.is_none()
        && let Some(offer) = entry.audit.offered.get(download.offer)
    {
        fetch.file.version = Some(offer.version.clone());
        fetch.file.is_signature = download.file == OfferedFile::Signature;
    }
    event
}

fn from_access(row: &AccessRow, options: &StoryOptions<'_>) -> DeviceEvent {
    let path = row.uri_stem.decoded();
    let (sub_status, win32_status) = (row.sub_status.unwrap_or(0), row.win32_status.unwrap_or(0));
    let is_get = row.method.as_logged().eq_ignore_ascii_case("GET");
    let kind = match FetchedFile::of_path(&path).filter(|_| is_get) {
        Some(file) => {
            let size = options.sizes.get(&path_key(&path)).copied();
            let bytes = row.others.iter().find(|(name, _)| name.eq_ignore_ascii_case("sc-bytes"));
            let bytes = bytes.and_then(|(_, bytes)| bytes.as_logged().parse().ok());
            let is_short = bytes.zip(size).is_some_and(|(bytes, size): (u64, u64)| bytes < size);
            let outcome = match row.status {
                Some(200) if win32_status != 0 || is_short => FetchResult::CutShort,
                Some(206) if win32_status != 0 => FetchResult::CutShort,
                Some(200 | 304) => FetchResult::Whole,
                Some(206) => FetchResult::Part,
                status => FetchResult::Failed { status, sub_status, win32_status },
            };
            DeviceEventKind::Fetched(Fetch {
                file,
                path: path.into(),
                outcome,
                bytes,
                size,
                taken_ms: row.time_taken_ms,
                is_unchanged: row.status == Some(304),
            })
        }
        None => DeviceEventKind::Requested(RequestRow {
            method: row.method.decoded().into(),
            path: path.into(),
            status: row.status,
            sub_status,
            win32_status,
        }),
    };
    DeviceEvent { at: row.finished_at, kind, shared_host: false }
}

/// The time in seconds that an installation may take. If a device reports its old version this long
/// after the download, it did not install the new version.
const INSTALL_SECONDS: u64 = 600;

/// Returns the events with the inferred restarts, and with the relation of each installed version
/// to the previous offer.
fn with_restarts(
    events: Vec<DeviceEvent>,
    kind: &ReportedKind,
    options: &StoryOptions<'_>,
) -> Vec<DeviceEvent> {
    let mut joined: Vec<DeviceEvent> = Vec::with_capacity(events.len());
    let mut fetched = FetchedFiles::default();
    let mut offered: HashMap<String, (ReportedVersion, ReportedVersion)> = HashMap::new();
    for mut event in events {
        let is_request = match &mut event.kind {
            DeviceEventKind::Fetched(fetch) => {
                fetched.take_in(event.at, fetch);
                false
            }
            DeviceEventKind::Asked { modules, .. } => {
                let mut is_still_old = false;
                for module in modules.iter_mut() {
                    let scheme = options.scheme(kind, &module.file_name);
                    let key = module.file_name.to_ascii_lowercase();
                    if let Some((before, offer)) = offered.get(&key) {
                        let is_after_fetch = fetched
                            .complete()
                            .is_some_and(|at| Span::between(at, event.at).0 >= INSTALL_SECONDS);
                        let is_offer = scheme.is_same_release(&module.installed, offer);
                        let is_before = scheme.is_same_release(&module.installed, before);
                        is_still_old |= is_before && !is_offer;
                        module.came_back = match (is_offer, is_before) {
                            (true, false) => Some(CameBack::WithOffered),
                            (false, true) if is_after_fetch => Some(CameBack::WithOld),
                            _ => None,
                        };
                    }
                    match &module.offered {
                        Some(offer) => {
                            offered.insert(key, (module.installed.clone(), offer.clone()));
                        }
                        None => {
                            offered.remove(&key);
                        }
                    }
                }
                if is_still_old {
                    let is_settled = modules.iter().any(|module| module.came_back.is_some());
                    fetched = if is_settled { FetchedFiles::default() } else { fetched };
                }
                !is_still_old
            }
            DeviceEventKind::Requested(row) => row.method.eq_ignore_ascii_case("POST"),
            _ => false,
        };
        if is_request && let Some(at) = fetched.complete() {
            let after = Span::between(at, event.at);
            let by = RestartedBy::after(after);
            let kind = DeviceEventKind::Restarted { after, by };
            joined.push(DeviceEvent { at: event.at, kind, shared_host: false });
            fetched = FetchedFiles::default();
        }
        joined.push(event);
    }
    joined
}

/// The image and the signature that a device downloaded last. They are forgotten when a restart is inferred from
/// them, or when the device still reports its old version after the time for installing.
#[derive(Default)]
struct FetchedFiles {
    image: Option<(UnixTime, FetchedFile)>,
    signature: Option<(UnixTime, FetchedFile)>,
}

impl FetchedFiles {
    fn take_in(&mut self, at: UnixTime, fetch: &Fetch) {
        if fetch.outcome != FetchResult::Whole {
            return;
        }
        let place = if fetch.file.is_signature { &mut self.signature } else { &mut self.image };
        *place = Some((at, fetch.file.clone()));
    }

    /// Returns the time at which both files were downloaded. `None` if one of them is missing.
    fn complete(&self) -> Option<UnixTime> {
        let ((image, file), (signature, its)) = self.image.as_ref().zip(self.signature.as_ref())?;
        file.is_of_same_release(its).then(|| *image.max(signature))
    }
}
