//! Laws that hold for any input: what the fuzz targets and their replayed corpora call.
//!
//! Each function panics where a law is broken.

use crate::book::{
    Audience, BookCommand, Group, HeldDevices, Hold, IngestId, IngestedPackage, InterimImage, OfferPolicy,
    OfferRule, PatternScheme, Predicate, Release, ReleaseFiles, Role, Rollout, Rule, RuleBook, RuleKey,
    RulePattern, SameRelease, Share, SteppingStone, StopScope, StoredFile, TestDevice,
};
use crate::decide::{Decision, EligibilityIndex, OfferKind, TraceRecord, decide, diff, explain, plan};
use crate::device::{Device, DeviceId};
use crate::request::{AskedFrom, InstalledModule, Question, Side, UpdateRequest};
use crate::value::{FieldTime, FileName, Reported, Sha256Digest, UnixTime};
use crate::version::{FirmwareVersion, ReportedVersion};
use std::cmp::Ordering;

/// The order of versions is total, agrees with equality, and knows the same release; a version reads back from its text.
///
/// The input is up to three texts with line feeds between.
///
/// # Panics
/// When a law is broken.
pub fn version(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let said: Vec<ReportedVersion> = text.split('\n').take(3).map(ReportedVersion::new).collect();
    for version in &said {
        assert_eq!(ReportedVersion::new(version.as_str()), *version, "a version reads back from its text");
        assert!(version.same_release(version));
        assert_eq!(version.readable().is_none(), version.why_unreadable().is_some());
    }
    let read: Vec<&FirmwareVersion> = said.iter().filter_map(ReportedVersion::readable).collect();
    for a in &read {
        for b in &read {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "order is antisymmetric");
            assert_eq!(a.cmp(b) == Ordering::Equal, a == b, "order agrees with equality");
            assert_eq!(a.same_release(b), b.same_release(a));
            assert!(a != b || a.same_release(b), "equal versions are the same release");
            for c in &read {
                assert!(a > b || b > c || a <= c, "order is transitive");
                assert!(!(a.same_release(b) && b.same_release(c)) || a.same_release(c));
            }
        }
    }
}

