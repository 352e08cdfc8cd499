//! The plan of an import: its packages in order, its test devices, and the entries that are left
//! out.

use super::records::Record;
use super::tree::{ImageFolder, ImagePlace, Tree};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use ucupdate::book::{RuleKey, TestDevice, UpdateType};
use ucupdate::device::{DeviceId, Locale};
use ucupdate::version::ReportedVersion;

/// The device type whose packages are approved for all devices when they are ingested.
const DEPLOYED_AT_INGEST: &str = "RoundTable";

/// The versions of a rule that are imported, each with its folder in the tree.
#[derive(Clone, Debug)]
pub(super) struct PlannedRule {
    rule: RuleKey,
    rollback: Option<(ReportedVersion, String)>,
    approved: Option<(ReportedVersion, String)>,
    /// The versions that are made pending one after another. The last one stays pending.
    pending: Vec<(ReportedVersion, String)>,
}

impl PlannedRule {
    fn new(rule: RuleKey) -> Self {
        Self { rule, rollback: None, approved: None, pending: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.rollback.is_none() && self.approved.is_none() && self.pending.is_empty()
    }
}

impl fmt::Display for PlannedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.rule)?;
        let version = |of: Option<&(ReportedVersion, String)>| {
            of.map_or_else(|| "none".to_owned(), |(version, _)| version.to_string())
        };
        write!(
            f,
            " pending {}, approved {}, kept for roll back {}",
            version(self.pending.last()),
            version(self.approved.as_ref()),
            version(self.rollback.as_ref())
        )
    }
}

/// An interim image that is imported.
#[derive(Clone, Debug)]
pub(super) struct PlannedInterim {
    locale: Locale,
    update_type: UpdateType,
    folder: String,
}

impl fmt::Display for PlannedInterim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interim image for {}: approved, as the original used it without an approval", self.locale)
    }
}

/// The folders of one package, and whether its versions are approved. Packages are ingested in the
/// order of their layers.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// A few words about the package for the history, such as `approved`.
    pub(super) name: &'static str,
    pub(super) folders: Vec<String>,
    pub(super) interim: Vec<(Locale, UpdateType)>,
    pub(super) is_approved: bool,
    /// The size of the images in bytes.
    pub(super) bytes: u64,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rules: BTreeMap<RuleKey, PlannedRule>,
    pub(super) interim: Vec<PlannedInterim>,
    pub(super) test_devices: Vec<TestDevice>,
    pub(super) left_out: Vec<String>,
    sizes: BTreeMap<String, u64>,
}

impl Plan {
    /// Creates the plan. Without `rules`, each version of the tree becomes pending, the newest one
    /// last.
    pub(super) fn new(tree: &Tree, rules: Option<&[Record]>, devices: &[Record]) -> Self {
        let mut plan = Self {
            rules: BTreeMap::new(),
            interim: Vec::new(),
            test_devices: Vec::new(),
            left_out: tree.left_out.clone(),
            sizes: tree.folders.iter().map(|(path, folder)| (path.clone(), folder.bytes)).collect(),
        };
        let mut by_rule: BTreeMap<RuleKey, Vec<(ReportedVersion, String)>> = BTreeMap::new();
        for (path, ImageFolder { place, .. }) in &tree.folders {
            match place {
                ImagePlace::Release(rule, version) => {
                    by_rule.entry(rule.clone()).or_default().push((version.clone(), path.clone()));
                }
                ImagePlace::Interim(locale, update_type) => plan.interim.push(PlannedInterim {
                    locale: locale.clone(),
                    update_type: update_type.clone(),
                    folder: path.clone(),
                }),
            }
        }
        match rules {
            Some(records) => plan.take_rules(records, by_rule),
            None => plan.take_newest(by_rule),
        }
        plan.take_test_devices(devices);
        plan
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.interim.is_empty()
    }

    /// Removes folders whose images were refused from the plan, and adds them with the reasons to
    /// `left_out`.
    pub(super) fn leave_out(&mut self, refused: Vec<(String, String)>) {
        for (folder, why) in refused {
            for planned in self.rules.values_mut() {
                planned.rollback.take_if(|(_, at)| *at == folder);
                planned.approved.take_if(|(_, at)| *at == folder);
                planned.pending.retain(|(_, at)| *at != folder);
            }
            self.interim.retain(|interim| interim.folder != folder);
            self.left_out.push(format!("{folder}: {why}"));
        }
        self.rules.retain(|_, planned| !planned.is_empty());
    }

