//! Tests of whole books: deltas, restored books, removed packages, and books that are rebuilt from packages.

use crate::fixtures::*;
use proptest::prelude::*;

const OTHER: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";

fn id(package: &IngestedPackage) -> PackageId {
    package.id()
}

/// Returns a book after these moves. A refused move has no effect.
fn book(moves: &[u8]) -> RuleBook {
    let mut book = RuleBook::default();
    for number in moves {
        let rule = if number % 2 == 0 { PHONE } else { OTHER };
        let spelled = if number % 3 == 0 { rule.to_ascii_lowercase() } else { rule.to_owned() };
        let version = format!("3.5.{}.0", number % 5);
        let package = package(*number, &[(&spelled, &version, number % 5)]);
        let package = if number % 4 == 0 { with_interim(package, "enu", "1.0.522.103") } else { package };
        let outcome = match number / 10 {
            0..=9 => book.ingest(&package),
            10..=14 => book.command(&approve(rule), "ann"),
            15..=17 => book.command(&BookCommand::Remove(key(rule)), "ann"),
            18..=19 => book.command(&BookCommand::RollBack(key(rule)), "ann"),
            20..=21 => {
                let name = if number % 2 == 0 { "lab" } else { "Lab" };
                book.command(&BookCommand::AddTestDevice(test_device(name)), "ann")
            }
            22 => book.command(&BookCommand::RemoveTestDevice("lab".parse().unwrap()), "ann"),
            23 => of_devices(&book, *number),
            _ => {
                book.command(&BookCommand::DeployAtIngest("UCPhone".parse().unwrap(), number % 2 == 0), "ann")
            }
        };
        if let Ok(outcome) = outcome {
            book.apply(&outcome.delta);
        }
    }
    book
}

/// Makes a change of groups, lists, holds, stops or rollouts. `number` chooses the change.
fn of_devices(book: &RuleBook, number: u8) -> Result<BookChange, Refusal> {
    let name = |text: &str| if number.is_multiple_of(2) { text.to_owned() } else { text.to_uppercase() };
    let group: GroupName = name("labs").parse().unwrap();
    let mac = DeviceId::Mac(MacAddress::new([0, 0, 0, 0, 0, number % 2]));
    let rule = key(PHONE);
    let command = match number % 10 {
        0 | 1 => BookCommand::PutGroup(Group { name: group, predicate: None }),
        2 | 3 => BookCommand::ChangeMembers { group, add: vec![mac], remove: vec![] },
        4 => BookCommand::RemoveGroup(group),
        5 | 6 => BookCommand::AddHold(Hold {
            name: name("quiet").parse().unwrap(),
            on: HeldDevices::Device(mac),
            until: None,
            reason: "".into(),
        }),
        7 => BookCommand::Kill { scope: StopScope::All, reason: "".into() },
        8 => BookCommand::StartRollout {
            rule,
            audience: Audience::Everybody,
            version: ReportedVersion::new("3.5.1.0"),
            rollout: Rollout::new(name("wave").parse().unwrap()),
        },
        _ => BookCommand::AskRestart { scope: StopScope::All },
    };
    book.command(&command, "ann")
}

/// Returns all entries of a book as text, in their spelling.
fn whole(book: &RuleBook) -> String {
    format!("{:?}", book.to_delta())
}

/// Returns a random move. Moves on devices are as frequent as all others together.
fn a_move() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), 230_u8..240]
}

proptest! {
    #[test]
    fn the_delta_from_one_book_to_another_makes_the_other(
        one in prop::collection::vec(a_move(), 0..30),
        other in prop::collection::vec(a_move(), 0..30),
    ) {
        let (mut one, other) = (book(&one), book(&other));
        one.apply(&one.delta_to(&other));
        prop_assert_eq!(whole(&one), whole(&other));
        prop_assert!(one.delta_to(&other).is_empty());
        prop_assert_eq!(whole(&RuleBook::of(other.to_delta())), whole(&other));
    }

    #[test]
    fn what_is_named_in_a_book_is_what_its_deltas_named_and_no_more(moves in prop::collection::vec(a_move(), 0..30)) {
        let book = book(&moves);
        prop_assert_eq!(book.to_delta().named_packages(), book.named_packages());
    }
}

