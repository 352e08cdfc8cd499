//! Values that are chosen by the bytes of a fuzzer.

use crate::book::{
    Alias, AliasField, Audience, Ban, BanScope, BookCommand, Group, HeldDevices, Hold, IngestId,
    IngestedPackage, InterimImage, OfferPolicy, OfferRule, PatternScheme, Predicate, Release, ReleaseFiles,
    Rollout, RuleKey, RulePattern, SameRelease, Share, SteppingStone, StopScope, StoredFile, TestDevice,
};
use crate::device::DeviceId;
use crate::request::Side;
use crate::value::{FieldTime, FileName, Sha256Digest, UnixTime};
use crate::version::{FirmwareVersion, ReportedVersion};
use arbitrary::Unstructured;

/// The choices that the bytes of a fuzzer make. When all bytes are used, each choice is the first of the
/// possible values.
pub(super) struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(super) fn below(&mut self, end: u8) -> u8 {
        self.0.int_in_range(0..=end - 1).expect("a number can be chosen without bytes")
    }

    /// Returns a text of up to eleven arbitrary characters.
    pub(super) fn text(&mut self) -> String {
        let length = self.below(12);
        (0..length).map(|_| self.0.arbitrary::<char>().unwrap_or('x')).collect()
    }

    pub(super) fn of<'t>(&mut self, table: &[&'t str]) -> &'t str {
        let length = u8::try_from(table.len()).expect("the tables below are short");
        table[usize::from(self.below(length))]
    }

    /// Returns a version. It is mostly one of a few versions, so that versions are often equal or near to
    /// each other.
    pub(super) fn version(&mut self) -> ReportedVersion {
        let table = [
            "0.0.0.0",
            "1.0",
            "1.0.0",
            "1.0.522.34",
            "1.0.522.97",
            "1.0.522.98",
            "1.0.522.103",
            "3.5.6907",
            "3.5.6907.0",
            "3.5.6907.00",
            "4.0.7577.0",
            "4.1.0b",
            "3.0.0.459.1",
            "3.0.0.500.9",
            "2.0.1.44.09",
            "2.0.1.44.9",
            "UC440HD_3.1.3.144.18",
            "",
        ];
        match table.get(usize::from(self.below(20))) {
            Some(version) => ReportedVersion::new(version),
            None if self.below(2) == 0 => ReportedVersion::new(&self.text()),
            None => {
                let parts = [self.below(5), self.below(3), self.below(255), self.below(3)];
                ReportedVersion::new(&parts.map(|part| part.to_string()).join("."))
            }
        }
    }

    /// Returns the key of a rule. It is the same key most of the time, so that changes affect each other.
    pub(super) fn rule(&mut self) -> RuleKey {
        if self.below(4) > 0 {
            return "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().expect("these words make a rule");
        }
        let words = [
            self.of(&["UCPhone", "ucphone", "RoundTable"]),
            self.of(&["LG-Nortel", "Polycom"]),
            self.of(&["IP8540", "CX700", "IP 8540"]),
            self.of(&["A", "B"]),
            self.of(&["ENU", "DEU"]),
            self.of(&["CPE", "cpe", "BOOT"]),
        ];
        words.join("/").parse().expect("the words above make a rule")
    }
}

fn stored(name: &str, content: u8) -> StoredFile {
    StoredFile {
        name: name.parse::<FileName>().expect("the names below are file names"),
        key: format!("images/{content}").parse().expect("a key"),
        size: 1,
        sha256: Sha256Digest::new([content; 32]),
        modified: Some(FieldTime::FILETIME_ZERO),
    }
}

pub(super) fn package(script: &mut Script<'_>, id: u8) -> IngestedPackage {
    let files = ReleaseFiles {
        image: stored("CPE.nbt", id),
        signature: stored("CPE.cat", id),
        descriptions: Vec::new(),
    };
    let release = Release { rule: script.rule(), version: script.version(), files: files.clone() };
    let locale = script.of(&["ENU", "DEU"]).parse().expect("a locale");
    let interim = InterimImage {
        locale,
        update_type: "CPE".parse().expect("an update type"),
        version: ReportedVersion::new(script.of(&["1.0.522.103", "1.0.522.103", "1.0.522.110", "0.9"])),
        files,
    };
    let with_interim = script.below(2) == 0;
    IngestedPackage {
        sha256: Sha256Digest::new([id; 32]),
        ingest: IngestId::from_bits(id.into()),
        file_name: "x.cab".into(),
        ingested_at: UnixTime::from_seconds(id.into()),
        releases: vec![release],
        interim: if with_interim { vec![interim] } else { Vec::new() },
    }
}

fn device_id(script: &mut Script<'_>) -> DeviceId {
    DeviceId::Mac(script.of(&["000000000001", "000000000002"]).parse().expect("an address"))
}

fn group_name(script: &mut Script<'_>) -> crate::book::GroupName {
    script.of(&["lab", "old", "inside"]).parse().expect("a name")
}

fn group(script: &mut Script<'_>) -> Group {
    let mut predicate = Predicate::default();
    match script.below(4) {
        0 => return Group { name: group_name(script), predicate: None },
        1 => {
            let range = script.of(&["<1.0.522.98", ">=1.0, <3.5.6907.0", ">=3.5.6907.0"]);
            predicate.installed = Some(range.parse().expect("a range"));
        }
        2 => predicate.side = Some(Side::Internal),
        _ => predicate.mac_prefixes.push("000000".parse().expect("a prefix")),
    }
    Group { name: group_name(script), predicate: Some(predicate) }
}

fn audience(script: &mut Script<'_>) -> Audience {
    match script.below(3) {
        0 => Audience::Device(device_id(script)),
        1 => Audience::Group(group_name(script)),
        _ => Audience::Everybody,
    }
}