    fn take_newest(&mut self, by_rule: BTreeMap<RuleKey, Vec<(ReportedVersion, String)>>) {
        for (rule, mut versions) in by_rule {
            if is_deployed_at_ingest(&rule) {
                self.left_out.push(format!(
                    "{rule}: its versions would go to every device at once; name the approved one with --rules"
                ));
                continue;
            }
            versions.sort_by(|(one, _), (other, _)| order(one, other));
            self.rules.insert(rule.clone(), PlannedRule { pending: versions, ..PlannedRule::new(rule) });
        }
    }

    fn take_rules(
        &mut self,
        records: &[Record],
        mut by_rule: BTreeMap<RuleKey, Vec<(ReportedVersion, String)>>,
    ) {
        for (number, record) in (1..).zip(records) {
            let rule = match rule_of(record) {
                Ok(rule) => rule,
                Err(why) => {
                    self.left_out.push(format!("object {number} of the rules: {why}"));
                    continue;
                }
            };
            if self.rules.contains_key(&rule) {
                self.left_out.push(format!("object {number} of the rules: {rule} stands there before"));
                continue;
            }
            let mut versions = by_rule.remove(&rule).unwrap_or_default();
            let planned = self.planned(&rule, record, &mut versions);
            for (version, _) in versions {
                self.left_out
                    .push(format!("{rule} {version}: the rule does not name this version of the tree"));
            }
            if !planned.is_empty() {
                self.rules.insert(rule, planned);
            }
        }
        for (rule, versions) in by_rule {
            let versions: Vec<String> = versions.iter().map(|(version, _)| version.to_string()).collect();
            self.left_out.push(format!("{rule} {}: no rule names this device", versions.join(", ")));
        }
    }

    fn planned(
        &mut self,
        rule: &RuleKey,
        record: &Record,
        versions: &mut Vec<(ReportedVersion, String)>,
    ) -> PlannedRule {
        let mut planned = PlannedRule::new(rule.clone());
        let mut take = |what: &str, names: &[&str]| {
            let wanted = ReportedVersion::new(record.get(names)?);
            let at = versions.iter().position(|(version, _)| version.is_same_release(&wanted));
            match at {
                Some(at) => Some(versions.remove(at)),
                None => {
                    self.left_out.push(format!(
                        "{rule}: {what} {wanted} has no image in the tree, or is named twice in its rule"
                    ));
                    None
                }
            }
        };
        planned.approved = take("approved", &["ApprovedVersion"]);
        planned.pending.extend(take("pending", &["PendingVersion"]));
        planned.rollback = take("kept for roll back", &["RestoreVersion", "RollbackVersion"]);
        let mut leave_out = |version: Option<(ReportedVersion, String)>, why: &str| {
            if let Some((version, _)) = version {
                self.left_out.push(format!("{rule} {version}: {why}"));
            }
        };
        if planned.approved.is_none() {
            leave_out(planned.rollback.take(), "a version is kept for roll back only behind an approved one");
        }
        if is_deployed_at_ingest(rule) {
            leave_out(
                planned.pending.pop(),
                "a pending version of this device type would go to every device at once; ingest it after `ucupdate policy \
                 deploy-at-ingest RoundTable no`",
            );
        }
        planned
    }

    fn take_test_devices(&mut self, devices: &[Record]) {
        let mut known = BTreeSet::new();
        for (number, record) in (1..).zip(devices) {
            let device = match test_device_of(record) {
                Ok(device) => device,
                Err(why) => {
                    self.left_out.push(format!("object {number} of the test devices: {why}"));
                    continue;
                }
            };
            let is_new = known.insert(device.name.to_string().to_ascii_lowercase())
                && !self.test_devices.iter().any(|other| other.id == device.id);
            if is_new {
                self.test_devices.push(device);
            } else {
                self.left_out.push(format!("test device {}: its name or its id exists already", device.name));
            }
        }
    }

