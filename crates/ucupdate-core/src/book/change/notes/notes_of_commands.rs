//! Tests the notes of every command: kind, rule or name, and the values before and after.

use crate::book::{
    Alias, AliasField, Audience, Ban, BookCommand, Group, HeldDevices, Hold, IngestId, IngestedPackage,
    InterimImage, Note, OfferPolicy, OfferRule, PatternScheme, Release, ReleaseFiles, Rollout, RuleBook,
    RuleKey, Share, SteppingStone, StopScope, StoredFile, TestDevice,
};
use crate::device::DeviceId;
use crate::value::{PackageId, Sha256Digest, UnixTime};
use crate::version::{ReportedVersion, VersionScheme};

const RULE: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";
const OTHER: &str = "UCPhone/Polycom/CX600/A/ENU/CPE";

fn rule() -> RuleKey {
    RULE.parse().unwrap()
}

fn version(text: &str) -> ReportedVersion {
    ReportedVersion::new(text)
}

fn device() -> DeviceId {
    DeviceId::Mac("0004F2000001".parse().unwrap())
}

fn package(id: u8, rule: &str, text: &str) -> IngestedPackage {
    let file = |name: &str| StoredFile {
        name: name.parse().unwrap(),
        key: "images/1/0-CPE.nbt".parse().unwrap(),
        size: 1,
        sha256: Sha256Digest::new([id; 32]),
        modified: None,
    };
    let files = ReleaseFiles { image: file("CPE.nbt"), signature: file("CPE.cat"), descriptions: Vec::new() };
    IngestedPackage {
        sha256: Sha256Digest::new([id; 32]),
        ingest: IngestId::from_bits(id.into()),
        file_name: "UCUpdates.cab".into(),
        ingested_at: UnixTime::from_seconds(id.into()),
        releases: vec![Release { rule: rule.parse().unwrap(), version: version(text), files }],
        interim: Vec::new(),
    }
}

fn id(number: u8) -> PackageId {
    PackageId::of(&Sha256Digest::new([number; 32]))
}

/// Returns a book in which 1.0 was approved before 2.0 and 3.0 is pending. One rollout is paused and one runs. There is
/// one entry of every other kind.
fn book() -> RuleBook {
    let mut book = RuleBook::of_new_store();
    let mut take = |package: IngestedPackage, approve: bool| {
        book.apply(&book.ingest(&package).unwrap().delta);
        let rules = package.releases.iter().map(|release| release.rule.clone()).collect();
        if approve {
            book.apply(&book.command(&BookCommand::Approve(rules), "ann").unwrap().delta);
        }
    };
    take(package(1, RULE, "1.0"), true);
    take(package(2, RULE, "2.0"), true);
    take(package(3, RULE, "3.0"), false);
    take(package(4, OTHER, "1.0"), false);
    take(package(5, OTHER, "2.0"), false);
    let (group, all) = ("pilots".parse().unwrap(), Audience::Everybody);
    let start = |name: &str| BookCommand::StartRollout {
        rule: rule(),
        audience: all.clone(),
        version: version("3.0"),
        rollout: Rollout::new(name.parse().unwrap()),
    };
    for command in [
        BookCommand::AddTestDevice(TestDevice { name: "lab".parse().unwrap(), id: device() }),
        BookCommand::PutGroup(Group { name: "pilots".parse().unwrap(), predicate: None }),
        BookCommand::ChangeMembers { group, add: vec![device()], remove: vec![] },
        BookCommand::Pin { rule: rule(), audience: Audience::Device(device()), version: version("1.0") },
        start("wave"),
        BookCommand::PauseRollout(rule(), "wave".parse().unwrap(), "calls drop".into()),
        start("run"),
        BookCommand::Ban(Ban::new("UCPhone/Polycom 9.9".parse().unwrap(), "it bricks phones")),
        BookCommand::PutAlias(alias("CX700")),
        BookCommand::PutScheme(PatternScheme::new("UCPhone/HP".parse().unwrap(), VersionScheme::Numeric)),
        BookCommand::AddHold(hold("fair")),
        BookCommand::AddStone(stone("one")),
        BookCommand::Kill { scope: StopScope::Rule(OTHER.parse().unwrap()), reason: "they hang".into() },
        BookCommand::AskRestart { scope: StopScope::Rule(OTHER.parse().unwrap()) },
    ] {
        book.apply(&book.command(&command, "ann").unwrap().delta);
    }
    book
}

