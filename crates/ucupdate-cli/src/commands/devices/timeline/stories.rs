//! Reads the stories (timelines) of devices from logs, with limited memory.

use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::logs::audit::AuditArgs;
use crate::args::logs::read_rows::ReadRows;
use crate::args::logs::timeline::LogArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use std::collections::{HashSet, VecDeque};
use ucupdate::UpdateService;
use ucupdate::audit::AccessRow;
use ucupdate::book::RuleBook;
use ucupdate::decide::EligibilityIndex;
use ucupdate::device::DeviceId;
use ucupdate::timeline::{DeviceStory, PeerDownloads, StoryOptions, Thresholds, Timeline, host_key};
use ucupdate::value::{Counted, UnixTime};
use ucupdate_admin::report::add_reasons;

/// The maximum number of audit rows in memory. If there are more, the latest are kept.
const MAX_AUDIT_ROWS: usize = 100_000;

/// The maximum number of access rows in memory. If there are more, the latest are kept.
const MAX_ACCESS_ROWS: usize = 200_000;

/// The maximum number of addresses of the selected devices. Further addresses are left out, and so
/// are the access rows at them.
const MAX_HOSTS: usize = 100_000;

/// The stories that were found, and the counts of the rows that were read.
#[derive(Debug)]
pub(crate) struct Stories {
    pub(crate) stories: Vec<DeviceStory>,
    /// The time of the last row, of any device. `None` if no row was read.
    pub(crate) end: Option<UnixTime>,
    pub(crate) audit: ReadRows,
    pub(crate) access: ReadRows,
    /// The number of rows that were left out, because a limit was reached.
    pub(crate) left_out: u64,
    /// `true` if addresses of the selected devices were left out, because a limit was reached.
    pub(crate) addresses_cut: bool,
}

/// The latest rows of a log, up to a maximum number.
struct Latest<T> {
    rows: VecDeque<T>,
    most: usize,
    left_out: u64,
}

impl<T> Latest<T> {
    fn new(most: usize) -> Self {
        Self { rows: VecDeque::new(), most, left_out: 0 }
    }

    fn push(&mut self, row: T) {
        if self.rows.len() >= self.most {
            self.rows.pop_front();
            self.left_out += 1;
        }
        self.rows.push_back(row);
    }
}

/// The addresses of the selected devices, up to a maximum number.
struct Hosts {
    keys: HashSet<String>,
    most: usize,
    is_cut: bool,
}

impl Hosts {
    fn new(most: usize) -> Self {
        Self { keys: HashSet::new(), most, is_cut: false }
    }

    fn insert(&mut self, host: &str) {
        let key = host_key(host);
        if self.keys.len() < self.most {
            self.keys.insert(key);
        } else {
            self.is_cut |= !self.keys.contains(&key);
        }
    }

    fn contains(&self, host: &str) -> bool {
        self.keys.contains(&host_key(host))
    }
}

impl Stories {
    pub(crate) async fn read(
        whose: &SelectedDevices,
        audit: &AuditArgs,
        logs: &LogArgs,
        thresholds: Thresholds,
        context: &mut Context,
    ) -> Result<Self, Failure> {
        let from_store = audit.is_of_store() && logs.is_of_store();
        let service = if from_store { Some(context.administer(IfMissing::Refuse).await?) } else { None };
        let snapshot = match (&service, whose) {
            (Some(service), _) => Some(service.snapshot()),
            (None, SelectedDevices::Rules(_)) => context.rules_if_readable().await,
            (None, _) => None,
        };
        let index = snapshot.as_ref().map(|snapshot| snapshot.index());
        let meant = snapshot.as_ref().and_then(|snapshot| rule_meant(whose, snapshot.book()));
        if let Some(meant) = &meant {
            context.output.message(format_args!("{} stands for {} by an alias", whose.name(), meant.name()));
        }
        let whose = meant.as_ref().unwrap_or(whose);
        let hosts = hosts(whose, audit, index, from_store, context).await?;
        let is_at = |host: &str| hosts.as_ref().is_none_or(|hosts| hosts.contains(host));
        let mut audit_rows = Latest::new(MAX_AUDIT_ROWS);
        let mut end: Option<UnixTime> = None;
        // Rows of other devices at these addresses are read too. Otherwise their downloads would be
        // assigned to the selected devices.
        let audit_read = audit
            .each(context, from_store, true, |logged| {
                end = end.max(Some(logged.row.logged_at));
                if whose.is_of(&logged.row, index) || is_at(&logged.row.user_host) {
                    audit_rows.push(logged.row.clone());
                }
            })
            .await?;
        let (mut access_rows, mut peers) = (Latest::new(MAX_ACCESS_ROWS), PeerDownloads::default());
        let access_read = logs
            .each_access_row((audit.since(), audit.until()), context, from_store, |row: &AccessRow| {
                if row.is_of_update_service() {
                    end = end.max(Some(row.finished_at));
                    peers.observe(row);
                    if is_at(&row.client_ip.decoded()) {
                        access_rows.push(row.clone());
                    }
                }
            })
            .await?;
        let left_out = audit_rows.left_out + access_rows.left_out;
        let timeline = Timeline::join(audit_rows.rows, access_rows.rows);
        let mut stories = stories(&timeline, &peers, end, audit.until(), thresholds, service.as_ref());
        stories.retain(|story| is_sought(whose, story, &timeline, index));
        if let Some(service) = service.filter(|_| *whose != SelectedDevices::All) {
            add_reasons(&mut stories, &timeline, &service).await?;
        }
        let addresses_cut = hosts.is_some_and(|hosts| hosts.is_cut);
        Ok(Self { stories, end, audit: audit_read, access: access_read, left_out, addresses_cut })
    }