/// Checks that the texts of rules are refused with a reason, or read back from their text form.
///
/// The first byte chooses what the rest is read as.
///
/// # Panics
/// When a law is broken.
pub fn rule_text(bytes: &[u8]) {
    fn check<T>(text: &str)
    where
        T: std::str::FromStr<Err: std::fmt::Display> + std::fmt::Display + PartialEq + std::fmt::Debug,
    {
        match text.parse::<T>() {
            Ok(read) => assert_eq!(read.to_string().parse::<T>().ok().as_ref(), Some(&read), "{text:?}"),
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    }
    let Some((kind, rest)) = bytes.split_first() else { return };
    let text = &*String::from_utf8_lossy(rest);
    match kind % 12 {
        0 => check::<crate::version::VersionRange>(text),
        1 => check::<crate::book::Window>(text),
        2 => check::<crate::book::Stages>(text),
        3 => check::<crate::book::Percent>(text),
        4 => check::<crate::book::MacPrefix>(text),
        5 => check::<crate::book::SerialRange>(text),
        6 => check::<crate::book::IpNetwork>(text),
        7 => check::<StopScope>(text),
        8 => check::<crate::book::GroupName>(text),
        9 => check::<RuleKey>(text),
        10 => check::<crate::device::MacAddress>(text),
        _ => {
            let domain = text.parse::<crate::book::UserDomain>();
            let (device, module) = device_of(
                &"UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().expect("these words make a rule"),
                text,
                &mut Script(rest),
            );
            let mut predicate = Predicate::default();
            predicate.user_domains.extend(domain);
            let _holds = predicate.holds(&Question::new(&device, &module).by_user(text));
        }
    }
}

/// Deciding keeps its promises whatever was ingested, approved, rolled back, and asked.
///
/// The input is a script: bytes choose what happens to a small rule book and who asks.
///
/// # Panics
/// When a law is broken.
pub fn decision(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut book = RuleBook::default();
    for id in 0..=(script.below(32)) {
        act(&mut book, &mut script, id);
    }
    let index = EligibilityIndex::compile(&book, 1);
    let mut before = RuleBook::default();
    before.apply(&book.to_delta());
    assert_eq!(before, book, "a book is its own delta");
    act(&mut before, &mut script, 100);
    let other = EligibilityIndex::compile(&before, 2);
    for _ in 0..=script.below(4) {
        ask(&book, &index, &other, &mut script);
    }
}

/// Checks that the record of an answer replays to itself and agrees with deciding, for a number of questions to a book that is
/// made of the bytes.
///
/// # Panics
/// When a law is broken.
pub fn replay(bytes: &[u8], questions: u32) {
    let mut script = Script(bytes);
    let mut book = RuleBook::default();
    for id in 0..32 {
        act(&mut book, &mut script, id);
    }
    let index = EligibilityIndex::compile(&book, 1);
    let mut key: RuleKey = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().expect("these words make a rule");
    for number in 0..questions {
        // Bits of the number choose; every 64th question is about a rule of its own.
        let bits = number.wrapping_mul(0x9e37_79b9).to_be_bytes();
        let mut choice = Script(&bits);
        if number % 64 == 0 {
            key = Script(&number.to_be_bytes()).rule();
        }
        let (device, mut module) = device_of(&key, choice.of(&["00-00-00-00-00-01", "", "odd"]), &mut choice);
        if number % 3 == 0 {
            let [_, a, b, c] = number.to_be_bytes();
            module.version = ReportedVersion::new(&format!("{a}.{b}.{c}"));
        }
        let now = UnixTime::from_seconds((number % 300).into());
        let question = Question::new(&device, &module);
        let decision = decide(&index, &question, now);
        let record = TraceRecord::of(&index, &question, now);
        assert_eq!((&*record.decision, record.lines.last()), (decision.word(), Some(&decision.to_string())));
        assert_eq!(record.replay(&index), record, "a record replays to itself");
    }
}

/// A device a rule is for, and what it asks.
fn device_of(key: &RuleKey, mac: &str, script: &mut Script<'_>) -> (Device, InstalledModule) {
    let device = Device {
        kind: key.kind().clone(),
        mac_address: Reported::new(mac),
        serial_number: Reported::default(),
    };
    let module = InstalledModule {
        file_name: format!("{}.nbt", key.update_type()).into(),
        version: script.version(),
        time_stamp: Reported::default(),
    };
    (device, module)
}

/// Bytes that choose; zeros when they are used up.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn below(&mut self, end: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first % end
    }

    fn of<'t>(&mut self, table: &[&'t str]) -> &'t str {
        let length = u8::try_from(table.len()).expect("the tables below are short");
        table[usize::from(self.below(length))]
    }

    fn version(&mut self) -> ReportedVersion {
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
        ReportedVersion::new(self.of(&table))
    }

    /// One rule most of the time, so that what happens meets; else any of several.
    fn rule(&mut self) -> RuleKey {
        if self.below(4) > 0 {
            return "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().expect("these words make a rule");
        }
        let words = [
            self.of(&["UCPhone", "ucphone", "RoundTable"]),
            self.of(&["LG-Nortel", "Polycom"]),
            self.of(&["IP8540", "CX700"]),
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

fn package(script: &mut Script<'_>, id: u8) -> IngestedPackage {
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
        version: script.version(),
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

fn command(script: &mut Script<'_>) -> BookCommand {
    let rollout_name = |script: &mut Script<'_>| script.of(&["one", "two"]).parse().expect("a name");
    let share = |script: &mut Script<'_>| {
        let text = script.of(&["0", "1", "30", "50.5", "100"]);
        Share::Percent(text.parse().expect("a share"))
    };
    let (all, rule) = (StopScope::All, script.rule());
    match script.below(22) {
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
        13 => BookCommand::PauseRollout(rule, rollout_name(script), "slow".into()),
        14 => BookCommand::FinishRollout(rule, rollout_name(script)),
        15 => BookCommand::AddHold(Hold {
            name: script.of(&["a", "b"]).parse().expect("a name"),
            on: match script.below(3) {
                0 => HeldDevices::Device(device_id(script)),
                1 => HeldDevices::Group(group_name(script)),
                _ => HeldDevices::Rule(rule),
            },
            until: (script.below(2) == 0).then(|| UnixTime::from_seconds(100)),
            reason: "".into(),
        }),
        16 => BookCommand::SetPolicy(rule, policy(script)),
        17 => BookCommand::AddStone(SteppingStone::new(
            script.of(&["late", "later"]).parse().expect("a name"),
            rule.kind().device_type.clone().into(),
            FirmwareVersion::from_parts([3, 5, 6907, 0]),
            FirmwareVersion::from_parts([3, 5, 6907, 0]),
        )),
        18 => BookCommand::Kill { scope: all, reason: "".into() },
        19 => BookCommand::RemoveGroup(group_name(script)),
        20 => BookCommand::RemoveScheme(rule_pattern(script)),
        _ => {
            let scheme = script.of(&["dotnet", "numeric", "prefixed:UC*HD_"]).parse().expect("a scheme");
            BookCommand::PutScheme(PatternScheme::new(rule_pattern(script), scheme))
        }
    }
}

fn act(book: &mut RuleBook, script: &mut Script<'_>, id: u8) {
    let change = match script.below(3) {
        0 => book.ingest(&package(script, id)),
        _ => book.command(&command(script), script.of(&["ann", "bob"])),
    };
    match change {
        Ok(change) => book.apply(&change.delta),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn ask(book: &RuleBook, index: &EligibilityIndex, other: &EligibilityIndex, script: &mut Script<'_>) {
    let key = script.rule();
    let mac = script.of(&["00-00-00-00-00-01", "", "odd", "00-00-00-00-00-03"]);
    let (device, module) = device_of(&key, mac, script);
    let now = UnixTime::from_seconds(script.below(255).into());
    let side = [None, Some(Side::Internal), Some(Side::External)][usize::from(script.below(3))];
    let from = AskedFrom { side, address: None };
    let question = Question::new(&device, &module).from(from);
    let decision = decide(index, &question, now);

    let request = UpdateRequest {
        device: device.clone(),
        user_name: "".into(),
        request_date_time: Reported::default(),
        modules: vec![module.clone()],
    };
    let explained = explain(index, &request, from, now);
    assert_eq!(explained.modules[0].decision, decision, "explaining decides the same");
    assert_eq!(explained.modules[0].first_cause().is_some(), decision.offer().is_none());
    let record = TraceRecord::of(index, &question, now);
    assert_eq!(record.replay(index), record, "a record replays to itself");

    let changed: Vec<_> = diff(index, other, [question], now).collect();
    let differs = decide(index, &question, now).offer() != decide(other, &question, now).offer();
    assert_eq!(changed.len(), usize::from(differs), "the difference is that of the answers");

    // A module may find its rule by another way than its update type.
    let found = explained.modules[0].steps.iter().find_map(|step| match step {
        crate::decide::Step::Rule { rule } => Some((*rule).clone()),
        _ => None,
    });
    let key = found.unwrap_or(key);
    if let Decision::Offer { offer, kind, because } = decision {
        let rule = book.rule(&key).expect("an offer has a rule");
        assert!(
            !rule.policy().is_same_release(&offer.version, &module.version) || kind != OfferKind::Direct,
            "nobody is offered what he has"
        );
        assert!(book.stop(&StopScope::All).is_none(), "what is stopped offers nothing");
        let is_test = index.test_device(&device).is_some();
        assert!(because.role() != Role::Pending || is_test, "what is pending is for test devices only");
        assert!(rule.assignments().contains(because));
        if kind == OfferKind::Direct && because.role() == Role::Approved {
            let approved = rule.approved().expect("everybody is offered what is approved");
            assert!(rule.policy().is_same_release(&approved.version, &offer.version));
        }
    }
    check_plan(book.rule(&key), index, &question, now);
}

/// The way never leads to a version twice, nor back to where it began.
fn check_plan(rule: Option<&Rule>, index: &EligibilityIndex, question: &Question<'_>, now: UnixTime) {
    let plan = plan(index, question, now);
    assert!(plan.end.offer().is_none(), "a plan ends: {plan}");
    // By the whole version: to a rule that looks at three numbers a stone may be what the device has.
    let mut policy = rule.map(|rule| rule.policy().clone()).unwrap_or_default();
    if policy.same_release == SameRelease::FirstThree {
        policy.same_release = SameRelease::Padded;
    }
    let mut seen = vec![&question.module.version];
    for hop in &plan.hops {
        assert!(
            !seen.iter().any(|before| policy.is_same_release(before, &hop.offer.version)),
            "no version twice: {plan}; {rule:?}"
        );
        seen.push(&hop.offer.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn versions_keep_their_laws(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            version(&bytes);
        }

        #[test]
        fn records_replay_to_what_was_decided(bytes in prop::collection::vec(any::<u8>(), 200..400)) {
            replay(&bytes, 40);
        }

        #[test]
        #[ignore = "takes a minute; .ci/run runs it"]
        fn a_million_records_replay_to_what_was_decided(bytes in prop::collection::vec(any::<u8>(), 200..400)) {
            // 256 books, so a million questions and more.
            replay(&bytes, 4000);
        }

        #[test]
        fn texts_of_rules_keep_their_laws(kind: u8, text in "[0-9A-Fa-f.:,@%/<>= -]{0,24}|\\PC{0,24}") {
            rule_text(&[&[kind], text.as_bytes()].concat());
        }

        #[test]
        fn decisions_keep_their_laws(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            decision(&bytes);
        }
    }
}
