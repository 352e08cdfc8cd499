//! [`Overview`]: the devices of a fleet with their states, and the counts of the whole fleet.

use crate::args::logs::audit::AuditArgs;
use crate::args::logs::read_rows::ReadRows;
use crate::args::logs::timeline::LogArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ucupdate::Snapshot;
use ucupdate::decide::EligibilityIndex;
use ucupdate::inventory::{
    DeviceNumber, DeviceStanding, DeviceState, Inventory, InventoryDevice, RecentFetches, StateOptions,
    VersionCount,
};
use ucupdate::read_kept_inventory;
use ucupdate::value::{Counted, UnixTime};

/// The devices of a fleet, and the rules with which they are compared.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) fleet: Inventory,
    /// The rule book. `None` if there is no store, or if its rule book cannot be read.
    pub(crate) rules: Option<Arc<Snapshot>>,
    /// All devices in the order of the inventory, with their states.
    pub(crate) devices: Vec<(DeviceNumber, DeviceState)>,
    pub(crate) counts: Counts,
    pub(crate) read: ReadRows,
    /// The end of the logs: a device is silent if its last request is longer before this time than
    /// `silence`. It is now, `--until`, or the last row of the files.
    pub(crate) end: UnixTime,
    pub(crate) silence: Duration,
    /// The time for which the states are computed: now.
    now: UnixTime,
    fetches: RecentFetches,
}

/// The time before the end of the logs in which downloads are looked for. A device asks once a day,
/// so this time contains two of its requests.
const DOWNLOADS: Duration = Duration::from_secs(50 * 60 * 60);

/// The largest number of addresses whose downloads are remembered.
const ADDRESSES: usize = 1_000_000;

/// The text for reports without a rule book.
pub(crate) const NO_RULES: &str = "there is no rule book to compare with";

/// Counts of all devices of a fleet.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) states: BTreeMap<DeviceState, u64>,
    /// The number of devices that are behind, by the word for the reason.
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    pub(crate) models: BTreeMap<ModelKey, ModelCount>,
    /// The number of devices that should have another version than they have.
    pub(crate) behind: u64,
}

/// The key of the counts of a model. Both names are in lower case.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModelKey {
    vendor: String,
    model: String,
}

/// The number of devices of one model, in total and by state.
#[derive(Debug)]
pub(crate) struct ModelCount {
    /// The vendor as the first device reported it.
    pub(crate) vendor: Box<str>,
    pub(crate) model: Box<str>,
    pub(crate) devices: u64,
    pub(crate) states: BTreeMap<DeviceState, u64>,
}

impl Overview {
    /// Reads the fleet from audit logs, and compares it with the rule book of the store, if there
    /// is one. The access logs show which devices are downloading.
    ///
    /// If all audit logs of the store are read, the devices of the kept inventories are added,
    /// unless `forgets_kept` is set. Fails when there is no store, or a log cannot be read.
    pub(crate) async fn read(
        audit: &AuditArgs,
        logs: &LogArgs,
        silence: Duration,
        forgets_kept: bool,
        context: &mut Context,
    ) -> Result<Self, Failure> {
        let (mut fleet, mut last) = (Inventory::default(), None);
        let take = |logged: &ucupdate::audit::LoggedRow| {
            last = last.max(Some(logged.row.logged_at));
            fleet.take_in(logged);
        };
        let read = audit.each_row(context, take).await?;
        if audit.is_of_store() && audit.since().is_none() && audit.until().is_none() && !forgets_kept {
            let store = context.open_store(IfMissing::Refuse).await?;
            for unusable in read_kept_inventory(&*store, &mut fleet).await?.unusable {
                context.output.message(format_args!(
                    "warning: the kept inventory `{}` is skipped: {}; `ucupdate verify` says what to do",
                    unusable.key, unusable.what
                ));
            }
        }
        let rules = context.rules_if_readable().await;
        let now = UnixTime::from(SystemTime::now());
        let end = match audit.is_of_store() {
            true => audit.until().map_or(now, |until| until.min(now)),
            false => last.unwrap_or(now),
        };
        let mut fetches = RecentFetches::new(ADDRESSES);
        let since = UnixTime::from_seconds(end.as_seconds().saturating_sub_unsigned(DOWNLOADS.as_secs()));
        let from_store = audit.is_of_store() && logs.is_of_store();
        if from_store || !logs.is_of_store() {
            logs.each_access_row((Some(since), audit.until()), context, from_store, |row| {
                fetches.take_in(row)
            })
            .await?;
        }
        let mut overview = Self {
            fleet,
            rules,
            devices: Vec::new(),
            counts: Counts::default(),
            read,
            end,
            silence,
            now,
            fetches,
        };
        overview.find_states();
        Ok(overview)
    }