    /// Returns the layers, each for one package, in the order in which they are ingested. `most` is
    /// the largest size of the images in one layer, in bytes.
    pub(super) fn layers(&self, most: u64) -> Vec<Layer> {
        let mut layers = Vec::new();
        let interim: Vec<(&str, Option<(Locale, UpdateType)>)> = self
            .interim
            .iter()
            .map(|interim| (&*interim.folder, Some((interim.locale.clone(), interim.update_type.clone()))))
            .collect();
        self.split("interim images", true, interim, most, &mut layers);
        let of = |version: &Option<(ReportedVersion, String)>| version.as_ref().map(|(_, at)| at.clone());
        let folders = |each: &dyn Fn(&PlannedRule) -> Option<String>| -> Vec<String> {
            self.rules.values().filter_map(each).collect()
        };
        let releases = |folders: &[String]| -> Vec<(String, Option<(Locale, UpdateType)>)> {
            folders.iter().map(|folder| (folder.clone(), None)).collect()
        };
        let mut add = |name, is_approved, found: Vec<String>| {
            let found = releases(&found);
            let found = found.iter().map(|(folder, interim)| (&**folder, interim.clone())).collect();
            self.split(name, is_approved, found, most, &mut layers);
        };
        add("kept for roll back", true, folders(&|rule| of(&rule.rollback)));
        add("approved", true, folders(&|rule| of(&rule.approved)));
        let depth = self.rules.values().map(|rule| rule.pending.len()).max().unwrap_or(0);
        for index in 0..depth {
            // The last version of each rule must stay pending, so rules with fewer versions begin
            // in a later layer.
            let at = |rule: &PlannedRule| {
                let before = depth - rule.pending.len();
                index.checked_sub(before).and_then(|index| rule.pending.get(index)).map(|(_, at)| at.clone())
            };
            add("pending", false, folders(&at));
        }
        layers
    }

    fn split(
        &self,
        name: &'static str,
        is_approved: bool,
        found: Vec<(&str, Option<(Locale, UpdateType)>)>,
        most: u64,
        layers: &mut Vec<Layer>,
    ) {
        let mut layer: Option<Layer> = None;
        for (folder, interim) in found {
            let bytes = self.sizes.get(folder).copied().unwrap_or(0);
            if layer.as_ref().is_some_and(|layer| layer.bytes.saturating_add(bytes) > most) {
                layers.extend(layer.take());
            }
            let layer = layer.get_or_insert_with(|| Layer {
                name,
                folders: Vec::new(),
                interim: Vec::new(),
                is_approved,
                bytes: 0,
            });
            layer.bytes = layer.bytes.saturating_add(bytes);
            layer.folders.push(folder.to_owned());
            layer.interim.extend(interim);
        }
        layers.extend(layer);
    }
}

/// Returns a test device as a line for people.
pub(super) fn test_device_text(device: &TestDevice) -> String {
    format!("test device {}: {:#}", device.name, device.id)
}

fn is_deployed_at_ingest(rule: &RuleKey) -> bool {
    rule.kind().device_type.as_str().eq_ignore_ascii_case(DEPLOYED_AT_INGEST)
}

/// Compares two versions. A version that cannot be read comes first.
fn order(one: &ReportedVersion, other: &ReportedVersion) -> Ordering {
    match (one.readable(), other.readable()) {
        (Some(one), Some(other)) => one.release_order(other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
    .then_with(|| one.as_str().cmp(other.as_str()))
}

fn rule_of(record: &Record) -> Result<RuleKey, String> {
    let word = |names: &[&str]| {
        let word = record.get(names).ok_or_else(|| format!("{} is missing or blank", names.join(" or ")))?;
        match word.contains('/') {
            true => Err(format!("{} is {word:?}, which contains a slash", names.join(" or "))),
            false => Ok(word),
        }
    };
    let words = [
        word(&["DeviceType"])?,
        word(&["Brand", "Vendor"])?,
        word(&["Model"])?,
        word(&["Revision", "HardwareRevision"])?,
        word(&["Locale"])?,
        word(&["UpdateType"])?,
    ];
    RuleKey::from_words(words).map_err(|error| error.to_string())
}

fn test_device_of(record: &Record) -> Result<TestDevice, String> {
    let identity = || record.get(&["Identity"]).and_then(|identity| identity.rsplit('/').next());
    let name = record.get(&["Name", "FriendlyName"]).or_else(identity).ok_or("Name is missing or blank")?;
    let identifier = record.get(&["Identifier"]).ok_or("Identifier is missing or blank")?;
    let kind = record.get(&["IdentifierType"]).unwrap_or_default();
    let id = match kind.to_ascii_lowercase().as_str() {
        "macaddress" => DeviceId::Mac(identifier.parse().map_err(|error| format!("{error}"))?),
        "serialnumber" => DeviceId::Serial(identifier.parse().map_err(|error| format!("{error}"))?),
        _ => return Err(format!("IdentifierType is {kind:?}, expected MACAddress or SerialNumber")),
    };
    Ok(TestDevice { name: name.parse().map_err(|error| format!("{error}"))?, id })
}
