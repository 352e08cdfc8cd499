//! Tests of pending, approved and rejected interim images, and of the offers to test devices and other devices.

use crate::fixtures::*;

const CX600: &str = "UCPhone/Polycom/CX600/A/ENU/CPE";

/// Returns the book of a new store with the original's package: 3.5.6907.0 and the interim image are pending.
fn book() -> RuleBook {
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &uc_updates());
    book
}

fn uc_updates() -> IngestedPackage {
    with_interim(package(1, &[(PHONE, "3.5.6907.0", 1)]), "ENU", "1.0.522.103")
}

/// Returns a package with another interim image: its version and its bytes differ.
fn newer() -> IngestedPackage {
    let mut newer = with_interim(package(5, &[(PHONE, "3.5.6907.5", 5)]), "ENU", "1.0.522.110");
    newer.interim[0].files = files(110);
    newer
}

fn reject_interim() -> BookCommand {
    BookCommand::RejectInterim { locale: "ENU".parse().unwrap(), update_type: "CPE".parse().unwrap() }
}

fn approve_version(version: &str) -> BookCommand {
    let BookCommand::ApproveInterim { locale, update_type, .. } = approve_interim("ENU") else { panic!() };
    BookCommand::ApproveInterim { locale, update_type, version: Some(ReportedVersion::new(version)) }
}

fn approve() -> BookCommand {
    BookCommand::Approve(vec![key(PHONE)])
}

fn word(book: &RuleBook, has: &str) -> &'static str {
    let index = EligibilityIndex::compile(book, 1);
    decide(&index, &Question::new(&device(PHONE), &module(has)), NOW).word()
}

fn folder(book: &RuleBook, has: &str) -> Option<String> {
    let index = EligibilityIndex::compile(book, 1);
    let device = device(PHONE);
    let module = module(has);
    let decision = decide(&index, &Question::new(&device, &module), NOW);
    decision.offer().map(|offer| offer.folder.to_string())
}

/// Returns the approved and the pending interim image for ENU. `-` means that there is none.
fn images(book: &RuleBook) -> String {
    let version = |image: Option<(&InterimImage, PackageId)>| {
        image.map_or_else(|| "-".to_owned(), |(image, _)| image.version.to_string())
    };
    format!("{} {}", version(book.interim_images().next()), version(book.pending_interim_images().next()))
}

#[test]
fn an_ingest_makes_an_interim_image_pending_and_only_test_devices_step_by_it() {
    let mut book = RuleBook::of_new_store();
    let notes = ingest(&mut book, &uc_updates());
    assert_eq!(
        notes,
        [format!("{PHONE}: 3.5.6907.0 is pending"), "interim image 1.0.522.103 for ENU is pending".into()]
    );
    assert_eq!(images(&book), "- 1.0.522.103");
    assert_eq!(word(&book, "1.0.522.34"), "nothing-approved");
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert_eq!(
        answer(&book, PHONE, "1.0.522.34"),
        "offer 1.0.522.103 as a stepping stone to 3.5.6907.0, because it is a test device"
    );
    assert_eq!(folder(&book, "1.0.522.34").unwrap(), "OCInterim/ENU", "the folder that the field knows");
}

#[test]
fn approving_a_release_approves_the_interim_image_of_its_package_on_its_way_and_says_so() {
    let mut book = book();
    let notes = make(&mut book, approve());
    assert_eq!(
        notes,
        [
            format!("{PHONE}: 3.5.6907.0 is approved"),
            format!(
                "interim image 1.0.522.103 for ENU is approved too, because devices of {PHONE} must install it first"
            ),
        ]
    );
    assert_eq!(images(&book), "1.0.522.103 -");
    assert!(answer(&book, PHONE, "0.0.0.0").starts_with("offer 1.0.522.103 as a stepping stone"));
}

