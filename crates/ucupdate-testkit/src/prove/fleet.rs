//! The rule book that processes contend for, the changes they make to it, and the devices that send requests.

use fastrand::Rng;
use ucupdate::book::{
    Audience, BookCommand, HeldDevices, Hold, OfferPolicy, OfferRule, Percent, Rollout, RolloutName, RuleKey,
    Share, TestDevice,
};
use ucupdate::cab::package::{NewRelease, PackageBuildError, PackageBuilder, sample};
use ucupdate::decide::{Decision, EligibilityIndex, decide};
use ucupdate::device::{Device, DeviceId};
use ucupdate::request::{InstalledModule, Question, Side, UpdateRequest, UpdateResponse};
use ucupdate::value::{PackageId, Reported, UnixTime};
use ucupdate::version::ReportedVersion;
use ucupdate::{BaseUrls, Options};

/// Vendors and models of the rules. Device type, hardware revision, locale and update type are the
/// same in all rules.
const PHONES: [[&str; 2]; 6] = [
    ["LG-Nortel", "IP8540"],
    ["Polycom", "CX700"],
    ["Polycom", "CX600"],
    ["Aastra", "6721ip"],
    ["Aastra", "6725ip"],
    ["Snom", "300"],
];
/// Versions of the packages. Each package is for every rule.
const VERSIONS: [&str; 3] = ["3.5.6907.0", "4.0.7577.0", "4.0.7577.4066"];
/// Installed versions of the devices: an old version, the versions of the packages, and one that cannot be read.
const INSTALLED: [&str; 5] = ["1.0.522.103", VERSIONS[0], VERSIONS[1], VERSIONS[2], "v5"];
/// The number of names and of MAC addresses of test devices. It is small, so that most of them are
/// soon taken.
const TESTERS: usize = 5;

const IMAGE_BYTES: usize = 2048;

/// Builds the packages. They are ingested once before the processes begin.
pub(crate) fn packages() -> Result<Vec<Vec<u8>>, PackageBuildError> {
    let package = |version: &&str| {
        (0..PHONES.len())
            .map(|number| {
                let image = sample::image(&format!("{version} {number}"), IMAGE_BYTES);
                NewRelease::new(rule(number), ReportedVersion::new(version), image, sample::time_stamp())
            })
            .fold(PackageBuilder::new(), PackageBuilder::with_release)
            .build()
    };
    VERSIONS.iter().map(package).collect()
}

pub(crate) fn rule(number: usize) -> RuleKey {
    let [vendor, model] = PHONES[number % PHONES.len()];
    format!("UCPhone/{vendor}/{model}/A/ENU/CPE").parse().expect("the words above make a rule")
}

/// Returns a random change. Whether the rule book accepts the change depends on the changes of other processes.
pub(crate) fn command(rng: &mut Rng, packages: &[PackageId]) -> BookCommand {
    let package = packages[rng.usize(..packages.len())];
    let rule = rule(rng.usize(..PHONES.len()));
    match rng.usize(..100) {
        0..22 => BookCommand::Ingest(package),
        22..44 => BookCommand::Approve(vec![rule]),
        44..48 => BookCommand::ApproveAllOf(package),
        48..58 => BookCommand::Reject(rule),
        58..70 => BookCommand::RollBack(rule),
        70..76 => {
            let offer = if rng.usize(..2) == 0 { OfferRule::Different } else { OfferRule::Newer };
            let mut policy = OfferPolicy::offering(offer);
            policy.unreadable = rng.usize(..2) == 0;
            BookCommand::SetPolicy(rule, policy)
        }
        76..79 => BookCommand::StartRollout {
            rule,
            audience: Audience::Everybody,
            version: ReportedVersion::new(VERSIONS[rng.usize(..VERSIONS.len())]),
            rollout: Rollout::new(wave()).to_share(Share::Percent(HALF)),
        },
        79..81 => BookCommand::EndRollout(rule, wave()),
        81..83 => BookCommand::AddHold(Hold {
            name: "quiet".parse().expect("a name"),
            on: HeldDevices::Rule(rule),
            until: None,
            reason: "".into(),
        }),
        83 => BookCommand::RemoveHold("quiet".parse().expect("a name")),
        84..93 => BookCommand::AddTestDevice(tester(rng.usize(..TESTERS), rng.usize(..TESTERS))),
        _ => BookCommand::RemoveTestDevice(tester(rng.usize(..TESTERS), 0).name),
    }
}

const HALF: Percent = Percent::from_hundredths(5000).expect("half of a hundred is no more");

fn wave() -> RolloutName {
    "wave".parse().expect("a name")
}

fn tester(name: usize, address: usize) -> TestDevice {
    TestDevice {
        name: format!("lab phone {name}").parse().expect("a name"),
        id: DeviceId::Mac(mac(address).parse().expect("an address")),
    }
}

fn mac(number: usize) -> String {
    format!("0021630F2{number:03X}")
}

/// The number of different requests.
pub(crate) const REQUESTS: usize = PHONES.len() * INSTALLED.len() * (TESTERS + 1);

/// Returns request number `number`. Some requests are from MAC addresses that may be test devices.
pub(crate) fn request(number: usize) -> UpdateRequest {
    let (rest, installed) = (number / INSTALLED.len(), INSTALLED[number % INSTALLED.len()]);
    UpdateRequest {
        device: Device {
            kind: rule(rest).kind().clone(),
            mac_address: Reported::new(&mac(rest / PHONES.len() % (TESTERS + 1))),
            serial_number: Reported::new("C185H001209"),
        },
        user_name: Box::default(),
        request_date_time: Reported::new("06-03-2009 17:10:39"),
        modules: vec![InstalledModule {
            file_name: "cpe.nbt".into(),
            version: ReportedVersion::new(installed),
            time_stamp: Reported::new("01-01-1601 00:00:00"),
        }],
    }
}

/// Returns the options of the services in a proof: they make offers, and look for changes each second.
pub(crate) fn options() -> Options {
    Options::serving(urls())
}

fn urls() -> BaseUrls {
    BaseUrls::new("http://ocs.demo.local".parse().expect("an origin"))
}

/// Returns the answer to a device as text, as it stands in the records of the processes: the
/// offered version and its base URL, or `-` if nothing is offered.
pub(crate) fn answer(response: &UpdateResponse) -> String {
    response
        .modules
        .first()
        .map_or_else(|| "-".into(), |module| format!("{} {}", module.version, module.base_url))
}

/// Returns the answer that a rule book gives to request number `number`, as text like that of
/// [`answer`]. `index` is the compiled rule book.
pub(crate) fn expected(index: &EligibilityIndex, number: usize) -> String {
    let request = request(number);
    let decided = request.modules.first().map_or(Decision::NoRule, |module| {
        decide(index, &Question::new(&request.device, module), UnixTime::default())
    });
    decided.offer().map_or_else(
        || "-".into(),
        |offer| format!("{} {}", offer.version, urls().folder(Side::Internal, &offer.folder)),
    )
}
