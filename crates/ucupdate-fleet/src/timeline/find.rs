//! Finds the troubles of a device in its events.

use super::entry::TimelineEntry;
use super::event::{AskedModule, CameBack, DeviceEvent, DeviceEventKind, Fetch, FetchResult, RequestRow};
use super::served_path::FetchedFile;
use super::span::Span;
use super::story_options::StoryOptions;
use super::thresholds::Thresholds;
use super::trouble::{Trouble, TroubleKind};
use std::collections::HashMap;
use ucupdate_core::device::ReportedKind;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// The maximum number of troubles of one device.
const MAX_TROUBLES: usize = 64;

pub(super) fn troubles(
    events: &[DeviceEvent],
    entries: &[&TimelineEntry],
    kind: &ReportedKind,
    options: &StoryOptions<'_>,
    end: UnixTime,
) -> Vec<Trouble> {
    let mut finder = Finder {
        kind,
        options,
        limits: options.thresholds,
        found: Vec::new(),
        sign_ins: 0,
        same: HashMap::new(),
    };
    for (place, event) in events.iter().enumerate() {
        let later = &events[place + 1..];
        match &event.kind {
            DeviceEventKind::Requested(row) => finder.requested(event.at, row),
            DeviceEventKind::Asked { modules, answered } => {
                finder.answered(event.at);
                let is_logged = answered.is_some();
                modules.iter().for_each(|module| finder.asked(event.at, module, is_logged, later, end));
            }
            DeviceEventKind::Fetched(fetch) => finder.fetched(event.at, fetch, &events[..place], later, end),
            DeviceEventKind::Silent { since } => finder.see(TroubleKind::Silent { since: *since }, event.at),
            DeviceEventKind::Restarted { .. } | DeviceEventKind::UploadedLogs => {}
        }
    }
    entries.iter().for_each(|entry| finder.clock(entry));
    finder.found.sort_by_key(|trouble| trouble.first);
    finder.found
}

struct Finder<'a> {
    kind: &'a ReportedKind,
    options: &'a StoryOptions<'a>,
    limits: Thresholds,
    found: Vec<Trouble>,
    /// The number of refused attempts to sign in since the last answered request.
    sign_ins: u32,
    /// The last offer for each module, to find an offer that is repeated. The key is the file name in lower case.
    /// The value has the installed and the offered version, the number of counted requests with these versions, and
    /// the time of the last counted one. A request is counted if the limit `fetch` has passed since the last
    /// counted one.
    same: HashMap<String, (ReportedVersion, ReportedVersion, u32, UnixTime)>,
}

