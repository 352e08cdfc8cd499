//! Joins the rows of the audit log and the access log by host, path and time.

use super::entry::{Fetched, LoggedDownload, OfferedFile, Timeline, TimelineEntry};
use super::keys::{host_key, path_key, url_path_key};
use std::collections::{HashMap, HashSet};
use ucupdate_audit::{AccessRow, AuditRow};
use ucupdate_core::value::UnixTime;

/// The maximum number of rows of one host that are compared with one row of the other log.
const LOOKED_AT: usize = 256;

/// The longest time from an audit row to the end of its exchange, in milliseconds.
const LONGEST_ANSWER_MS: i64 = 600_000;

/// The largest assumed difference between the clocks of two servers, in milliseconds.
const SLACK_MS: i64 = 5000;

/// The longest time from an offer to the start of its download, in milliseconds. It is a day,
/// because a device sends a request at least once a day.
const WINDOW_MS: i64 = 24 * 3_600_000;

impl Timeline {
    /// Joins the rows of both logs. The rows may be in any order, and from any number of servers and devices.
    ///
    /// The exchange of an audit row is a `POST` of `ucdevice.upx` from the same host. The `POST` began before the row was logged,
    /// and ended after it. The clocks of two servers may differ by five seconds.
    ///
    /// A download is a `GET` from the same host that starts within 24 hours after the offer. The
    /// path is that of an offered image, or of the `.cat` file beside the image. The download
    /// belongs to the last offer before its start. If several devices share the host, the last
    /// offer of each device is considered. Of these offers, the download belongs to the earliest
    /// one whose file was not downloaded as a whole yet.
    pub fn join(
        audit: impl IntoIterator<Item = AuditRow>,
        access: impl IntoIterator<Item = AccessRow>,
    ) -> Self {
        join(audit.into_iter().collect(), access.into_iter().collect())
    }
}

fn join(mut audit: Vec<AuditRow>, mut access: Vec<AccessRow>) -> Timeline {
    audit.sort_by_key(|row| row.logged_at);
    access.sort_by_key(|row| row.finished_at);
    let mut access: Vec<Option<AccessRow>> = access.into_iter().map(Some).collect();
    let asked = exchanges(&audit, &mut access);
    let entries = audit.into_iter().zip(asked);
    let mut entries: Vec<TimelineEntry> =
        entries.map(|(audit, asked)| TimelineEntry { audit, asked, downloads: Vec::new() }).collect();
    add_downloads(&mut entries, &mut access);
    let unjoined = access.into_iter().flatten().filter(AccessRow::is_of_update_service).collect();
    Timeline { entries, unjoined }
}

/// Returns, for each audit row, the row of the same exchange (request and response) in the access log. Removes the
/// returned rows from `access`.
fn exchanges(audit: &[AuditRow], access: &mut [Option<AccessRow>]) -> Vec<Option<AccessRow>> {
    let mut posts: HashMap<String, Vec<(UnixTime, usize)>> = HashMap::new();
    for (index, row) in access.iter().enumerate() {
        if let Some(row) = row.as_ref().filter(|row| is_request(row)) {
            posts.entry(host_key(&row.client_ip.decoded())).or_default().push((row.finished_at, index));
        }
    }
    let exchange_of = |row: &AuditRow, access: &[Option<AccessRow>]| -> Option<usize> {
        let posts = posts.get(&host_key(&row.user_host))?;
        let earliest = UnixTime::from_millis(row.logged_at.as_millis().saturating_sub(SLACK_MS));
        let first = posts.partition_point(|(finished, _)| *finished < earliest);
        let near = posts[first..].iter().take(LOOKED_AT);
        near.filter_map(|(_, index)| Some((distance(row, access[*index].as_ref()?)?, *index)))
            .filter(|(distance, _)| *distance <= SLACK_MS)
            .min()
            .map(|(_, index)| index)
    };
    audit.iter().map(|row| access[exchange_of(row, access)?].take()).collect()
}

fn is_request(row: &AccessRow) -> bool {
    let stem = row.uri_stem.as_logged().to_ascii_lowercase();
    row.method.as_logged().eq_ignore_ascii_case("POST") && stem.ends_with("/ucdevice.upx")
}

/// Returns the milliseconds between an audit row and an exchange in the access log. 0 if the audit row was logged
/// during the exchange. `None` if the two rows cannot be of the same request.
fn distance(row: &AuditRow, exchange: &AccessRow) -> Option<i64> {
    // Uploads of device logs are answered with 501 and do not name the device. Refused and malformed requests have no
    // audit row.
    let answered = match exchange.status {
        Some(501) => row.kind.device_type.is_empty(),
        Some(status) => (200..300).contains(&status),
        None => true,
    };
    let (started, finished) = (exchange.started_at().as_millis(), exchange.finished_at.as_millis());
    let logged = row.logged_at.as_millis();
    if !answered || finished.saturating_sub(logged) > LONGEST_ANSWER_MS {
        return None;
    }
    Some(started.saturating_sub(logged).max(logged.saturating_sub(finished)).max(0))
}

