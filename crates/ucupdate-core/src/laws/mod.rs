//! Laws that hold for any input. The fuzz targets and the tests of their corpora call these functions.
//!
//! Each function panics if a law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

mod script;

use crate::book::{
    BookChange, BookCommand, InterimImage, Predicate, Refusal, Role, Rule, RuleBook, RuleKey, SameRelease,
    StoneImage, StopScope,
};
use crate::decide::{Decision, EligibilityIndex, Offer, OfferKind, TraceRecord, decide, diff, explain, plan};
use crate::device::Device;
use crate::request::{AskedFrom, InstalledModule, Question, Side, UpdateRequest};
use crate::value::{Reported, UnixTime};
use crate::version::{FirmwareVersion, ReportedVersion};
use script::{Script, command, package};
use std::cmp::Ordering;

/// Checks that the order of versions is total, and that it agrees with equality and with `is_same_release`.
/// Also checks that a version is read back from its text.
///
/// The input is up to three texts, separated by line feeds.
pub fn version(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let said: Vec<ReportedVersion> = text.split('\n').take(3).map(ReportedVersion::new).collect();
    for version in &said {
        assert_eq!(ReportedVersion::new(version.as_str()), *version, "a version reads back from its text");
        assert!(version.is_same_release(version));
        assert_eq!(version.readable().is_none(), version.why_unreadable().is_some());
    }
    let read: Vec<&FirmwareVersion> = said.iter().filter_map(ReportedVersion::readable).collect();
    for a in &read {
        for b in &read {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "order is antisymmetric");
            assert_eq!(a.cmp(b) == Ordering::Equal, a == b, "order agrees with equality");
            assert_eq!(a.is_same_release(b), b.is_same_release(a));
            assert!(a != b || a.is_same_release(b), "equal versions are the same release");
            for c in &read {
                assert!(a > b || b > c || a <= c, "order is transitive");
                assert!(!(a.is_same_release(b) && b.is_same_release(c)) || a.is_same_release(c));
            }
        }
    }
}

/// Reads a text as a rule or as a part of one. Checks that a refusal has a message, and that a value that
/// was read is read back from its own text form.
///
/// The first byte chooses the type. The other bytes are the text.
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
                &mut Script::new(rest),
            );
            let mut predicate = Predicate::default();
            predicate.user_domains.extend(domain);
            let _holds = predicate.holds(&Question::new(&device, &module).by_user(text));
        }
    }
}

/// The number of changes of a book before questions are put to it. Under Miri it is small, because each change takes a second.
const CHANGES: u8 = if cfg!(miri) { 6 } else { 32 };