fn alias(stands_for: &str) -> Alias {
    Alias::new(AliasField::Model, "CX 700".parse().unwrap(), stands_for.parse().unwrap())
}

fn hold(name: &str) -> Hold {
    Hold {
        name: name.parse().unwrap(),
        on: HeldDevices::Rule(rule()),
        until: None,
        reason: "trade fair".into(),
    }
}

fn stone(name: &str) -> SteppingStone {
    let kind = "UCPhone/Polycom/CX700/*/*".parse().unwrap();
    SteppingStone::new(name.parse().unwrap(), kind, "1.0".parse().unwrap(), "1.0".parse().unwrap())
}

/// Returns the name of a command. The compiler reports a command that is missing here.
fn name(command: &BookCommand) -> &'static str {
    match command {
        BookCommand::Ingest(_) => "ingest",
        BookCommand::Approve(_) => "approve",
        BookCommand::ApproveAllOf(_) => "approve-all-of",
        BookCommand::ApproveVersion { .. } => "approve-version",
        BookCommand::Reject(_) => "reject",
        BookCommand::Unreject { .. } => "unreject",
        BookCommand::RollBack(_) => "roll-back",
        BookCommand::RollBackToNothing(_) => "roll-back-to-nothing",
        BookCommand::Remove(_) => "remove",
        BookCommand::AddTestDevice(_) => "add-test-device",
        BookCommand::RemoveTestDevice(_) => "remove-test-device",
        BookCommand::SetPolicy(..) => "set-policy",
        BookCommand::PutScheme(_) => "put-scheme",
        BookCommand::RemoveScheme(_) => "remove-scheme",
        BookCommand::DeployAtIngest(..) => "deploy-at-ingest",
        BookCommand::Retire(_) => "retire",
        BookCommand::PutGroup(_) => "put-group",
        BookCommand::RemoveGroup(_) => "remove-group",
        BookCommand::ChangeMembers { .. } => "change-members",
        BookCommand::Pin { .. } => "pin",
        BookCommand::Unpin { .. } => "unpin",
        BookCommand::StartRollout { .. } => "start-rollout",
        BookCommand::SetShare(..) => "set-share",
        BookCommand::PauseRollout(..) => "pause-rollout",
        BookCommand::ResumeRollout(..) => "resume-rollout",
        BookCommand::FinishRollout(..) => "finish-rollout",
        BookCommand::EndRollout(..) => "stop-rollout",
        BookCommand::Ban(_) => "ban",
        BookCommand::LiftBan(_) => "lift-ban",
        BookCommand::PutAlias(_) => "put-alias",
        BookCommand::RemoveAlias(_) => "remove-alias",
        BookCommand::AddHold(_) => "add-hold",
        BookCommand::RemoveHold(_) => "remove-hold",
        BookCommand::AddStone(_) => "add-stone",
        BookCommand::RemoveStone(_) => "remove-stone",
        BookCommand::Kill { .. } => "kill",
        BookCommand::AskRestart { .. } => "ask-restart",
        BookCommand::ApproveRestart { .. } => "approve-restart",
        BookCommand::ApproveInterim { .. } => "approve-interim",
        BookCommand::RejectInterim { .. } => "reject-interim",
        BookCommand::ReplaceStone { .. } => "replace-stone",
    }
}

/// The number of commands in [`name`]. Each of them has a row in the test below.
const COMMANDS: usize = 41;

