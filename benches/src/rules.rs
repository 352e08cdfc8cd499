//! Rule books and devices for the benches.

use ucupdate_core::book::{
    Alias, AliasField, Audience, Ban, BanScope, BookCommand, Candidate, Delta, Entry, IngestId,
    IngestedPackage, InterimImage, PatternScheme, Release, ReleaseFiles, Rollout, Rule, Share, StoredFile,
    TestDevice,
};
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::{FieldTime, Reported, Sha256Digest, UnixTime};
use ucupdate_core::{Device, ReportedVersion, RuleBook, RuleKey};
use ucupdate_testkit::field;

pub use ucupdate_testkit::field::module;

/// Returns the six words of rule number `number`. As in a real fleet, there are few types, vendors
/// and locales, and many models.
pub fn rule_words(number: u32) -> [String; 6] {
    let vendors = ["LG-Nortel", "Polycom", "Aastra", "Snom"];
    let locales = ["ENU", "DEU", "FRA", "JPN", "ESN"];
    let (rest, vendor) = (number / 4, vendors[number as usize % 4]);
    let (model, locale) = (rest / 5, locales[rest as usize % 5]);
    ["UCPhone", vendor, &format!("CX{model}"), "A", locale, "CPE"].map(str::to_owned)
}

fn key(number: u32) -> RuleKey {
    rule_words(number).join("/").parse().expect("the words above make a rule")
}

fn files(number: u32) -> ReleaseFiles {
    let file = |name: &str| StoredFile {
        name: name.parse().expect("a file name"),
        key: format!("images/{number}/{name}").parse().expect("a key"),
        size: 30 << 20,
        sha256: Sha256Digest::new([7; 32]),
        modified: Some(FieldTime::FILETIME_ZERO),
    };
    ReleaseFiles { image: file("CPE.nbt"), signature: file("CPE.cat"), descriptions: Vec::new() }
}

fn package(id: u32, version: &str, rules: impl Iterator<Item = u32>) -> IngestedPackage {
    let mut sha256 = [0; 32];
    sha256[..4].copy_from_slice(&id.to_be_bytes());
    let release =
        |number| Release { rule: key(number), version: ReportedVersion::new(version), files: files(number) };
    IngestedPackage {
        sha256: Sha256Digest::new(sha256),
        ingest: IngestId::from_bits(id.into()),
        file_name: "UCUpdates.cab".into(),
        ingested_at: UnixTime::default(),
        releases: rules.map(release).collect(),
        interim: Vec::new(),
    }
}

/// The largest number of rules in one package.
const RULES_OF_PACKAGE: u32 = 500;

/// Returns a rule book with this number of rules, with interim images and a test device. In each
/// rule 3.5.6907.0 is approved; in every tenth one 4.0.7577.0 is pending.
///
/// Only the first package is ingested by commands, because each command examines the whole rule
/// book. The other packages are added directly, in the form that the commands would make.
pub fn book(rules: u32) -> RuleBook {
    let mut delta = first_rules(rules.min(RULES_OF_PACKAGE)).to_delta();
    let rest = (RULES_OF_PACKAGE..rules).step_by(RULES_OF_PACKAGE as usize);
    for (number, first) in (1..).zip(rest) {
        let these = first..rules.min(first + RULES_OF_PACKAGE);
        let approved = package(2 * number, APPROVED, these.clone());
        let pending = package(2 * number + 1, PENDING, these.clone().step_by(10));
        let candidate = |version: &str, package: &IngestedPackage| Candidate {
            version: ReportedVersion::new(version),
            package: package.id(),
        };
        delta.rules.extend(these.zip(&approved.releases).map(|(number, release)| {
            let mut rule = Rule::new(release.rule.clone());
            rule.propose(candidate(APPROVED, &approved));
            rule.approve().expect("it is pending");
            if number % 10 == 0 {
                rule.propose(candidate(PENDING, &pending));
            }
            Entry { key: release.rule.clone(), now: Some(rule) }
        }));
        let packages = [approved, pending].map(|package| Entry { key: package.id(), now: Some(package) });
        delta.packages.extend(packages);
    }
    RuleBook::of(delta)
}

const APPROVED: &str = "3.5.6907.0";
const PENDING: &str = "4.0.7577.0";

