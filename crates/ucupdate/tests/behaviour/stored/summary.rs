//! Writes a rule book as text with a line for each fact, so that it can be compared with the text of an earlier
//! program.

use crate::fixtures::*;
use std::fmt::Write as _;

/// The devices whose answers are compared: rule, version, MAC address, serial number.
const ASKED: [(&str, &str, &str, &str); 12] = [
    ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "1.0.522.34", "0021630F207B", "C185H001209"),
    ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "1.0.522.34", "0021630F2099", "C185H001500"),
    ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "1.0.522.103", "0021630F2099", "C185H001500"),
    ("UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "3.5.6907.0", "0021630F2099", "C185H001500"),
    ("UCPhone/Polycom/CX700/A/ENU/CPE", "1.0.522.103", "0004F2000001", "C185H002001"),
    ("UCPhone/Polycom/CX700/A/ENU/CPE", "1.0.522.103", "0004F2000002", "C185H002002"),
    ("UCPhone/Polycom/CX700/A/ENU/CPE", "3.5.6907.9", "0004F2000003", "C185H002003"),
    ("UCPhone/Polycom/CX700/A/ENU/CPE", "3.5.6907.9", "0004F2000004", "C185H002004"),
    ("UCPhone/Polycom/CX700/A/ENU/CPE", "odd", "0004F2000005", "C185H002005"),
    ("RoundTable/Microsoft/RTDevice/A/ENU/CPE", "1.0.0.0", "00125A000001", "C185H003001"),
    ("RoundTable/Microsoft/RTDevice/A/ENU/CPE", "1.1.27.0", "00125A000002", "C185H003002"),
    ("UCPhone/Nobody/X1/A/ENU/CPE", "1.0.0.0", "00125A000003", "C185H003003"),
];

/// Returns the authors of the history, the rule book, and the answers to a dozen devices as text.
pub(crate) async fn summary(service: &UpdateService, now: UnixTime) -> String {
    let mut out = String::new();
    let history = service.history(1, usize::MAX).await.unwrap();
    for revision in history {
        let command = serde_json::to_value(&revision.command).unwrap();
        let kind = command.as_object().unwrap().keys().next().unwrap().clone();
        writeln!(out, "revision {} {}: {kind}", revision.number, revision.author).unwrap();
    }
    let snapshot = service.snapshot();
    book(snapshot.book(), &mut out);
    answers(snapshot.index(), now, &mut out);
    out
}

fn answers(index: &EligibilityIndex, now: UnixTime, out: &mut String) {
    for (rule, version, mac, serial) in ASKED {
        let rule: RuleKey = rule.parse().unwrap();
        let mut request = request(&rule, version);
        request.device.mac_address = Reported::new(mac);
        request.device.serial_number = Reported::new(serial);
        let decision = decide(index, &Question::new(&request.device, &request.modules[0]), now);
        let offer = decision.offer().map_or("-", |offer| offer.version.as_str());
        writeln!(out, "asked {rule} {version} {mac}: {} {offer}", decision.word()).unwrap();
    }
}