    fn find_states(&mut self) {
        let numbers = self.fleet.numbers();
        let [(mut counts, mut devices), (more, others)] = in_halves(&numbers, |numbers| {
            let (mut counts, mut devices) = (Counts::default(), Vec::with_capacity(numbers.len()));
            for number in numbers {
                let device = self.fleet.device(*number);
                let standing = self.standing(*number, &device);
                counts.add(&device, &standing);
                devices.push((*number, standing.state));
            }
            (counts, devices)
        });
        counts.add_all(more);
        devices.extend(others);
        (self.counts, self.devices) = (counts, devices);
    }

    /// Returns the state of a device, with the decision that explains it.
    pub(crate) fn standing(&self, number: DeviceNumber, device: &InventoryDevice) -> DeviceStanding<'_> {
        let options = StateOptions::new(self.now)
            .with_end(self.end)
            .with_silence(self.silence)
            .with_fetches(&self.fetches);
        DeviceStanding::of(device, &self.fleet.histories(number), self.index(), &options)
    }

    /// Returns the index that finds the rule of a device. `None` if there is no rule book.
    pub(crate) fn index(&self) -> Option<&EligibilityIndex> {
        self.rules.as_ref().map(|rules| rules.index())
    }

    /// Returns a text with the number of devices that should have another version, or with the
    /// reason why this is not known.
    pub(crate) fn due(&self) -> String {
        match &self.rules {
            Some(rules) => format!(
                "{} should have another version than they have, by revision {} of the rule book",
                self.counts.behind,
                rules.revision()
            ),
            None => format!("{NO_RULES}, so it is not known which devices should have another version"),
        }
    }

    /// Counts the devices of each version. Versions are compared by the schemes of the rules.
    pub(crate) fn versions(&self) -> Vec<VersionCount> {
        self.fleet.versions_in(self.index().unwrap_or(&EligibilityIndex::default()))
    }

    /// Writes messages about devices and texts that are missing because a limit of memory was
    /// reached.
    pub(crate) fn report_limits(&self, context: &mut Context) {
        if self.fleet.skipped_rows() > 0 {
            context.output.message(format_args!(
                "{} skipped: there is room for {} devices; choose a shorter time (--since)",
                Counted::new(self.fleet.skipped_rows(), "row").with_verb("was", "were"),
                self.fleet.len()
            ));
        }
        if self.fleet.dropped_texts() > 0 {
            context.output.message(format_args!(
                "{} left empty: there is no room for more texts; choose a shorter time (--since)",
                Counted::new(self.fleet.dropped_texts(), "text").with_verb("is", "are")
            ));
        }
    }
}

/// Calls `work` with each half of a list, in two threads. A fleet may have a million devices.
pub(super) fn in_halves<T: Sync, R: Send>(list: &[T], work: impl Fn(&[T]) -> R + Sync) -> [R; 2] {
    let (first, second) = list.split_at(list.len().div_ceil(2));
    std::thread::scope(|scope| {
        let doing = std::thread::Builder::new().spawn_scoped(scope, || work(second));
        let done = work(first);
        [done, doing.ok().and_then(|doing| doing.join().ok()).unwrap_or_else(|| work(second))]
    })
}

impl Counts {
    /// Adds the counts of `others`, whose devices come later in the order of devices.
    fn add_all(&mut self, others: Self) {
        let Self { states, reasons, models, behind } = others;
        self.behind += behind;
        states.into_iter().for_each(|(state, devices)| *self.states.entry(state).or_default() += devices);
        reasons.into_iter().for_each(|(reason, devices)| *self.reasons.entry(reason).or_default() += devices);
        for (key, other) in models {
            match self.models.entry(key) {
                Entry::Vacant(free) => drop(free.insert(other)),
                Entry::Occupied(mut model) => {
                    let model = model.get_mut();
                    model.devices += other.devices;
                    for (state, devices) in other.states {
                        *model.states.entry(state).or_default() += devices;
                    }
                }
            }
        }
    }

    fn add(&mut self, device: &InventoryDevice, standing: &DeviceStanding<'_>) {
        let state = standing.state;
        *self.states.entry(state).or_default() += 1;
        if standing.is_behind() {
            self.behind += 1;
        }
        if let (DeviceState::Behind, Some(reason)) = (state, standing.reason()) {
            *self.reasons.entry(reason).or_default() += 1;
        }
        let key = ModelKey {
            vendor: device.kind.vendor.to_ascii_lowercase(),
            model: device.kind.model.to_ascii_lowercase(),
        };
        let model = self.models.entry(key).or_insert_with(|| ModelCount {
            vendor: device.kind.vendor.clone(),
            model: device.kind.model.clone(),
            devices: 0,
            states: BTreeMap::new(),
        });
        model.devices += 1;
        *model.states.entry(state).or_default() += 1;
    }
}