#[test]
fn every_way_of_approving_a_release_approves_the_interim_image_on_its_way() {
    let version = ReportedVersion::new("3.5.6907.0");
    let everybody = Audience::Everybody;
    let rollout = || Rollout::new("wave".parse().unwrap());
    let start = BookCommand::StartRollout {
        rule: key(PHONE),
        audience: everybody,
        version: version.clone(),
        rollout: rollout(),
    };
    let ways = [
        vec![BookCommand::ApproveAllOf(uc_updates().id())],
        vec![BookCommand::ApproveVersion { rule: key(PHONE), version }],
        vec![start, BookCommand::FinishRollout(key(PHONE), rollout().name)],
    ];
    for way in ways {
        let mut book = book();
        way.iter().for_each(|command| drop(make(&mut book, command.clone())));
        assert_eq!(images(&book), "1.0.522.103 -", "{way:?}");
    }
    let mut book = book();
    make(&mut book, BookCommand::DeployAtIngest("UCPhone".parse().unwrap(), true));
    let mut again = uc_updates();
    again.sha256 = Sha256Digest::new([9; 32]);
    again.releases[0].version = ReportedVersion::new("3.5.6907.9");
    ingest(&mut book, &again);
    assert_eq!(images(&book), "- 1.0.522.103", "the pending image is that of another package");
    let mut deployed = RuleBook::of_new_store();
    make(&mut deployed, BookCommand::DeployAtIngest("UCPhone".parse().unwrap(), true));
    ingest(&mut deployed, &uc_updates());
    assert_eq!(images(&deployed), "1.0.522.103 -");
}

#[test]
fn a_release_of_another_package_leaves_the_interim_image_pending_and_says_what_to_type() {
    let mut book = book();
    ingest(&mut book, &package(2, &[(PHONE, "4.0.7577.0", 2)]));
    let notes = make(&mut book, approve());
    assert_eq!(
        notes[1],
        format!(
            "{PHONE}: devices below 1.0.522.98 must install 1.0.522.103 first, but the interim image 1.0.522.103 is pending, so \
             they get nothing unless they are test devices; `ucupdate interim approve ENU` approves it"
        )
    );
    assert_eq!(word(&book, "1.0.522.34"), "stepping-stone-pending");
    assert_eq!(word(&book, "1.0.522.103"), "offer", "devices past the stone go on");
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert_eq!(
        answer(&book, PHONE, "1.0.522.34"),
        "offer 1.0.522.103 as a stepping stone to 4.0.7577.0, because it is approved for all devices of this rule"
    );
    make(&mut book, BookCommand::RemoveTestDevice("lab".parse().unwrap()));
    assert_eq!(make(&mut book, approve_interim("ENU")), ["interim image 1.0.522.103 for ENU is approved"]);
    assert_eq!(word(&book, "1.0.522.34"), "offer");
}

#[test]
fn a_rollout_approves_no_interim_image_and_says_what_to_type() {
    let mut book = book();
    let notes = make(
        &mut book,
        start_rollout(PHONE, Audience::Everybody, "3.5.6907.0", Rollout::new("wave".parse().unwrap())),
    );
    assert!(notes[1].contains("`ucupdate interim approve ENU`"), "{notes:?}");
    assert_eq!(word(&book, "1.0.522.34"), "stepping-stone-pending");
}

#[test]
fn a_pinned_device_steps_by_a_pending_image_only_if_it_is_a_test_device() {
    let mut book = book();
    let DeviceId::Mac(mac) = test_device("lab").id else { panic!() };
    let audience = Audience::Device(DeviceId::Mac(mac));
    make(&mut book, pin(PHONE, audience, "3.5.6907.0"));
    assert_eq!(word(&book, "1.0.522.34"), "stepping-stone-pending");
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert_eq!(word(&book, "1.0.522.34"), "offer");
}