fn book(book: &RuleBook, out: &mut String) {
    for package in book.packages() {
        writeln!(out, "package {} {} {}", package.id(), package.file_name, package.ingest).unwrap();
        for release in &package.releases {
            writeln!(out, "  release {} {}", release.rule, release.version.as_str()).unwrap();
        }
    }
    let approved = book.interim_images().map(|image| ("interim", image));
    let pending = book.pending_interim_images().map(|image| ("pending interim", image));
    for (state, (image, package)) in approved.chain(pending) {
        let (locale, update_type, version) = (&image.locale, &image.update_type, image.version.as_str());
        writeln!(out, "{state} {locale} {update_type} {version} of {package}").unwrap();
    }
    for (locale, update_type, rule) in book.interim_rules() {
        for version in &rule.rejected {
            writeln!(out, "rejected interim {locale} {update_type} {}", version.as_str()).unwrap();
        }
    }
    for rule in book.rules() {
        writeln!(
            out,
            "rule {}: pending {}, approved {}, rollback {}",
            rule.key(),
            candidate(rule.pending()),
            candidate(rule.approved()),
            candidate(rule.rollback())
        )
        .unwrap();
        let policy = rule.policy();
        writeln!(
            out,
            "  policy {:?}, unreadable {}, {:?}{}{}{}{}",
            policy.offer,
            policy.unreadable,
            policy.same_release,
            list("scheme", (!policy.scheme.is_dotnet()).then_some(&policy.scheme)),
            list("minimum", &policy.minimum),
            list("floor", &policy.floor),
            list("window", &policy.window)
        )
        .unwrap();
        for rejected in rule.rejected() {
            writeln!(out, "  rejected {}", rejected.as_str()).unwrap();
        }
        for pin in rule.pins() {
            writeln!(out, "  pin {}: {}", audience(&pin.audience), candidate(Some(&pin.candidate))).unwrap();
        }
        for (assignment, rollout) in rule.rollouts() {
            let share = match &rollout.share {
                Share::All => "all".to_owned(),
                Share::Percent(percent) => percent.to_string(),
                Share::Ramp(ramp) => format!("{} from {}", ramp.stages, ramp.start.as_millis()),
                _ => unreachable!("the vectors hold no such thing"),
            };
            let guard = rollout.guard.as_ref().map(|guard| {
                format!(
                    "failures {:?} share {:?} sample {} install {} deadline {}",
                    guard.failures,
                    guard.share.map(|share| share.to_string()),
                    guard.sample,
                    guard.install_seconds,
                    guard.deadline_seconds
                )
            });
            writeln!(
                out,
                "  rollout {} of {} to {}, share {share}{}{}{}",
                rollout.name,
                candidate(Some(&assignment.candidate)),
                audience(&assignment.audience),
                list("window", &rollout.window),
                list("guard", guard),
                list("paused:", &rollout.paused)
            )
            .unwrap();
        }
    }
    for device in book.test_devices() {
        writeln!(out, "test device {}: {}", device.name, device.id).unwrap();
    }
    for group in book.groups() {
        write!(out, "group {}: members {}", group.name, book.members(&group.name).len()).unwrap();
        if let Some(predicate) = &group.predicate {
            let lists = [
                kind(&predicate.kind, "s").concat(),
                list("mac prefixes", &predicate.mac_prefixes),
                list("serials", &predicate.serials),
                list("user domains", &predicate.user_domains),
                list("networks", &predicate.networks),
                list("side", predicate.side.map(|side| format!("{side:?}"))),
                list("installed", &predicate.installed),
            ];
            write!(out, "{}", lists.concat()).unwrap();
        }
        writeln!(out).unwrap();
        for member in book.members(&group.name) {
            writeln!(out, "  member {member}").unwrap();
        }
    }
    for hold in book.holds() {
        let on = match &hold.on {
            HeldDevices::Device(id) => format!("device {id}"),
            HeldDevices::Group(group) => format!("group {group}"),
            HeldDevices::Rule(rule) => format!("rule {rule}"),
            _ => unreachable!("the vectors hold no such thing"),
        };
        let until = hold.until.map(|until| until.as_millis());
        writeln!(out, "hold {} on {on}, until {until:?}, reason {:?}", hold.name, hold.reason).unwrap();
    }
    for (scope, stop) in book.stops() {
        writeln!(
            out,
            "stop {scope} by {}, reason {:?}, restart asked by {:?}",
            stop.by, stop.reason, stop.restart_asked_by
        )
        .unwrap();
    }
    for ban in book.bans() {
        writeln!(out, "ban {}: {}", ban.scope, ban.reason).unwrap();
    }
    for alias in book.aliases() {
        let AliasKey { field, word, within, .. } = &alias.reported;
        writeln!(out, "alias {field} {word} in {within}: {}", alias.stands_for).unwrap();
    }
    for stone in &book.settings().stones {
        let device_types: Vec<&str> = stone.kind.device_type.iter().map(|word| word.as_str()).collect();
        writeln!(
            out,
            "stone {}: {}{} below {} by {} {:?}",
            stone.name,
            device_types.join(" "),
            kind(&stone.kind, "")[1..].concat(),
            stone.below,
            stone.by,
            stone.image
        )
        .unwrap();
    }
    for device_type in &book.settings().deploy_at_ingest {
        writeln!(out, "deploy at ingest {device_type}").unwrap();
    }
}

/// Returns the alternatives for each word of a pattern. `plural` ends the names of the words.
fn kind(pattern: &KindPattern, plural: &str) -> [String; KindWord::COUNT] {
    let names = KindWord::ALL.map(|word| format!("{}{plural}", word.name()));
    let mut texts = pattern.texts().into_array().into_iter();
    names.map(|name| list(&name, texts.next().unwrap()))
}

fn audience(audience: &Audience) -> String {
    match audience {
        Audience::Device(id) => format!("device {id}"),
        Audience::Group(group) => format!("group {group}"),
        Audience::TestDevices => "test devices".into(),
        Audience::Everybody => "everybody".into(),
        _ => unreachable!("the vectors hold no such audience"),
    }
}

fn list<T: std::fmt::Display>(label: &str, items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { String::new() } else { format!(", {label} {}", items.join(" ")) }
}

fn candidate(candidate: Option<&Candidate>) -> String {
    candidate
        .map_or("-".into(), |candidate| format!("{} of {}", candidate.version.as_str(), candidate.package))
}
