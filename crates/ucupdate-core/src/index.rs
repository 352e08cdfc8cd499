//! The compiled form of a rule book: what deciding reads.

use crate::folded_table::FoldedTable;
use crate::rule::{Audience, Candidate, OfferPolicy, Rule};
use crate::{
    Device, FieldTime, FileName, InterimImage, Locale, MacAddress, Release, ReleaseFiles, ReleasesByRule,
    ReportedVersion, RuleBook, SteppingStone, TestDevice, TestDeviceId, UpdateType,
};
use std::collections::HashMap;
use std::sync::Arc;

/// A rule book compiled for deciding. It never changes: a new revision of the book gives a new index.
#[derive(Debug, Default)]
pub struct EligibilityIndex {
    pub(crate) revision: u64,
    table: FoldedTable,
    pub(crate) rules: Vec<CompiledRule>,
    test_macs: HashMap<MacAddress, usize, foldhash::fast::FixedState>,
    test_serials: FoldedTable,
    serial_owners: Vec<usize>,
    pub(crate) test_devices: Vec<TestDevice>,
    pub(crate) stones: Vec<SteppingStone>,
    interim: Vec<CompiledInterim>,
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) rule: Arc<Rule>,
    pub(crate) assignments: Vec<CompiledAssignment>,
    pub(crate) policy: OfferPolicy,
}

#[derive(Debug)]
pub(crate) struct CompiledAssignment {
    pub(crate) audience: Audience,
    pub(crate) version: ReportedVersion,
    /// None where the package that brought the version is gone.
    pub(crate) offer: Option<Offer>,
}

#[derive(Debug)]
struct CompiledInterim {
    locale: Locale,
    update_type: UpdateType,
    offer: Offer,
}

/// What a device is told to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The version of the image.
    pub version: ReportedVersion,
    /// The folder below the root of the URL: `OCInterim/ENU`.
    pub folder: Box<str>,
    /// The image's file name.
    pub image: FileName,
    /// The signature catalogue's file name.
    pub signature: FileName,
    /// The image's own time stamp.
    pub time_stamp: Option<FieldTime>,
}

impl Offer {
    fn new(version: &ReportedVersion, folder: String, files: &ReleaseFiles) -> Self {
        Self {
            version: version.clone(),
            folder: folder.into(),
            image: files.image.name.clone(),
            signature: files.signature.name.clone(),
            time_stamp: files.image.modified,
        }
    }
}

impl EligibilityIndex {
    /// Compiles a book; `revision` is the book's own number, and shows in explanations.
    pub fn compile(book: &RuleBook, revision: u64) -> Self {
        let releases = ReleasesByRule::of(book);
        let rules = book.rules.values().map(|rule| CompiledRule::new(&releases, rule)).collect();
        let table = FoldedTable::new(book.rules.keys().map(crate::RuleKey::words));
        let test_devices: Vec<TestDevice> = book.test_devices().cloned().collect();
        let mut test_macs = HashMap::default();
        let mut serials = Vec::new();
        let mut serial_owners = Vec::new();
        for (owner, device) in test_devices.iter().enumerate() {
            match &device.id {
                TestDeviceId::Mac(mac) => drop(test_macs.insert(*mac, owner)),
                TestDeviceId::Serial(serial) => {
                    serials.push([serial.as_str()]);
                    serial_owners.push(owner);
                }
            }
        }
        let test_serials = FoldedTable::new(serials.into_iter());
        let interim = book.interim_images().map(|(image, _)| CompiledInterim {
            locale: image.locale.clone(),
            update_type: image.update_type.clone(),
            offer: Offer::new(&image.version, InterimImage::folder(&image.locale), &image.files),
        });
        Self {
            revision,
            table,
            rules,
            test_macs,
            test_serials,
            serial_owners,
            stones: book.settings().stones.clone(),
            interim: interim.collect(),
            test_devices,
        }
    }

    /// The revision of the book this was compiled from.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The rule for a device and an update type.
    #[inline]
    pub(crate) fn rule(&self, device: &Device, update_type: &str) -> Option<&CompiledRule> {
        let found = self.table.find([
            device.device_type.as_str(),
            device.vendor.as_str(),
            device.model.as_str(),
            device.hardware_revision.as_str(),
            device.locale.as_str(),
            update_type,
        ]);
        found.and_then(|index| self.rules.get(index))
    }

    /// The test device this is, by its MAC address or its serial number.
    #[inline]
    pub fn test_device(&self, device: &Device) -> Option<&TestDevice> {
        let by_mac = device.mac_address.read().and_then(|mac| self.test_macs.get(mac)).copied();
        let by_serial = || {
            let serial = device.serial_number.read()?;
            self.serial_owners.get(self.test_serials.find([serial.as_str()])?).copied()
        };
        self.test_devices.get(by_mac.or_else(by_serial)?)
    }

    /// The interim image for a locale and an update type.
    pub(crate) fn interim(&self, locale: &Locale, update_type: &str) -> Option<&Offer> {
        let mut images = self.interim.iter();
        let found = images.find(|image| {
            image.locale == *locale && image.update_type.as_str().eq_ignore_ascii_case(update_type)
        });
        found.map(|image| &image.offer)
    }
}

impl CompiledRule {
    fn new(releases: &ReleasesByRule<'_>, rule: &Arc<Rule>) -> Self {
        let key = rule.key();
        let offer = |candidate: &Candidate| {
            let release = releases.find(key, candidate)?;
            // The release's own spelling of its version stands in its URL.
            let folder = Release::folder(key, &release.version);
            Some(Offer::new(&release.version, folder, &release.files))
        };
        let assignments = rule.assignments().iter().map(|assignment| CompiledAssignment {
            audience: assignment.audience,
            version: assignment.candidate.version.clone(),
            offer: offer(&assignment.candidate),
        });
        Self { assignments: assignments.collect(), policy: rule.policy(), rule: Arc::clone(rule) }
    }
}