/// An offered file: the index of its entry in the timeline, the index of its offer in the audit row of this entry,
/// and whether the file is the image or the signature.
#[derive(Clone, Copy)]
struct FileOffer {
    entry: usize,
    offer: usize,
    file: OfferedFile,
}

fn add_downloads(entries: &mut [TimelineEntry], access: &mut [Option<AccessRow>]) {
    let mut offers: HashMap<(String, String), Vec<FileOffer>> = HashMap::new();
    for (entry, row) in entries.iter().enumerate() {
        let host = host_key(&row.audit.user_host);
        for (offer, cell) in row.audit.offered.iter().enumerate() {
            let image = url_path_key(&cell.url);
            let signature =
                image.rsplit_once('.').map_or(image.as_str(), |(stem, _)| stem).to_owned() + ".cat";
            for (path, file) in [(image, OfferedFile::Image), (signature, OfferedFile::Signature)] {
                offers.entry((host.clone(), path)).or_default().push(FileOffer { entry, offer, file });
            }
        }
    }
    let mut gets: Vec<(UnixTime, usize)> = Vec::new();
    for (index, row) in access.iter().enumerate() {
        if let Some(row) = row.as_ref().filter(|row| row.method.as_logged().eq_ignore_ascii_case("GET")) {
            gets.push((row.started_at(), index));
        }
    }
    gets.sort();
    for (started, index) in gets {
        let Some(row) = &access[index] else { continue };
        let key = (host_key(&row.client_ip.decoded()), path_key(&row.uri_stem.decoded()));
        let Some((offer, shared_host)) =
            offers.get(&key).and_then(|offers| offer_of(started, offers, entries))
        else {
            continue;
        };
        if let Some(access) = access[index].take() {
            let FileOffer { entry, offer, file } = offer;
            entries[entry].downloads.push(LoggedDownload { offer, file, access, shared_host });
        }
    }
}