#[test]
fn a_rejected_interim_image_does_not_come_back_with_the_next_ingest() {
    let mut book = book();
    assert_eq!(make(&mut book, reject_interim()), ["interim image 1.0.522.103 for ENU is rejected"]);
    assert_eq!(refused(&book, reject_interim()), "no interim image for ENU and CPE is pending");
    assert_eq!(refused(&book, approve_interim("ENU")), "no interim image for ENU and CPE is pending");
    let mut again = uc_updates();
    again.sha256 = Sha256Digest::new([9; 32]);
    again.releases[0].version = ReportedVersion::new("3.5.6907.9");
    let notes = ingest(&mut book, &again);
    assert_eq!(
        notes[1],
        "interim image 1.0.522.103 for ENU was rejected before, so it is not pending; `ucupdate interim approve ENU \
         1.0.522.103` approves it"
    );
    let notes = make(&mut book, approve());
    assert!(notes[1].ends_with("`ucupdate interim approve ENU 1.0.522.103` approves it"), "{notes:?}");
    assert_eq!(word(&book, "1.0.522.34"), "stepping-stone-missing");
    make(&mut book, approve_version("1.0.522.103"));
    assert_eq!((images(&book).as_str(), word(&book, "1.0.522.34")), ("1.0.522.103 -", "offer"));
    assert_eq!(refused(&book, approve_version("9.9")), "no package contains the interim image 9.9 for ENU");
}

#[test]
fn rejecting_or_rolling_back_a_release_leaves_the_interim_image_as_it_is() {
    let mut rejected = book();
    make(&mut rejected, BookCommand::Reject(key(PHONE)));
    assert_eq!(images(&rejected), "- 1.0.522.103");
    let mut rolled_back = book();
    make(&mut rolled_back, approve());
    make(&mut rolled_back, BookCommand::RollBackToNothing(key(PHONE)));
    assert_eq!(
        (state(&rolled_back, PHONE).as_str(), images(&rolled_back).as_str()),
        ("- - -", "1.0.522.103 -")
    );
}

#[test]
fn restoring_a_revision_restores_which_interim_image_is_approved() {
    let mut book = book();
    let before = book.clone();
    make(&mut book, approve());
    let restored = book.restore(&before, 1).unwrap();
    let notes: Vec<String> = restored.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes[1], "no interim image for ENU is approved, as in the restored revision");
    assert_eq!(notes[2], "interim image 1.0.522.103 for ENU is pending");
    book.apply(&restored.delta);
    assert_eq!(images(&book), "- 1.0.522.103");
}

#[test]
fn a_banned_interim_image_is_neither_approved_nor_offered() {
    let digest = uc_updates().interim[0].files.image.sha256;
    let ban = BookCommand::Ban(Ban::new(BanScope::Image(digest), "it bricks phones"));
    let mut banned = book();
    make(&mut banned, ban.clone());
    assert!(refused(&banned, approve_interim("ENU")).contains("`ucupdate ban lift "));
    let notes = make(&mut banned, approve());
    assert!(notes[1].starts_with("interim image 1.0.522.103 for ENU is banned by sha256:"), "{notes:?}");
    assert_eq!(
        (images(&banned).as_str(), word(&banned, "1.0.522.34")),
        ("- 1.0.522.103", "stepping-stone-banned")
    );
    make(&mut banned, BookCommand::AddTestDevice(test_device("lab")));
    assert_eq!(word(&banned, "1.0.522.34"), "stepping-stone-banned");

    let mut before = RuleBook::of_new_store();
    make(&mut before, ban);
    let notes = ingest(&mut before, &uc_updates());
    assert!(notes[1].ends_with("so it is offered to no device"), "{notes:?}");
    assert_eq!(images(&before), "- -");
}