/// Returns a book in which an interim image for the rule's devices is pending.
fn with_pending_interim() -> RuleBook {
    let mut carrier = package(6, RULE, "4.0");
    carrier.interim.push(InterimImage {
        locale: rule().kind().locale.clone(),
        update_type: rule().update_type().clone(),
        version: version("1.0.522.103"),
        files: carrier.releases[0].files.clone(),
    });
    let mut book = RuleBook::of_new_store();
    book.apply(&book.ingest(&carrier).unwrap().delta);
    book
}

/// Returns kind, rule, name, before and after of a note as text. `-` means that the part is missing.
fn line(note: &Note) -> String {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let rule =
        note.rule().map(|rule| if rule.to_string() == RULE { "RULE".to_owned() } else { "OTHER".to_owned() });
    let [rule, name, from, to] = [rule, note.name(), note.before(), note.after()].map(or_none);
    format!("{} {rule} | {name} | {from} | {to}", note.kind())
}

#[test]
fn the_note_of_every_command_says_what_changed_from_what_to_what() {
    let wave = || "wave".parse().unwrap();
    let all = Audience::Everybody;
    let mac = || Audience::Device(device());
    let other = || StopScope::Rule(OTHER.parse().unwrap());
    let policy = OfferPolicy::offering(OfferRule::Newer);
    let mut numberless = book();
    let mut rejecting = numberless.clone();
    rejecting.apply(&rejecting.command(&BookCommand::Reject(rule()), "ann").unwrap().delta);
    numberless
        .apply(&numberless.command(&BookCommand::RemoveStone("one".parse().unwrap()), "ann").unwrap().delta);
    let interim = with_pending_interim();
    let (locale, update_type) = (rule().kind().locale.clone(), rule().update_type().clone());
    let half: Share = Share::Percent("50".parse().unwrap());
    let numeric = |rules: &str| PatternScheme::new(rules.parse().unwrap(), VersionScheme::Numeric);
    let table: Vec<(&RuleBook, BookCommand, &[&str])> = vec![
        (&rejecting, BookCommand::Ingest(id(3)), &["still-rejected RULE | - | 3.0 | -"]),
        (&rejecting, BookCommand::Ingest(id(4)), &["pending OTHER | - | 2.0 | 1.0"]),
        (
            &rejecting,
            BookCommand::Unreject { rule: rule(), version: version("3.0") },
            &["rejection-taken-back RULE | - | - | 3.0", "pending RULE | - | - | 3.0"],
        ),
        (
            &rejecting,
            BookCommand::ApproveVersion { rule: rule(), version: version("1.0") },
            &["older RULE | - | 2.0 | 1.0", "approved RULE | - | 2.0 | 1.0"],
        ),
        (&rejecting, BookCommand::Approve(vec![OTHER.parse().unwrap()]), &["approved OTHER | - | - | 2.0"]),
        (&rejecting, BookCommand::ApproveAllOf(id(5)), &["approved OTHER | - | - | 2.0"]),
        (&rejecting, BookCommand::RollBack(rule()), &["rolled-back RULE | - | 2.0 | 1.0"]),
        (&rejecting, BookCommand::RollBackToNothing(rule()), &["rolled-back-to-nothing RULE | - | 2.0 | -"]),
        (
            &rejecting,
            BookCommand::Remove(rule()),
            &[
                "rule-removed RULE | - | 2.0 | -",
                "unpinned RULE | the device with MAC address 0004F2000001 | 1.0 | -",
                "rollout-over RULE | wave | 3.0 | -",
            ],
        ),
        (&rejecting, BookCommand::Remove(OTHER.parse().unwrap()), &["rule-removed OTHER | - | 2.0 | -"]),
        (
            &rejecting,
            BookCommand::AddTestDevice(TestDevice {
                name: "desk".parse().unwrap(),
                id: DeviceId::Serial("C1".parse().unwrap()),
            }),
            &["test-device-added - | desk | - | C1"],
        ),
        (
            &rejecting,
            BookCommand::RemoveTestDevice("lab".parse().unwrap()),
            &["test-device-removed - | lab | 0004F2000001 | -"],
        ),
        (
            &rejecting,
            BookCommand::SetPolicy(rule(), policy),
            &["policy-changed RULE | offer | different | newer"],
        ),
        (
            &rejecting,
            BookCommand::PutScheme(numeric("UCPhone/Polycom/CX600")),
            &[
                "scheme-set - | UCPhone/Polycom/CX600/*/*/* | - | numeric",
                "policy-changed OTHER | scheme | dotnet | numeric",
            ],
        ),
        (
            &rejecting,
            BookCommand::RemoveScheme("UCPhone/HP".parse().unwrap()),
            &["scheme-removed - | UCPhone/HP/*/*/*/* | numeric | -"],
        ),
        (
            &rejecting,
            BookCommand::DeployAtIngest("RoundTable".parse().unwrap(), false),
            &["deploy-at-ingest - | RoundTable | true | false"],
        ),
        (
            &rejecting,
            BookCommand::Retire(vec![id(4)]),
            &["package-retired - | 040404040404 | UCUpdates.cab | -"],
        ),
        (
            &rejecting,
            BookCommand::PutGroup(Group { name: "site".parse().unwrap(), predicate: None }),
            &["group-set - | site | - | a list of devices"],
        ),
        (
            &rejecting,
            BookCommand::RemoveGroup("pilots".parse().unwrap()),
            &["members-changed - | pilots | 1 | 0", "group-removed - | pilots | a list of devices | -"],
        ),
        (
            &rejecting,
            BookCommand::ChangeMembers {
                group: "pilots".parse().unwrap(),
                add: vec![DeviceId::Serial("C1".parse().unwrap())],
                remove: vec![],
            },
            &["members-changed - | pilots | 1 | 2"],
        ),
        (
            &rejecting,
            BookCommand::Pin { rule: rule(), audience: mac(), version: version("2.0") },
            &["pinned RULE | the device with MAC address 0004F2000001 | 1.0 | 2.0"],
        ),
        (
            &rejecting,
            BookCommand::Unpin { rule: rule(), audience: mac() },
            &["unpinned RULE | the device with MAC address 0004F2000001 | 1.0 | -"],
        ),
        (
            &numberless,
            BookCommand::StartRollout {
                rule: rule(),
                audience: all,
                version: version("3.0"),
                rollout: Rollout::new("next".parse().unwrap()),
            },
            &["beside-rollout RULE | wave | - | 3.0", "rollout-started RULE | next | - | 3.0"],
        ),
        (&rejecting, BookCommand::SetShare(rule(), wave(), half), &["share-set RULE | wave | all | 50%"]),
        (
            &rejecting,
            BookCommand::PauseRollout(rule(), "run".parse().unwrap(), "it is late".into()),
            &["rollout-paused RULE | run | - | it is late"],
        ),
        (
            &numberless,
            BookCommand::ResumeRollout(rule(), wave()),
            &["rollout-resumed RULE | wave | calls drop | -"],
        ),
        (
            &numberless,
            BookCommand::FinishRollout(rule(), "run".parse().unwrap()),
            &["rollout-over RULE | run | 3.0 | -", "approved RULE | - | 2.0 | 3.0"],
        ),
        (&rejecting, BookCommand::EndRollout(rule(), wave()), &["rollout-over RULE | wave | 3.0 | -"]),
        (
            &rejecting,
            BookCommand::Ban(Ban::new("UCPhone/HP 1.0".parse().unwrap(), "it hangs")),
            &["banned - | UCPhone/HP/*/*/*/* 1.0 | - | it hangs"],
        ),
        (
            &rejecting,
            BookCommand::LiftBan("UCPhone/Polycom 9.9".parse().unwrap()),
            &["ban-lifted - | UCPhone/Polycom/*/*/*/* 9.9 | it bricks phones | -"],
        ),
        (&rejecting, BookCommand::PutAlias(alias("CX600")), &["alias-set - | model CX 700 | CX700 | CX600"]),
        (
            &rejecting,
            BookCommand::RemoveAlias(alias("CX700").reported),
            &["alias-removed - | model CX 700 | CX700 | -"],
        ),
        (&rejecting, BookCommand::AddHold(hold("next")), &["held - | next | - | the rule "]),
        (
            &rejecting,
            BookCommand::RemoveHold("fair".parse().unwrap()),
            &["hold-removed - | fair | the rule "],
        ),
        (&numberless, BookCommand::AddStone(stone("two")), &["stone-added - | two | - | two"]),
        (&rejecting, BookCommand::RemoveStone("one".parse().unwrap()), &["stone-removed - | one | one"]),
        (
            &rejecting,
            BookCommand::Kill { scope: StopScope::All, reason: "phones ring".into() },
            &["stopped - | - | - | phones ring"],
        ),
        (&rejecting, BookCommand::AskRestart { scope: other() }, &["restart-requested OTHER | - | - | bob"]),
        (
            &rejecting,
            BookCommand::ApproveRestart { scope: other() },
            &["restarted OTHER | - | they hang | -"],
        ),
        (&numberless, BookCommand::Reject(rule()), &["rejected RULE | - | 3.0 | -"]),
        (
            &interim,
            BookCommand::ApproveInterim {
                locale: locale.clone(),
                update_type: update_type.clone(),
                version: None,
            },
            &["interim-approved - | ENU | - | 1.0.522.103"],
        ),
        (
            &interim,
            BookCommand::RejectInterim { locale, update_type },
            &["interim-rejected - | ENU | 1.0.522.103 | -"],
        ),
        (
            &rejecting,
            BookCommand::ReplaceStone { name: "one".parse().unwrap(), stones: vec![stone("two")] },
            &["stone-replaced - | one | one: UCPhone/Polycom/CX700/*/* below 1.0 goes by 1.0 | two: "],
        ),
    ];
    let mut seen: Vec<&str> = Vec::new();
    for (book, command, expected) in &table {
        let is_other = matches!(command, BookCommand::ApproveRestart { .. } | BookCommand::AskRestart { .. });
        let author = if is_other { "bob" } else { "ann" };
        let notes =
            book.command(command, author).unwrap_or_else(|refusal| panic!("{command:?}: {refusal}")).notes;
        let lines: Vec<String> = notes.iter().map(line).collect();
        for expected in *expected {
            assert!(
                lines.iter().any(|line| line.starts_with(expected)),
                "{command:?}: {expected}, found {lines:?}"
            );
        }
        for note in &notes {
            assert!(note.rule().is_some() || note.name().is_some() || note.kind() == "stopped", "{note:?}");
        }
        #[cfg(feature = "serde")]
        {
            let stored = serde_json::to_string(command).unwrap();
            assert_eq!(serde_json::from_str::<BookCommand>(&stored).unwrap(), *command, "{stored}");
        }
        seen.push(name(command));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), COMMANDS, "a command has no row: {seen:?}");
}

#[test]
fn restoring_a_revision_lists_all_that_goes_and_what_stays() {
    let now = book();
    let earlier = RuleBook::of_new_store();
    let mut earlier_with_packages = earlier.clone();
    earlier_with_packages.packages.clone_from(&now.packages);
    let restored = now.restore(&earlier_with_packages, 1).unwrap();
    let kinds: Vec<&str> = restored.notes.iter().map(Note::kind).collect();
    for kind in [
        "test-device-removed",
        "hold-removed",
        "group-removed",
        "members-changed",
        "alias-removed",
        "stone-removed",
        "scheme-removed",
        "rule-removed",
        "unpinned",
        "rollout-over",
        "ban-stays",
        "stop-stays",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}