/// Returns the offer that a download belongs to, and whether several devices at this host had an
/// offer of the file. `started` is the start of the download.
fn offer_of(started: UnixTime, offers: &[FileOffer], entries: &[TimelineEntry]) -> Option<(FileOffer, bool)> {
    let logged = |offer: &FileOffer| entries[offer.entry].audit.logged_at.as_millis();
    let begun_by = |slack: i64| {
        let latest = started.as_millis().saturating_add(slack);
        &offers[..offers.partition_point(|offer| logged(offer) <= latest)]
    };
    // Logs have whole seconds. A difference of the clocks is assumed only if there was no offer before.
    let before = match begun_by(999) {
        [] => begun_by(SLACK_MS),
        before => before,
    };
    let oldest = started.as_millis().saturating_sub(WINDOW_MS);
    let mut devices = HashSet::new();
    let mut last_of_each: Vec<&FileOffer> = Vec::new();
    for offer in before.iter().rev().take(LOOKED_AT).take_while(|offer| logged(offer) >= oldest) {
        let row = &entries[offer.entry].audit;
        if devices.insert((row.mac_address.raw(), row.serial_number.raw())) {
            last_of_each.push(offer);
        }
    }
    let lacks = |offer: &&&FileOffer| {
        let outcome = entries[offer.entry].outcome(offer.offer, offer.file);
        !matches!(outcome, Fetched::Whole { .. })
    };
    let chosen = last_of_each.iter().rev().find(lacks).or(last_of_each.first())?;
    Some((**chosen, devices.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use ucupdate_audit::OfferedCell;
    use ucupdate_core::ReportedVersion;
    use ucupdate_core::value::Reported;

    const PATH: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";

    fn asked(mac: &str, second: i64) -> AuditRow {
        let mut row = AuditRow::device_log_upload("10.1.1.9", UnixTime::from_seconds(second));
        row.kind.device_type = "UCPhone".into();
        row.mac_address = Reported::new(mac);
        let url = format!("http://ocs.demo.local{PATH}").into();
        row.offered =
            vec![OfferedCell { url, version: ReportedVersion::new("1.0"), time_stamp: Reported::default() }];
        row
    }

    fn exchange(method: &str, path: &str, status: u16, second: i64) -> AccessRow {
        let client_ip = "::ffff:10.1.1.9".into();
        let finished = UnixTime::from_seconds(second);
        AccessRow { client_ip, ..AccessRow::finished(method, path, status, Duration::ZERO, finished) }
    }

    fn joined(audit: &[AuditRow], access: &[AccessRow]) -> Timeline {
        Timeline::join(audit.to_vec(), access.to_vec())
    }

    fn whole(second: i64) -> Fetched {
        Fetched::Whole { at: UnixTime::from_seconds(second), taken_ms: Some(0) }
    }

    #[test]
    fn a_request_that_was_refused_is_no_audit_rows_exchange() {
        let refused = exchange("POST", "/RequestHandler/ucdevice.upx", 400, 99);
        let answered = exchange("POST", "/requestHandler/UCDevice.upx", 200, 101);
        let timeline = joined(&[asked("", 100)], &[refused.clone(), answered.clone()]);
        assert_eq!(timeline.entries()[0].asked, Some(answered));
        assert_eq!(timeline.unjoined(), [refused]);
    }

    #[test]
    fn the_end_of_the_logs_is_the_end_of_the_last_exchange() {
        let timeline =
            joined(&[asked("", 100)], &[exchange("POST", "/RequestHandler/ucdevice.upx", 200, 103)]);
        assert!(timeline.entries()[0].asked.is_some());
        assert_eq!(timeline.last_seen(), Some(UnixTime::from_seconds(103)));
    }

    #[test]
    fn an_exchange_belongs_to_one_audit_row() {
        let posts = [100, 101].map(|second| exchange("POST", "/RequestHandler/ucdevice.upx", 200, second));
        let timeline = joined(&[asked("a", 100), asked("b", 101), asked("c", 102)], &posts);
        let seconds: Vec<Option<i64>> = timeline
            .entries()
            .iter()
            .map(|entry| entry.asked.as_ref().map(|row| row.finished_at.as_seconds()))
            .collect();
        assert_eq!(seconds, [Some(100), Some(101), None]);
    }

    #[test]
    fn an_upload_of_device_logs_is_the_exchange_answered_501() {
        let upload = AuditRow::device_log_upload("10.1.1.9", UnixTime::from_seconds(100));
        let posts = [501, 200].map(|status| exchange("POST", "/RequestHandler/ucdevice.upx", status, 100));
        let timeline = joined(&[asked("a", 100), upload], &posts);
        let status = |entry: &TimelineEntry| entry.asked.as_ref().and_then(|row| row.status);
        assert_eq!(timeline.entries().iter().map(status).collect::<Vec<_>>(), [Some(200), Some(501)]);
    }

    #[test]
    fn a_download_follows_the_devices_last_offer() {
        let timeline = joined(&[asked("a", 100), asked("a", 200)], &[exchange("GET", PATH, 200, 300)]);
        assert_eq!(timeline.entries()[0].fetched(0), Fetched::NotSeen);
        assert_eq!(timeline.entries()[1].fetched(0), whole(300));
        assert!(!timeline.entries()[1].downloads[0].shared_host);
    }

    #[test]
    fn devices_that_share_an_address_are_told_apart_by_turns_and_it_is_said() {
        let downloads = [300, 301].map(|second| exchange("GET", PATH, 200, second));
        let timeline = joined(&[asked("a", 100), asked("b", 200)], &downloads);
        assert_eq!(timeline.entries()[0].fetched(0), whole(300));
        assert_eq!(timeline.entries()[1].fetched(0), whole(301));
        assert!(timeline.entries()[0].downloads[0].shared_host);
    }

    #[test]
    fn a_download_before_the_offer_or_long_after_it_is_nobodys() {
        let downloads = [94, 100 + 24 * 3600 + 1].map(|second| exchange("GET", PATH, 200, second));
        let timeline = joined(&[asked("a", 100)], &downloads);
        assert_eq!(timeline.entries()[0].fetched(0), Fetched::NotSeen);
        assert_eq!(timeline.unjoined().len(), 2);
    }

    #[test]
    fn the_best_of_several_tries_counts() {
        let fetched = |tries: &[(u16, u32)]| {
            let rows: Vec<AccessRow> = tries
                .iter()
                .zip(200..)
                .map(|((status, win32), second)| AccessRow {
                    win32_status: Some(*win32),
                    ..exchange("GET", &PATH.to_lowercase(), *status, second)
                })
                .collect();
            joined(&[asked("a", 100)], &rows).entries()[0].fetched(0)
        };
        let at = UnixTime::from_seconds;
        assert_eq!(fetched(&[(404, 2), (503, 0)]), Fetched::Failed { status: Some(503), at: at(201) });
        assert_eq!(fetched(&[(200, 64), (404, 2)]), Fetched::Partly { at: at(200) });
        assert_eq!(fetched(&[(206, 0)]), Fetched::Partly { at: at(200) });
        assert_eq!(fetched(&[(500, 5), (200, 0), (206, 0)]), whole(201));
    }
}