#[test]
fn an_interim_image_of_another_version_is_taken_once_the_stones_name_it_and_test_devices_get_it_first() {
    let mut book = book();
    make(&mut book, approve());
    let refusal = book.ingest(&newer()).unwrap_err();
    assert_eq!(refusal.kind(), "interim-version");
    assert_eq!(
        refusal.to_string(),
        "interim image 1.0.522.110 for ENU has another version than its stepping stones expect: ocs-interim names \
         1.0.522.103, ocs-interim-cpe names 1.0.522.103 for other devices, ocs-interim-cx700 names 1.0.522.103 for other devices; \
         if the package is right, type `ucupdate stone set ocs-interim --by 1.0.522.110` and `ucupdate stone set ocs-interim-cpe \
         --by 1.0.522.110` and `ucupdate stone set ocs-interim-cx700 --by 1.0.522.110`, and ingest the package again"
    );
    let mut stone = book.settings().stones[0].clone();
    assert_eq!(stone.name.as_str(), "ocs-interim");
    stone.by = "1.0.522.110".parse().unwrap();
    let set = BookCommand::ReplaceStone { name: stone.name.clone(), stones: vec![stone] };
    assert_eq!(
        make(&mut book, set),
        [
            "stepping stone ocs-interim: UCPhone/LG-Nortel/IP8540/*/* below 1.0.522.98 goes by 1.0.522.103 is replaced by \
          ocs-interim: UCPhone/LG-Nortel/IP8540/*/* below 1.0.522.98 goes by 1.0.522.110"
        ]
    );
    let [other] = &book.other_interim_versions()[..] else { panic!("the image in use is another") };
    assert_eq!(other.set_command(), "ucupdate stone set ocs-interim --by 1.0.522.103");
    assert!(
        answer(&book, PHONE, "1.0.522.34").starts_with("offer 1.0.522.103"),
        "nobody is stopped meanwhile"
    );

    // The other two stones still have the version of the existing image.
    let refusal = book.ingest(&newer()).unwrap_err();
    assert_eq!(refusal.kind(), "interim-taken");
    for name in ["ocs-interim-cpe", "ocs-interim-cx700"] {
        make(&mut book, BookCommand::RemoveStone(name.parse().unwrap()));
    }
    ingest(&mut book, &newer());
    assert_eq!(images(&book), "1.0.522.103 1.0.522.110");
    assert_eq!(folder(&book, "1.0.522.34").unwrap(), "OCInterim/ENU");
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert!(
        answer(&book, PHONE, "1.0.522.34").starts_with("offer 1.0.522.110 as a stepping stone to 3.5.6907.5")
    );
    assert_eq!(
        folder(&book, "1.0.522.34").unwrap(),
        "OCInterim/ENU/1.0.522.110",
        "each image has its own URL"
    );
    let notes = make(&mut book, approve());
    assert!(
        notes[1].starts_with("interim image 1.0.522.110 for ENU is approved too, in place of 1.0.522.103"),
        "{notes:?}"
    );
    assert_eq!(folder(&book, "1.0.522.34").unwrap(), "OCInterim/ENU");
}

#[test]
fn an_interim_image_for_kinds_without_a_stone_is_not_used_and_the_note_says_what_to_type() {
    let carried = with_interim(package(3, &[(CX600, "4.0.7577.0", 3)]), "ENU", "2.0.0.0");
    let mut book = RuleBook::of_new_store();
    let notes = ingest(&mut book, &carried);
    assert_eq!(
        notes[1],
        "interim image 2.0.0.0 for ENU is not used: no stepping stone is for the devices of its package; where such devices \
         must install it first, type `ucupdate stone add interim-polycom-cx600 --device-type UCPhone --vendor Polycom --model \
         CX600 --below 2.0.0.0 --by 2.0.0.0 --image interim`, with --below as the vendor states it"
    );
    assert_eq!(images(&book), "- -");
    make(&mut book, BookCommand::AddTestDevice(test_device("lab")));
    assert!(
        answer(&book, CX600, "0.0.0.0").starts_with("offer 4.0.7577.0,"),
        "it goes straight to its target"
    );

    let Some(Note::InterimUnused { stones, .. }) =
        RuleBook::of_new_store().ingest(&carried).unwrap().notes.pop()
    else {
        panic!("the last note is about the image")
    };
    let notes = make(&mut book, BookCommand::AddStone(stones[0].clone()));
    assert_eq!(notes[0], "interim image 2.0.0.0 for ENU is pending");
    assert!(answer(&book, CX600, "0.0.0.0").starts_with("offer 2.0.0.0 as a stepping stone"));
    assert_eq!(make(&mut book, BookCommand::Approve(vec![key(CX600)])).len(), 2);
    assert_eq!(images(&book), "2.0.0.0 -", "the same approval as the image of the original");
}