/// Makes any sequence of ingests, approvals and roll backs, and checks the promises of decisions. For
/// example, a device is never offered the release that it has.
///
/// The bytes choose the changes of a small rule book and the devices that ask.
pub fn decision(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut book = RuleBook::default();
    for id in 0..=(script.below(CHANGES)) {
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

/// Makes changes of a rule book, and returns the last rule book. For each change, calls `check` with the
/// rule book before it, the command, the change, and the rule book after it.
///
/// The bytes choose the changes.
///
/// # Panics
/// Panics if a refusal has no text.
pub fn history(
    bytes: &[u8],
    mut check: impl FnMut(&RuleBook, &BookCommand, &BookChange, &RuleBook),
) -> RuleBook {
    let mut script = Script::new(bytes);
    let mut book = if script.below(2) == 0 { RuleBook::default() } else { RuleBook::of_new_store() };
    for id in 0..=script.below(24) {
        let (command, change) = change(&book, &mut script, id);
        match change {
            Ok(change) => {
                let mut after = book.clone();
                after.apply(&change.delta);
                check(&book, &command, &change, &after);
                book = after;
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
    book
}

/// Makes a rule book from the bytes, and asks it a number of questions. Checks that the [`TraceRecord`] of
/// each answer replays to an equal record, and that it contains the decision of [`decide`].
pub fn replay(bytes: &[u8], questions: u32) {
    let mut script = Script::new(bytes);
    let mut book = RuleBook::default();
    for id in 0..CHANGES {
        act(&mut book, &mut script, id);
    }
    let index = EligibilityIndex::compile(&book, 1);
    let mut key: RuleKey = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().expect("these words make a rule");
    for number in 0..questions {
        // The bits of the number choose the question. Every 64th question is about a different rule.
        let bits = number.wrapping_mul(0x9e37_79b9).to_be_bytes();
        let mut choice = Script::new(&bits);
        if number % 64 == 0 {
            key = Script::new(&number.to_be_bytes()).rule();
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

/// Returns a device that the rule is for, and a module that the device asks about. `mac` is its MAC
/// address.
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

/// Returns a command, and the change that it makes or the reason why it is refused.
fn change(book: &RuleBook, script: &mut Script<'_>, id: u8) -> (BookCommand, Result<BookChange, Refusal>) {
    if script.below(3) == 0 {
        let package = package(script, id);
        return (BookCommand::Ingest(package.id()), book.ingest(&package));
    }
    let command = command(script);
    let change = book.command(&command, script.of(&["ann", "bob"]));
    (command, change)
}

fn act(book: &mut RuleBook, script: &mut Script<'_>, id: u8) {
    match change(book, script, id).1 {
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

    // The rule of a module may be found in another way than by its update type.
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
        // `Exact` treats `1.0` and `1.0.0` as two releases on purpose.
        assert!(
            rule.policy().same_release == SameRelease::Exact
                || !rule.policy().scheme.is_same_release(&offer.version, &module.version),
            "no device is offered the release that it has, not even as a stepping stone"
        );
        if let OfferKind::SteppingStone { stone, .. } = kind
            && stone.image == StoneImage::Interim
        {
            let is_approved = book.interim_images().any(|(image, _)| {
                image.locale == rule.key().kind().locale
                    && image.update_type == *rule.key().update_type()
                    && image.version == offer.version
                    && *offer.folder == *InterimImage::folder(&image.locale)
            });
            assert!(is_approved || is_test, "an interim image that is not approved is for test devices only");
        }
        if kind == OfferKind::Direct && because.role() == Role::Approved {
            let approved = rule.approved().expect("everybody is offered what is approved");
            assert!(rule.policy().is_same_release(&approved.version, &offer.version));
        }
    }
    check_plan(book, book.rule(&key), index, &question, now);
}

/// Checks that a rule may give an offer: not all images of the offered version for this rule are banned.
fn check_not_banned(book: &RuleBook, rule: &Rule, offer: &Offer) {
    let releases = book.packages().flat_map(|package| &package.releases);
    let releases = releases.filter(|release| release.rule == *rule.key());
    let releases = releases.map(|release| (&release.version, release.files.image.sha256));
    let interims = book.packages().flat_map(|package| &package.interim);
    let interims = interims.map(|image| (&image.version, image.files.image.sha256));
    let mut images = releases.chain(interims).filter(|(version, _)| **version == offer.version);
    let is_free = |(version, digest)| {
        !book.bans().any(|ban| book.is_image_banned_by(ban, rule.key(), rule.policy(), version, digest))
    };
    assert!(images.any(is_free), "{} is banned in {}", offer.version, rule.key());
}

/// Checks that a plan ends. Checks that it contains no version twice, no banned version, and not the version
/// that was installed at the start.
fn check_plan(
    book: &RuleBook,
    rule: Option<&Rule>,
    index: &EligibilityIndex,
    question: &Question<'_>,
    now: UnixTime,
) {
    let plan = plan(index, question, now);
    assert!(plan.end.offer().is_none(), "a plan ends: {plan}");
    // Whole versions are compared. For a rule that compares three numbers, a stone may equal the installed version.
    let mut policy = rule.map(|rule| rule.policy().clone()).unwrap_or_default();
    if policy.same_release == SameRelease::FirstThree {
        policy.same_release = SameRelease::Padded;
    }
    let mut seen = vec![&question.module.version];
    let mut module = question.module.clone();
    for hop in &plan.hops {
        assert!(
            !seen.iter().any(|before| policy.is_same_release(before, &hop.offer.version)),
            "no version twice: {plan}; {rule:?}"
        );
        seen.push(&hop.offer.version);
        // The image of one rule may have the file name of another one, which the device then asks for.
        let of_hop = index.rule_of(&Question { module: &module, ..*question });
        check_not_banned(book, of_hop.expect("an offer has a rule"), hop.offer);
        module.version = hop.offer.version.clone();
        module.file_name = hop.offer.image.as_str().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    proptest! {
        #[test]
        fn versions_keep_their_laws(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            version(&bytes);
        }

        #[test]
        fn records_replay_to_what_was_decided(bytes in prop::collection::vec(any::<u8>(), 200..400)) {
            replay(&bytes, if cfg!(miri) { 4 } else { 40 });
        }

        #[test]
        #[ignore = "takes a minute; .ci/run runs it"]
        fn a_million_records_replay_to_what_was_decided(bytes in prop::collection::vec(any::<u8>(), 200..400)) {
            // This makes 256 books and more than a million questions.
            replay(&bytes, 4000);
        }

        #[test]
        fn texts_of_rules_keep_their_laws(kind: u8, text in pattern("[0-9A-Fa-f.:,@%/<>= -]{0,24}|\\PC{0,24}")) {
            rule_text(&[&[kind], text.as_bytes()].concat());
        }

        #[test]
        fn decisions_keep_their_laws(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            decision(&bytes);
        }
    }
}