#[test]
fn restoring_an_earlier_book_brings_back_all_but_the_packages() {
    let (first, second) =
        (package(1, &[(PHONE, "1.0", 1)]), package(2, &[(PHONE, "2.0", 2), (OTHER, "2.0", 2)]));
    let mut book = RuleBook::default();
    ingest(&mut book, &first);
    make(&mut book, approve(PHONE));
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    let earlier = book.clone();
    ingest(&mut book, &second);
    make(&mut book, approve(PHONE));
    make(&mut book, BookCommand::RemoveTestDevice("lab".parse().unwrap()));
    assert_eq!(state(&book, PHONE), "- 2.0 1.0");

    let restored = book.restore(&earlier, 3).unwrap();
    let report: Vec<String> = restored.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        report,
        [
            "the rule book is as it was at revision 3".to_owned(),
            "lab is a test device, known by its MAC address 0021630F207B".to_owned(),
            format!("{OTHER}: removed; 2.0 was pending"),
            format!("{PHONE}: rolled back from 2.0 to 1.0"),
        ]
    );
    book.apply(&restored.delta);
    assert_eq!((state(&book, PHONE), state(&book, OTHER)), ("- 1.0 -".into(), "no rule".into()));
    assert_eq!(book.test_devices().len(), 1);
    assert_eq!(book.packages().len(), 2, "what was ingested since stays known");
    assert!(book.restore(&earlier, 3).unwrap().delta.is_empty());
}

#[test]
fn an_earlier_book_whose_package_has_left_is_not_restored() {
    let first = package(1, &[(PHONE, "1.0", 1)]);
    let mut book = RuleBook::default();
    ingest(&mut book, &first);
    let earlier = book.clone();
    let in_use = refused(&book, BookCommand::Retire(vec![id(&first)]));
    assert_eq!(
        in_use,
        "package 010101010101 is in use by a rule, an interim image or a stepping stone, so it is kept"
    );
    make(&mut book, BookCommand::Remove(key(PHONE)));
    assert_eq!(
        make(&mut book, BookCommand::Retire(vec![id(&first)])),
        ["package 010101010101 of UCUpdates.cab has left the rule book"]
    );
    assert_eq!(book.packages().len(), 0);
    let refused_to = book.restore(&earlier, 1).unwrap_err().to_string();
    assert_eq!(refused_to, "package 010101010101 was removed from the rule book; ingest it again");
    assert_eq!(refused(&book, BookCommand::Retire(vec![id(&first)])), "no package 010101010101");
    assert_eq!(refused(&book, BookCommand::Retire(Vec::new())), "no rule is named");

    ingest(&mut book, &first);
    let restored = book.restore(&earlier, 1).unwrap();
    book.apply(&restored.delta);
    assert_eq!(book, earlier, "it is pending again, as it was then");
}

#[test]
fn a_package_that_is_kept_for_roll_back_or_holds_an_interim_image_does_not_leave() {
    let (old, new) = (package(1, &[(PHONE, "1.0", 1)]), package(2, &[(PHONE, "2.0", 2)]));
    let stone = with_interim(package(3, &[]), "ENU", "1.0.522.103");
    let mut book = RuleBook::default();
    for package in [&old, &new] {
        ingest(&mut book, package);
        make(&mut book, approve(PHONE));
    }
    ingest(&mut book, &stone);
    for package in [&old, &new, &stone] {
        assert!(refused(&book, BookCommand::Retire(vec![id(package)])).ends_with("so it is kept"));
    }
}

#[test]
fn a_book_from_packages_alone_has_the_newest_pending_and_nothing_approved() {
    let camera = "RoundTable/Microsoft/RTDevice/A/ENU/CPE";
    let mut packages = [
        package(1, &[(PHONE, "1.10.0.0", 1), (camera, "1.1.27.0", 1)]),
        with_interim(package(2, &[(PHONE, "1.9.0.0", 2)]), "ENU", "1.0.522.103"),
        with_interim(package(3, &[(OTHER, "odd", 3)]), "DEU", "0.9"),
        package(4, &[(OTHER, "1.0", 4)]),
    ];
    for (at, package) in (1..).zip(&mut packages) {
        package.ingested_at = UnixTime::from_seconds(at);
    }
    let outcome = RuleBook::default().rebuild(&packages);
    let mut book = RuleBook::default();
    book.apply(&outcome.delta);
    assert_eq!(state(&book, PHONE), "1.10.0.0 - -", "the newest version, not the last ingested");
    assert_eq!(state(&book, camera), "1.1.27.0 - -", "nothing is deployed unasked");
    assert_eq!(state(&book, OTHER), "1.0 - -");
    assert_eq!(book.packages().len(), 4);
    assert_eq!(book.interim_images().count(), 0, "an interim image waits for approval as a release does");
    assert_eq!(book.pending_interim_images().count(), 1, "one that its stones do not name is left out");
    assert_eq!(outcome.notes.len(), 4);
    assert!(book.rebuild(&packages).delta.is_empty());

    // Applying the delta in two parts has the same result.
    let mut in_parts = RuleBook::default();
    for part in [&packages[..2], &packages[2..]] {
        in_parts.apply(&in_parts.rebuild(part).delta);
    }
    assert_eq!(in_parts, book);
}