fn policy(script: &mut Script<'_>) -> OfferPolicy {
    let version = |script: &mut Script<'_>| script.version().readable().cloned();
    OfferPolicy {
        offer: if script.below(3) == 0 { OfferRule::Newer } else { OfferRule::Different },
        unreadable: script.below(2) == 0,
        same_release: match script.below(3) {
            0 => SameRelease::Padded,
            1 => SameRelease::Exact,
            _ => SameRelease::FirstThree,
        },
        scheme: script.of(&["dotnet", "dotnet", "numeric", "prefixed:UC*HD_"]).parse().expect("a scheme"),
        minimum: if script.below(3) == 0 { version(script) } else { None },
        floor: if script.below(3) == 0 { version(script) } else { None },
        window: match script.below(4) {
            0 => Some("daily 00:01-00:03".parse().expect("a window")),
            _ => None,
        },
    }
}

fn rule_pattern(script: &mut Script<'_>) -> RulePattern {
    script.of(&["*", "UCPhone/*/*/A", "*/*/*/*/*/CPE"]).parse().expect("a pattern")
}

fn ban_scope(script: &mut Script<'_>) -> BanScope {
    match script.below(3) {
        0 => BanScope::Image(Sha256Digest::new([script.below(32); 32])),
        _ => BanScope::Version { rules: rule_pattern(script), version: script.version() },
    }
}

pub(super) fn command(script: &mut Script<'_>) -> BookCommand {
    let rollout_name = |script: &mut Script<'_>| script.of(&["one", "two"]).parse().expect("a name");
    let share = |script: &mut Script<'_>| {
        let text = script.of(&["0", "1", "30", "50.5", "100"]);
        Share::Percent(text.parse().expect("a share"))
    };
    let (all, rule) = (StopScope::All, script.rule());
    match script.below(30) {
        0..=1 => BookCommand::Approve(vec![rule]),
        2 => BookCommand::RollBack(rule),
        3 => BookCommand::Reject(rule),
        4 => BookCommand::Remove(rule),
        5 => BookCommand::AddTestDevice(TestDevice {
            name: script.of(&["desk", "lab"]).parse().expect("a name"),
            id: device_id(script),
        }),
        6 => BookCommand::PutGroup(group(script)),
        7 => BookCommand::ChangeMembers {
            group: group_name(script),
            add: vec![device_id(script)],
            remove: vec![],
        },
        8 => BookCommand::Pin { rule, audience: audience(script), version: script.version() },
        9..=11 => BookCommand::StartRollout {
            rule,
            audience: audience(script),
            version: script.version(),
            rollout: Rollout::new(rollout_name(script)).to_share(share(script)),
        },
        12 => BookCommand::SetShare(rule, rollout_name(script), share(script)),
        13 => BookCommand::PauseRollout(rule, rollout_name(script), script.text().into()),
        14 => BookCommand::FinishRollout(rule, rollout_name(script)),
        15 => BookCommand::AddHold(Hold {
            name: script.of(&["a", "b"]).parse().expect("a name"),
            on: match script.below(3) {
                0 => HeldDevices::Device(device_id(script)),
                1 => HeldDevices::Group(group_name(script)),
                _ => HeldDevices::Rule(rule),
            },
            until: (script.below(2) == 0).then(|| UnixTime::from_seconds(100)),
            reason: script.text().into(),
        }),
        16 => BookCommand::SetPolicy(rule, policy(script)),
        17 => BookCommand::AddStone(SteppingStone::new(
            script.of(&["late", "later"]).parse().expect("a name"),
            rule.kind().device_type.clone().into(),
            FirmwareVersion::from_parts([3, 5, 6907, 0]),
            FirmwareVersion::from_parts([3, 5, 6907, 0]),
        )),
        18 => BookCommand::ReplaceStone {
            name: SteppingStone::ocs_interim().name,
            stones: interim_stones(script),
        },
        19 => BookCommand::ApproveInterim {
            locale: rule.kind().locale.clone(),
            update_type: rule.update_type().clone(),
            version: (script.below(3) == 0).then(|| ReportedVersion::new("1.0.522.110")),
        },
        20 => BookCommand::RejectInterim {
            locale: rule.kind().locale.clone(),
            update_type: rule.update_type().clone(),
        },
        21 => BookCommand::Kill { scope: all, reason: script.text().into() },
        22 => BookCommand::RemoveGroup(group_name(script)),
        23 => BookCommand::RemoveScheme(rule_pattern(script)),
        25..=26 => BookCommand::Ban(Ban::new(ban_scope(script), &script.text())),
        27 => BookCommand::LiftBan(ban_scope(script)),
        28 => BookCommand::Unreject { rule, version: script.version() },
        29 => BookCommand::PutAlias(Alias::new(
            if script.below(2) == 0 { AliasField::Model } else { AliasField::HardwareRevision },
            script.of(&["CX700", "IP 8540", "B"]).parse().expect("a word"),
            script.of(&["IP8540", "A"]).parse().expect("a word"),
        )),
        _ => {
            let scheme = script.of(&["dotnet", "numeric", "prefixed:UC*HD_"]).parse().expect("a scheme");
            BookCommand::PutScheme(PatternScheme::new(rule_pattern(script), scheme))
        }
    }
}

/// Returns stepping stones that replace the built-in stone. They are for fewer kinds of device, and one may
/// have another version.
fn interim_stones(script: &mut Script<'_>) -> Vec<SteppingStone> {
    let mut stones = SteppingStone::ocs_interim_of_known_kinds().to_vec();
    if script.below(2) == 0 {
        stones[0].by = FirmwareVersion::from_parts([1, 0, 522, 110]);
    }
    stones
}