#[test]
fn a_stone_for_an_image_that_is_not_approved_stops_nobody_who_gets_something_today() {
    let carried = with_interim(package(3, &[(CX600, "4.0.7577.0", 3)]), "ENU", "2.0.0.0");
    let mut book = RuleBook::of_new_store();
    let Some(Note::InterimUnused { stones, .. }) = book.ingest(&carried).unwrap().notes.pop() else {
        panic!()
    };
    ingest(&mut book, &carried);
    make(&mut book, BookCommand::Approve(vec![key(CX600)]));
    let add = BookCommand::AddStone(stones[0].clone());
    assert_eq!(
        refused(&book, add.clone()),
        format!(
            "{CX600}: devices below 2.0.0.0 must install 2.0.0.0 first, which is not approved, so they would get nothing; type \
             `ucupdate interim approve ENU 2.0.0.0` first"
        )
    );
    make(&mut book, approve_version("2.0.0.0"));
    make(&mut book, add);
    assert!(answer(&book, CX600, "0.0.0.0").starts_with("offer 2.0.0.0 as a stepping stone"));
    assert_eq!(word(&book, "1.0.522.34"), "no-rule");
}

#[test]
fn an_image_of_one_package_is_never_sent_to_the_devices_of_another_by_a_stone_that_does_not_name_it() {
    let carried = with_interim(package(3, &[(CX600, "4.0.7577.0", 3)]), "ENU", "2.0.0.0");
    let mut book = RuleBook::of_new_store();
    ingest(&mut book, &package(2, &[(PHONE, "3.5.6907.0", 2)]));
    make(&mut book, approve());
    ingest(&mut book, &carried);
    make(&mut book, approve_version("2.0.0.0"));
    assert_eq!(word(&book, "1.0.522.34"), "stepping-stone-missing");
}

#[test]
fn a_wide_stone_of_an_old_store_is_narrowed_to_the_stones_of_a_new_one() {
    let mut book = RuleBook::default();
    ingest(&mut book, &uc_updates());
    ingest(&mut book, &package(2, &[(CX600, "4.0.7577.0", 2)]));
    make(&mut book, BookCommand::Approve(vec![key(PHONE), key(CX600)]));
    assert!(answer(&book, CX600, "0.0.0.0").starts_with("offer 1.0.522.103 as a stepping stone"));
    let [wide] = &book.wide_stones()[..] else { panic!("one stone is wide") };
    assert_eq!(wide.narrow_command(), "ucupdate stone narrow ocs-interim");
    let name = wide.stone.name.clone();
    make(&mut book, BookCommand::ReplaceStone { name, stones: wide.narrowed.clone() });
    assert_eq!(book.settings(), &Settings::of_new_store());
    assert!(book.wide_stones().is_empty());
    assert!(answer(&book, CX600, "0.0.0.0").starts_with("offer 4.0.7577.0,"));
    assert!(answer(&book, PHONE, "0.0.0.0").starts_with("offer 1.0.522.103 as a stepping stone"));
}