/// Returns a rule book with the rules of the first package, the interim images and the test device.
fn first_rules(rules: u32) -> RuleBook {
    let tester = TestDevice {
        name: "lab".parse().expect("a name"),
        id: DeviceId::Mac("000000000001".parse().expect("an address")),
    };
    let mut approved = package(0, APPROVED, 0..rules);
    approved.interim.extend(["ENU", "DEU", "FRA", "JPN", "ESN"].map(|locale| InterimImage {
        locale: locale.parse().expect("a locale"),
        update_type: "CPE".parse().expect("an update type"),
        version: ReportedVersion::new("1.0.522.103"),
        files: files(0),
    }));
    let keys = approved.releases.iter().map(|release| release.rule.clone()).collect();
    let book = after_ingest(&RuleBook::default(), &approved);
    let book = after(&book, [BookCommand::Approve(keys), BookCommand::AddTestDevice(tester)]);
    after_ingest(&book, &package(1, PENDING, (0..rules).step_by(10)))
}

/// Returns the rule book with a rollout of 3.5.6907.1 in each rule, to a tenth of the devices.
pub fn in_rollout(book: &RuleBook) -> RuleBook {
    let mut book = book.clone();
    let rules: Vec<Rule> = book.rules().cloned().collect();
    let mut delta = Delta::default();
    for (id, some) in (1_000_000..).zip(rules.chunks(RULES_OF_PACKAGE as usize)) {
        let mut package = package(id, "3.5.6907.1", std::iter::empty());
        package.releases.extend(some.iter().map(|rule| Release {
            rule: rule.key().clone(),
            version: ReportedVersion::new("3.5.6907.1"),
            files: files(id),
        }));
        let candidate = Candidate { version: ReportedVersion::new("3.5.6907.1"), package: package.id() };
        delta.rules.extend(some.iter().cloned().map(|mut rule| {
            // The order of a rule puts a rollout after a pending version, so the pending version is
            // rejected.
            let _pending = rule.reject();
            let share = Share::Percent("10".parse().expect("a share"));
            let rollout = Rollout::new("wave".parse().expect("a name")).to_share(share);
            rule.start_rollout(Audience::Everybody, candidate.clone(), rollout).expect("it is the first");
            Entry { key: rule.key().clone(), now: Some(rule) }
        }));
        delta.packages.push(Entry { key: package.id(), now: Some(package) });
    }
    book.apply(&delta);
    book
}

/// Returns the rule book with a version scheme that applies to every rule.
pub fn in_scheme(book: &RuleBook, scheme: &str) -> RuleBook {
    let everything = "*".parse().expect("a pattern");
    let scheme = PatternScheme::new(everything, scheme.parse().expect("a scheme"));
    after(book, [BookCommand::PutScheme(scheme)])
}

/// Returns the rule book with 100 aliases: the hardware revision B stands for A, and 99 names such
/// as `CX 7` stand for models such as `CX7`.
pub fn with_aliases(book: &RuleBook) -> RuleBook {
    let alias = |field, word: &str, stands_for: &str| {
        let (word, stands_for) = (word.parse().expect("a word"), stands_for.parse().expect("a word"));
        BookCommand::PutAlias(Alias::new(field, word, stands_for))
    };
    let models = (0..99).map(|model| alias(AliasField::Model, &format!("CX {model}"), &format!("CX{model}")));
    with(book, models.chain([alias(AliasField::HardwareRevision, "B", "A")]))
}

/// Returns the rule book with 100 bans of a version. The first ban is for every rule.
pub fn with_bans(book: &RuleBook, version: &str) -> RuleBook {
    let bans = (0..100).map(|number| {
        let rules = if number == 0 { "*".to_owned() } else { format!("*/*/CX{number}") };
        let rules = rules.parse().expect("a pattern");
        let scope = BanScope::Version { rules, version: ReportedVersion::new(version) };
        BookCommand::Ban(Ban::new(scope, "calls drop"))
    });
    with(book, bans)
}

/// Returns the rule book with the entries that these commands make in an empty rule book. This is
/// faster, because each command examines all rules of its rule book.
fn with(book: &RuleBook, commands: impl IntoIterator<Item = BookCommand>) -> RuleBook {
    let mut book = book.clone();
    book.apply(&RuleBook::default().delta_to(&after(&RuleBook::default(), commands)));
    book
}

fn after_ingest(book: &RuleBook, package: &IngestedPackage) -> RuleBook {
    let mut book = book.clone();
    let ingested = book.ingest(package).expect("the version is new");
    book.apply(&ingested.delta);
    book
}

fn after(book: &RuleBook, commands: impl IntoIterator<Item = BookCommand>) -> RuleBook {
    let mut book = book.clone();
    for command in commands {
        let change = book.command(&command, "ann").expect("it is allowed in this book");
        book.apply(&change.delta);
    }
    book
}

/// Returns a device of rule number `number` with this MAC address.
pub fn device(number: u32, mac: &str) -> Device {
    Device { mac_address: Reported::new(mac), ..field::phone(&key(number)) }
}