impl Finder<'_> {
    /// Adds a trouble that an event at the time `at` shows. If the same trouble is known and has not ended, counts
    /// the event for this trouble instead.
    fn see(&mut self, kind: TroubleKind, at: UnixTime) {
        let is_full = self.found.len() >= MAX_TROUBLES;
        let same = |trouble: &&mut Trouble| trouble.over.is_none() && is_same(&trouble.kind, &kind);
        match self.found.iter_mut().find(same) {
            Some(trouble) => {
                trouble.kind = kind;
                trouble.last = at;
                trouble.count += 1;
            }
            None if is_full => {}
            None => self.found.push(Trouble { kind, first: at, last: at, count: 1, over: None }),
        }
    }

    /// Ends the troubles for which `is_contradicted` returns `true`: an event at the time `at` shows that they are
    /// over.
    fn end(&mut self, at: UnixTime, is_contradicted: impl Fn(&TroubleKind) -> bool) {
        let open = self.found.iter_mut().filter(|trouble| trouble.over.is_none());
        open.filter(|trouble| is_contradicted(&trouble.kind)).for_each(|trouble| trouble.over = Some(at));
    }

    fn requested(&mut self, at: UnixTime, row: &RequestRow) {
        let Some(status) = row.status else { return };
        let sub_status = row.sub_status;
        let is_post = row.method.eq_ignore_ascii_case("POST");
        match status {
            200..400 if is_post => self.answered(at),
            200..400 => {}
            // A device uploads its logs, and the service refuses them with this status.
            501 => {}
            404 if row.is_old_path() => self.see(TroubleKind::OldPath, at),
            405 if is_post => self.see(TroubleKind::NoHandler { path: row.path.clone() }, at),
            // A device sends only `POST` to the request handler, so a person opened this path in a
            // browser.
            405 => {}
            400 => self.see(TroubleKind::UnreadableRequest, at),
            401 => {
                self.sign_ins += 1;
                let kind = TroubleKind::SignInLoop { sub_status };
                if self.sign_ins >= self.limits.sign_ins {
                    self.see(kind, at);
                    // Earlier attempts to sign in belong to the same loop.
                    if self.sign_ins == self.limits.sign_ins
                        && let Some(trouble) = self.found.last_mut()
                    {
                        trouble.count = self.sign_ins.into();
                    }
                }
            }
            _ => self.see(TroubleKind::RequestRefused { status, sub_status }, at),
        }
    }

    fn answered(&mut self, at: UnixTime) {
        self.sign_ins = 0;
        self.end(at, |kind| {
            matches!(
                kind,
                TroubleKind::OldPath
                    | TroubleKind::NoHandler { .. }
                    | TroubleKind::UnreadableRequest
                    | TroubleKind::SignInLoop { .. }
                    | TroubleKind::RequestRefused { .. }
                    | TroubleKind::NotBack { .. }
            )
        });
    }

    fn asked(
        &mut self,
        at: UnixTime,
        module: &AskedModule,
        is_logged: bool,
        later: &[DeviceEvent],
        end: UnixTime,
    ) {
        let scheme = self.options.scheme(self.kind, &module.file_name);
        let key = module.file_name.to_ascii_lowercase();
        let installed = &module.installed;
        self.end(at, |kind| match kind {
            TroubleKind::CameBackOld { version, .. }
            | TroubleKind::NeverFetched { version }
            | TroubleKind::OfferedAgain { version } => scheme.is_same_release(version, installed),
            TroubleKind::OfferedInstalled { version } => {
                module.offered.as_ref().is_none_or(|offered| !scheme.is_same_release(version, offered))
            }
            _ => false,
        });
        if module.came_back == Some(CameBack::WithOld)
            && let Some((_, version, _, _)) = self.same.get(&key)
        {
            let kind = TroubleKind::CameBackOld { version: version.clone(), old: installed.clone() };
            self.see(kind, at);
        }
        let Some(offered) = &module.offered else {
            self.same.remove(&key);
            return;
        };
        if scheme.is_same_release(installed, offered) {
            self.see(TroubleKind::OfferedInstalled { version: offered.clone() }, at);
        }
        let before = self.same.get(&key).filter(|(has, gets, _, _)| {
            scheme.is_same_release(has, installed) && scheme.is_same_release(gets, offered)
        });
        let (count, counted) = match before {
            Some((_, _, count, then)) if Span::between(*then, at).0 < self.limits.fetch => (*count, *then),
            Some((_, _, count, _)) => (count + 1, at),
            None => (1, at),
        };
        if count >= self.limits.same_offers && counted == at && !scheme.is_same_release(installed, offered) {
            self.see(TroubleKind::OfferedAgain { version: offered.clone() }, at);
            if let Some(trouble) = self.found.last_mut().filter(|trouble| trouble.count == 1) {
                trouble.count = count.into();
            }
        }
        self.same.insert(key, (installed.clone(), offered.clone(), count, counted));
        // A missing download is reported only if the access log has the request. Otherwise the
        // access log may be incomplete.
        let is_fetched = later
            .iter()
            .take_while(|event| !matches!(event.kind, DeviceEventKind::Asked { .. }))
            .any(|event| matches!(&event.kind, DeviceEventKind::Fetched(_)));
        let next_ask = later.iter().find(|event| matches!(event.kind, DeviceEventKind::Asked { .. }));
        let waited = Span::between(at, next_ask.map_or(end, |event| event.at));
        let is_missed = waited.0 >= if next_ask.is_some() { self.limits.fetch } else { self.limits.back };
        if is_logged && !is_fetched && is_missed {
            self.see(TroubleKind::NeverFetched { version: offered.clone() }, at);
        }
    }

    fn fetched(
        &mut self,
        at: UnixTime,
        fetch: &Fetch,
        earlier: &[DeviceEvent],
        later: &[DeviceEvent],
        end: UnixTime,
    ) {
        let file = &fetch.file;
        match fetch.outcome {
            FetchResult::Failed { status, sub_status, .. } => {
                let kind = TroubleKind::DownloadRefused {
                    file: file.clone(),
                    status: status.unwrap_or(0),
                    sub_status,
                };
                self.see(kind, at);
            }
            FetchResult::CutShort => self.see(TroubleKind::CutShort { file: file.clone() }, at),
            FetchResult::Part => {}
            FetchResult::Whole => {
                self.end(at, |kind| match kind {
                    TroubleKind::DownloadRefused { file: refused, .. }
                    | TroubleKind::CutShort { file: refused } => refused == file,
                    TroubleKind::NoSignature { file: image } => {
                        file.is_signature && image.is_of_same_release(file)
                    }
                    TroubleKind::NeverFetched { version } => file.version.as_ref() == Some(version),
                    _ => false,
                });
                self.pace(at, fetch);
                if !file.is_signature {
                    self.image(at, file, earlier, later, end);
                }
            }
        }
    }

    /// Reports a download that was slow. A later download at the usual speed ends this trouble if both files are
    /// images, or both are signatures. A signature is too small to show the speed of an image.
    fn pace(&mut self, at: UnixTime, fetch: &Fetch) {
        let taken = fetch.taken_ms.map(Span::of_millis).filter(|_| !fetch.is_unchanged);
        let Some(taken) = taken else { return };
        let usual = self.options.peers.and_then(|peers| peers.usual(&fetch.path));
        let is_long = taken.0 >= self.limits.slow;
        match usual {
            Some(usual) if is_long && taken.0 > usual.0.saturating_mul(self.limits.slow_factor) => {
                self.see(TroubleKind::Slow { file: fetch.file.clone(), taken, usual }, at);
            }
            // Without downloads of other devices it is not known whether a long download is usual.
            None if is_long => {}
            _ => {
                let is_signature = fetch.file.is_signature;
                self.end(
                    at,
                    |kind| matches!(kind, TroubleKind::Slow { file, .. } if file.is_signature == is_signature),
                );
            }
        }
    }

    /// Finds the troubles after the download of an image: the device did not download the
    /// signature, or it sent no request afterwards.
    fn image(
        &mut self,
        at: UnixTime,
        file: &FetchedFile,
        earlier: &[DeviceEvent],
        later: &[DeviceEvent],
        end: UnixTime,
    ) {
        let is_signature = |event: &DeviceEvent| match &event.kind {
            DeviceEventKind::Fetched(fetch) => {
                fetch.file.is_signature
                    && fetch.outcome == FetchResult::Whole
                    && fetch.file.is_of_same_release(file)
            }
            _ => false,
        };
        // Events are in order of time.
        let is_near = |one: UnixTime, other: UnixTime| Span::between(one, other).0 <= self.limits.signature;
        let has_signature = later.iter().take_while(|event| is_near(at, event.at)).any(is_signature)
            || earlier.iter().rev().take_while(|event| is_near(event.at, at)).any(is_signature);
        let next_ask = later.iter().find(|event| {
            matches!(event.kind, DeviceEventKind::Asked { .. } | DeviceEventKind::Requested(_))
        });
        let until = next_ask.map_or(end, |event| event.at);
        if !has_signature && Span::between(at, until).0 > self.limits.signature {
            self.see(TroubleKind::NoSignature { file: file.clone() }, at);
        } else if Span::between(at, until).0 >= self.limits.back {
            self.see(TroubleKind::NotBack { file: file.clone() }, at);
        }
    }

    fn clock(&mut self, entry: &TimelineEntry) {
        let row = &entry.audit;
        let Some(clock) = row.request_date_time.read() else { return };
        let seconds = clock.as_utc().as_seconds() - row.logged_at.as_seconds();
        let minutes = seconds / 60;
        if minutes.abs() >= self.limits.clock_minutes {
            self.see(TroubleKind::ClockWrong { minutes }, row.logged_at);
        } else {
            self.end(row.logged_at, |kind| matches!(kind, TroubleKind::ClockWrong { .. }));
        }
    }
}

/// Returns whether two values mean the same trouble of a device. Values such as a duration may
/// differ.
fn is_same(one: &TroubleKind, other: &TroubleKind) -> bool {
    match (one, other) {
        (TroubleKind::ClockWrong { .. }, TroubleKind::ClockWrong { .. })
        | (TroubleKind::SignInLoop { .. }, TroubleKind::SignInLoop { .. })
        | (TroubleKind::Silent { .. }, TroubleKind::Silent { .. }) => true,
        (TroubleKind::Slow { file: one, .. }, TroubleKind::Slow { file: other, .. }) => one == other,
        _ => one == other,
    }
}