#[test]
fn a_wide_stone_is_narrowed_to_the_kinds_of_the_package_that_carries_its_image() {
    let mut book = RuleBook::default();
    let mut wide = SteppingStone::ocs_interim();
    wide.name = "mine".parse().unwrap();
    (wide.below, wide.by) = ("2.0".parse().unwrap(), "2.0.0.0".parse().unwrap());
    let name = SteppingStone::ocs_interim().name;
    make(&mut book, BookCommand::ReplaceStone { name, stones: vec![wide] });
    let [unknown] = &book.wide_stones()[..] else { panic!("one stone is wide") };
    assert_eq!(unknown.narrow_command(), "ucupdate stone remove mine");
    ingest(&mut book, &with_interim(package(3, &[(CX600, "4.0.7577.0", 3)]), "ENU", "2.0.0.0"));
    let [wide] = &book.wide_stones()[..] else { panic!("one stone is wide") };
    let narrowed: Vec<String> = wide.narrowed.iter().map(ToString::to_string).collect();
    assert_eq!(narrowed, ["mine: UCPhone/Polycom/CX600/*/* below 2.0 goes by 2.0.0.0"]);
}

#[test]
fn a_new_interim_stone_for_any_model_is_refused_with_the_stones_to_add_instead() {
    let mut book = RuleBook::of_new_store();
    let mut wide = SteppingStone::ocs_interim();
    wide.name = "mine".parse().unwrap();
    (wide.below, wide.by) = ("2.0".parse().unwrap(), "2.0.0.0".parse().unwrap());
    let unknown = refused(&book, BookCommand::AddStone(wide.clone()));
    assert!(unknown.ends_with("; give --vendor and --model, each as often as needed"), "{unknown}");
    ingest(&mut book, &with_interim(package(3, &[(CX600, "4.0.7577.0", 3)]), "ENU", "2.0.0.0"));
    let known = refused(&book, BookCommand::AddStone(wide.clone()));
    assert!(
        known.ends_with(
            "type `ucupdate stone add mine --device-type UCPhone --vendor Polycom --model CX600 --below 2.0 --by 2.0.0.0 --image \
             interim`"
        ),
        "{known}"
    );
    let name = SteppingStone::ocs_interim().name;
    let widened = BookCommand::ReplaceStone { name, stones: vec![wide] };
    assert!(refused(&book, widened).contains("to devices of any vendor or model"));
}

#[test]
fn a_stone_is_replaced_by_stones_that_could_be_added() {
    let book = book();
    let name: StoneName = "ocs-interim".parse().unwrap();
    let replace = |stones: Vec<SteppingStone>| BookCommand::ReplaceStone { name: name.clone(), stones };
    assert_eq!(
        refused(&book, replace(Vec::new())),
        "no stepping stone is given in place of ocs-interim; expected one or more; to have none, remove ocs-interim"
    );
    let mut low = book.settings().stones[0].clone();
    low.by = "1.0".parse().unwrap();
    assert!(refused(&book, replace(vec![low])).starts_with("1.0 is below 1.0.522.98"));
    let taken = book.settings().stones[1].clone();
    assert!(refused(&book, replace(vec![taken])).starts_with("a stepping stone exists already"));
    let same = book.settings().stones[0].clone();
    assert!(book.command(&replace(vec![same]), "ann").unwrap().delta.is_empty());
    let unknown = BookCommand::ReplaceStone { name: "x".parse().unwrap(), stones: Vec::new() };
    assert_eq!(refused(&book, unknown), "no stepping stone x");
}

#[test]
fn a_package_whose_interim_image_is_pending_does_not_leave_the_book() {
    let mut book = book();
    make(&mut book, BookCommand::Remove(key(PHONE)));
    let retire = BookCommand::Retire(vec![uc_updates().id()]);
    assert!(refused(&book, retire.clone()).ends_with("so it is kept"));
    make(&mut book, reject_interim());
    make(&mut book, retire);
}

#[test]
fn a_command_line_quotes_the_words_that_a_shell_would_split() {
    let mut stone = SteppingStone::ocs_interim();
    stone.kind.model = vec!["VVX 500".parse().unwrap(), "a\"b".parse().unwrap()];
    assert_eq!(
        stone.add_command(),
        "ucupdate stone add ocs-interim --device-type UCPhone --model \"VVX 500\" --model 'a\"b' --below 1.0.522.98 --by \
         1.0.522.103 --image interim"
    );
}