#[test]
fn releases_are_found_by_rule_as_they_are_in_their_packages() {
    let lower = PHONE.to_ascii_lowercase();
    let packages = [
        package(1, &[(PHONE, "1.0", 1), (OTHER, "1.0", 2), (&lower, "1.0.0.0", 3), (PHONE, "2.0", 4)]),
        package(2, &[(&lower, "odd", 5)]),
    ];
    let mut book = RuleBook::default();
    book.apply(&book.rebuild(&packages).delta);
    let releases = ReleasesByRule::of(&book);
    let mut found = 0;
    for rule in [PHONE, &lower, OTHER, "UCPhone/Polycom/CX600/A/ENU/CPE"] {
        for version in ["1.0", "1.0.0", "2.0", "odd", "3.0"] {
            for package in packages.iter().map(id).chain([PackageId::of(&Sha256Digest::new([9; 32]))]) {
                let candidate = Candidate { version: ReportedVersion::new(version), package };
                let (one, other) =
                    (releases.find(&key(rule), &candidate), book.release(&key(rule), &candidate));
                assert_eq!(one.map(std::ptr::from_ref), other.map(std::ptr::from_ref), "{rule} {version}");
                found += u32::from(one.is_some());
            }
        }
    }
    assert_eq!(found, 8 + 2);
}

#[test]
fn restoring_tells_which_rollouts_go_on_again_and_which_are_over() {
    let mut book = RuleBook::default();
    for (id, version) in [(1, "2.0"), (2, "3.0")] {
        ingest(&mut book, &package(id, &[(PHONE, version, id)]));
    }
    let start = |name: &str, version: &str| start_rollout(PHONE, Audience::Everybody, version, rollout(name));
    make(&mut book, start("wave", "2.0"));
    let earlier = book.clone();
    make(&mut book, BookCommand::PauseRollout(key(PHONE), "wave".parse().unwrap(), "7 of 40 failed".into()));
    make(&mut book, start("next", "3.0"));
    let report = |outcome: BookChange| outcome.notes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let restored = report(book.restore(&earlier, 3).unwrap());
    assert_eq!(
        restored[1..],
        [
            format!("{PHONE}: rollout wave is resumed; it was paused (reason: 7 of 40 failed)"),
            format!("{PHONE}: rollout next of 3.0 is ended"),
        ]
    );
    let restored = report(earlier.restore(&book, 5).unwrap());
    assert_eq!(
        restored[1..],
        [
            format!("{PHONE}: rollout wave is paused (reason: 7 of 40 failed)"),
            format!("{PHONE}: rollout next runs again"),
        ]
    );
}

#[test]
fn a_group_keeps_its_spelling_when_it_is_made_another() {
    let mut book = RuleBook::default();
    make(&mut book, BookCommand::PutGroup(Group { name: "Lab".parse().unwrap(), predicate: None }));
    let mut predicate = Predicate::default();
    predicate.side = Some(Side::Internal);
    make(
        &mut book,
        BookCommand::PutGroup(Group { name: "LAB".parse().unwrap(), predicate: Some(predicate) }),
    );
    let group = book.groups().next().unwrap();
    assert_eq!((group.name.as_str(), group.predicate.is_some()), ("Lab", true));
}

#[test]
fn restoring_tells_which_holds_come_and_go() {
    let mut book = RuleBook::default();
    ingest(&mut book, &package(1, &[(PHONE, "2.0", 1)]));
    let hold = |name: &str| {
        let on = HeldDevices::Rule(key(PHONE));
        BookCommand::AddHold(Hold { name: name.parse().unwrap(), on, until: None, reason: "".into() })
    };
    make(&mut book, hold("before"));
    let earlier = book.clone();
    make(&mut book, BookCommand::RemoveHold("before".parse().unwrap()));
    make(&mut book, hold("since"));
    let report: Vec<String> =
        book.restore(&earlier, 2).unwrap().notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        report,
        [
            "the rule book is as it was at revision 2".to_owned(),
            format!("the hold since on the rule {PHONE} is removed"),
            format!("the rule {PHONE} is offered nothing, by the hold before"),
        ]
    );
}