    /// Writes a message if rows were left out, and one if addresses were left out.
    pub(crate) fn report_cuts(&self, context: &mut Context) {
        if self.left_out > 0 {
            context.output.message(format_args!(
                "{} left out: there is room for the latest {MAX_AUDIT_ROWS} audit rows and {MAX_ACCESS_ROWS} \
                 access rows; choose one device (--mac), or a shorter time (--since)",
                Counted::new(self.left_out, "row").with_verb("was", "were")
            ));
        }
        if self.addresses_cut {
            context.output.message(format_args!(
                "the access rows of some devices were left out: there is room for {MAX_HOSTS} addresses of the \
                 chosen devices; choose one device (--mac), or a shorter time (--since)"
            ));
        }
    }

    /// Returns whether something in every log could be read.
    pub(crate) fn is_understood(&self) -> bool {
        self.audit.is_understood() && self.access.is_understood()
    }

    /// Fails when nothing in one of the logs could be read.
    pub(crate) fn refuse_nothing_understood(self) -> Result<(), Failure> {
        self.audit.refuse_nothing_understood()?;
        self.access.refuse_nothing_understood()
    }
}

/// Returns the selection of another rule, if exactly one rule is selected and an alias turns its
/// words into those of the other rule. Otherwise returns `None`.
fn rule_meant(whose: &SelectedDevices, book: &RuleBook) -> Option<SelectedDevices> {
    let SelectedDevices::Rules(rules) = whose else { return None };
    let [rule] = &rules[..] else { return None };
    Some(SelectedDevices::Rules(vec![book.rule_meant(rule)?.key().clone()]))
}

/// Returns the addresses of the selected devices. `None` means all addresses.
async fn hosts(
    whose: &SelectedDevices,
    audit: &AuditArgs,
    index: Option<&EligibilityIndex>,
    from_store: bool,
    context: &mut Context,
) -> Result<Option<Hosts>, Failure> {
    let mut hosts = Hosts::new(MAX_HOSTS);
    match whose {
        SelectedDevices::All => return Ok(None),
        SelectedDevices::Host(host) => {
            hosts.insert(host);
        }
        SelectedDevices::Mac(_) | SelectedDevices::Serial(_) | SelectedDevices::Rules(_) => {
            let take = |logged: &ucupdate::audit::LoggedRow| {
                if whose.is_of(&logged.row, index) {
                    hosts.insert(&logged.row.user_host);
                }
            };
            audit.each(context, from_store, false, take).await?;
        }
    }
    Ok(Some(hosts))
}

fn stories(
    timeline: &Timeline,
    peers: &PeerDownloads,
    end: Option<UnixTime>,
    until: Option<UnixTime>,
    thresholds: Thresholds,
    service: Option<&UpdateService>,
) -> Vec<DeviceStory> {
    let mut options = StoryOptions::default().with_peers(peers).with_thresholds(thresholds);
    if let Some(end) = end {
        options = options.with_now(end);
    }
    let Some(service) = service else { return timeline.stories(&options) };
    let snapshot = service.snapshot();
    let sizes = snapshot.files().iter().flat_map(|file| {
        let folders = ["/DeviceUpdateFiles_Int/", "/DeviceUpdateFiles_Ext/"];
        folders.map(|folder| (format!("{folder}{}", file.path), file.size))
    });
    let now = until.map_or(service.now(), |until| until.min(service.now()));
    timeline.stories(&options.with_book(snapshot.book()).with_sizes(sizes).with_now(now))
}

/// Returns whether a story is of a selected device. There may also be stories of other devices at
/// the same addresses.
fn is_sought(
    whose: &SelectedDevices,
    story: &DeviceStory,
    timeline: &Timeline,
    index: Option<&EligibilityIndex>,
) -> bool {
    match whose {
        SelectedDevices::All => true,
        SelectedDevices::Mac(mac) => story.device.as_ref() == Some(&DeviceId::Mac(*mac)),
        SelectedDevices::Serial(serial) => story.serial_number.read() == Some(serial),
        SelectedDevices::Host(host) => story.hosts.iter().any(|known| host_key(known) == host_key(host)),
        SelectedDevices::Rules(_) => {
            let rows = timeline.entries().iter().map(|entry| &entry.audit);
            story.device.as_ref().is_some_and(|device| {
                rows.filter(|row| DeviceId::of(&row.mac_address, &row.serial_number).as_ref() == Some(device))
                    .any(|row| whose.is_of(row, index))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_room_is_reported_and_a_repeated_one_is_not() {
        let mut hosts = Hosts::new(2);
        ["10.1.0.1", "10.1.0.2", "10.1.0.1"].into_iter().for_each(|host| hosts.insert(host));
        assert!(!hosts.is_cut);
        hosts.insert("10.1.0.3");
        assert!(hosts.is_cut && hosts.contains("10.1.0.2") && !hosts.contains("10.1.0.3"));
    }
}
