//! The examples in the help of verbs: one or more for each verb.

use clap::Command;

/// The verbs with their examples. A test checks that each example can be parsed.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "serve",
        &[
            "ucupdate serve",
            "ucupdate serve --listen 10.1.1.5:80 --internal-url http://updates.contoso.com \
             --external-url https://updates.contoso.com --internal-network 10.0.0.0/8",
            "ucupdate serve --admin 127.0.0.1:8081 --token-file tokens.json",
            "ucupdate serve --access-log stderr --events-json events.log --metrics 127.0.0.1:9180",
        ],
    ),
    (
        "ask",
        &[
            "ucupdate ask --url http://127.0.0.1:8080 --device-type UCPhone --vendor LG-Nortel --model IP8540 \
           --hardware-revision A --locale ENU --installed 1.0.522.103",
        ],
    ),
    (
        "storm",
        &[
            "ucupdate storm --url http://127.0.0.1:8080 --device-type UCPhone --vendor LG-Nortel --model IP8540 \
           --hardware-revision A --locale ENU --devices 10000 --reconnect --download --csv storm.csv",
        ],
    ),
    ("captures", &["ucupdate captures"]),
    (
        "provisioning",
        &["ucupdate provisioning --internal-url http://updates.contoso.com --domain contoso.com"],
    ),
    ("token add", &["ucupdate token add ann --role approver --token-file tokens.json"]),
    ("token list", &["ucupdate token list --token-file tokens.json"]),
    ("token revoke", &["ucupdate token revoke ann --token-file tokens.json"]),
    ("demo", &["ucupdate demo --stay"]),
    ("config check", &["ucupdate config check /etc/ucupdate/config.toml"]),
    ("config example", &["ucupdate config example"]),
    ("completions", &["ucupdate completions bash"]),
    ("man", &["ucupdate man man-pages"]),
    (
        "ingest",
        &["ucupdate ingest UCUpdates.cab --dry-run", "ucupdate ingest UCUpdates.cab", "ucupdate ingest -"],
    ),
    ("rules", &["ucupdate rules --json"]),
    ("tree", &["ucupdate tree"]),
    (
        "approve",
        &[
            "ucupdate approve UCPhone/LG-Nortel/IP8540/A/ENU/CPE --dry-run",
            "ucupdate approve UCPhone/LG-Nortel/IP8540/A/ENU/CPE 3.5.6907.0",
            "ucupdate approve 'UCPhone/Polycom/*'",
        ],
    ),
    ("reject", &["ucupdate reject UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "ucupdate reject IP8540 CX700"]),
    ("unreject", &["ucupdate unreject UCPhone/LG-Nortel/IP8540/A/ENU/CPE 3.5.6907.0"]),
    (
        "rollback",
        &["ucupdate rollback UCPhone/LG-Nortel/IP8540/A/ENU/CPE", "ucupdate rollback --to 17 --dry-run"],
    ),
    ("remove", &["ucupdate remove UCPhone/LG-Nortel/IP8540/A/ENU/CPE"]),
    ("status", &["ucupdate status"]),
    ("undo", &["ucupdate undo", "ucupdate undo --author ann --yes"]),
    ("history", &["ucupdate history --last 5", "ucupdate history --since 3d --until 12h"]),
    (
        "fleet",
        &[
            "ucupdate fleet --since 7d",
            "ucupdate fleet --state stuck,looping,silent --sort state",
            "ucupdate fleet --behind --rule 'UCPhone/Polycom/*' --csv behind.csv",
            "ucupdate fleet --html fleet.html",
        ],
    ),
    (
        "timeline",
        &[
            "ucupdate timeline --mac 00-21-63-0F-20-7B",
            "ucupdate timeline --audit RequestHandlerAuditLog_2009-03-06.log --access W3SVC1 --html out.html",
        ],
    ),
    ("device", &["ucupdate device 00-21-63-0F-20-7B", "ucupdate device 10.1.1.123 --html phone.html"]),
    (
        "report",
        &[
            "ucupdate report --html report.html",
            "ucupdate report --audit imageUpdates --access W3SVC1 --html report.html",
        ],
    ),
    ("loops", &["ucupdate loops --since 7d --hold"]),
    ("gc", &["ucupdate gc --dry-run"]),
    ("verify", &["ucupdate verify --quick"]),
    (
        "doctor",
        &[
            "ucupdate doctor",
            "ucupdate doctor --internal-url http://updates.contoso.com --external-url https://updates.contoso.com",
        ],
    ),
    (
        "client-filter check",
        &["ucupdate client-filter check OCPhone/1.0.452.0 --allow 'OCPhone >= 1.0.199' --block OCPhone"],
    ),
    ("export", &["ucupdate export file:/backup/ucupdate", "ucupdate export --tree /var/www/updates"]),
    ("import", &["ucupdate import file:/backup/ucupdate"]),
    (
        "import-ocs",
        &["ucupdate import-ocs DeviceUpdateFiles --rules rules.txt --test-devices devices.txt --dry-run"],
    ),
    ("rebuild", &["ucupdate rebuild"]),
    ("test-device add", &["ucupdate test-device add lobby --mac 00-21-63-0F-20-7B"]),
    ("test-device list", &["ucupdate test-device list"]),
    ("test-device remove", &["ucupdate test-device remove lobby"]),
    ("group list", &["ucupdate group list"]),
    ("group show", &["ucupdate group show Lisbon"]),
    ("group add", &["ucupdate group add Lisbon --network 10.1.0.0/16"]),
    ("group add-member", &["ucupdate group add-member pilots --from phones.txt"]),
    ("group remove-member", &["ucupdate group remove-member pilots --mac 0021630F207B"]),
    ("group remove", &["ucupdate group remove pilots"]),
    ("rollout list", &["ucupdate rollout list"]),
    ("rollout status", &["ucupdate rollout status", "ucupdate rollout status wave-1 --json"]),
    (
        "rollout start",
        &[
            "ucupdate rollout start UCPhone/Polycom/CX700/A/ENU/CPE 3.5.6907.9 --name wave-1 --ramp 10%@0d,100%@7d \
           --pause-after-failures 5",
        ],
    ),
    (
        "rollout edit",
        &["ucupdate rollout edit CX700 wave-1 --ramp 10%@0d,50%@3d,100%@7d --start-at 2026-12-01T22:00Z"],
    ),
    ("rollout percent", &["ucupdate rollout percent UCPhone/Polycom/CX700/A/ENU/CPE wave-1 50%"]),
    (
        "rollout pause",
        &["ucupdate rollout pause UCPhone/Polycom/CX700/A/ENU/CPE wave-1 --reason 'calls drop'"],
    ),
    ("rollout resume", &["ucupdate rollout resume UCPhone/Polycom/CX700/A/ENU/CPE wave-1"]),
    ("rollout finish", &["ucupdate rollout finish UCPhone/Polycom/CX700/A/ENU/CPE wave-1"]),
    ("rollout stop", &["ucupdate rollout stop UCPhone/Polycom/CX700/A/ENU/CPE wave-1"]),
    ("rollout kill", &["ucupdate rollout kill --reason 'phones restart'"]),
    ("rollout restart", &["ucupdate rollout restart --approve"]),
    ("hold list", &["ucupdate hold list"]),
    ("hold add", &["ucupdate hold add fair --group pilots --until 2026-12-01 --reason 'trade fair'"]),
    ("hold remove", &["ucupdate hold remove fair"]),
    ("pin list", &["ucupdate pin list"]),
    ("pin set", &["ucupdate pin set UCPhone/LG-Nortel/IP8540/A/ENU/CPE 3.5.6907.0 --mac 0021630F207B"]),
    ("pin remove", &["ucupdate pin remove UCPhone/LG-Nortel/IP8540/A/ENU/CPE --mac 0021630F207B"]),
    ("ban list", &["ucupdate ban list"]),
    ("ban add", &["ucupdate ban add 'UCPhone/Polycom/CX*' 1.0.522.101 --reason 'calls drop'"]),
    ("ban lift", &["ucupdate ban lift 'UCPhone/Polycom/CX*' 1.0.522.101"]),
    ("alias list", &["ucupdate alias list"]),
    ("alias set", &["ucupdate alias set model 'VVX 500' --stands-for VVX500 --within UCPhone/Polycom"]),
    ("alias remove", &["ucupdate alias remove model 'VVX 500' --within UCPhone/Polycom"]),
    ("policy list", &["ucupdate policy list"]),
    ("policy show", &["ucupdate policy show UCPhone/LG-Nortel/IP8540/A/ENU/CPE"]),
    (
        "policy set",
        &[
            "ucupdate policy set UCPhone/LG-Nortel/IP8540/A/ENU/CPE --offer newer --window \
             'daily 22:00-05:00 Europe/Lisbon'",
            "ucupdate policy set 'UCPhone/AudioCodes/*' --scheme numeric",
        ],
    ),
    ("policy deploy-at-ingest", &["ucupdate policy deploy-at-ingest RoundTable no"]),
    ("policy remove", &["ucupdate policy remove 'UCPhone/AudioCodes/*'"]),
    ("stone list", &["ucupdate stone list"]),
    ("stone add", &["ucupdate stone add first --device-type UCPhone --below 2.0 --by 2.0.0.1"]),
    ("stone remove", &["ucupdate stone remove first"]),
    ("stone narrow", &["ucupdate stone narrow ocs-interim --dry-run", "ucupdate stone narrow ocs-interim"]),
    ("stone set", &["ucupdate stone set ocs-interim --by 1.0.522.110"]),
    ("interim list", &["ucupdate interim list --pending"]),
    ("interim approve", &["ucupdate interim approve ENU", "ucupdate interim approve ENU 1.0.522.103"]),
    ("interim reject", &["ucupdate interim reject ENU"]),
    (
        "explain",
        &[
            "ucupdate explain request.xml",
            "ucupdate explain --device UCPhone/LG-Nortel/IP8540/A/ENU --installed 1.0.522.34",
            "ucupdate explain --mac 00-21-63-0F-20-7B --at 2026-11-28T08:00:00Z",
        ],
    ),
    ("plan", &["ucupdate plan --device UCPhone/LG-Nortel/IP8540/A/ENU --installed 1.0.522.34"]),
    ("diff", &["ucupdate diff --from 17"]),
    ("inspect", &["ucupdate inspect capture.xml", "ucupdate inspect capture.xml --suggest dialect.toml"]),
    ("version", &["ucupdate version 1.0.522 1.0.522.0"]),
    ("simulate", &["ucupdate simulate --devices 1000 --days 14 --fail 2%"]),
    ("package build", &["ucupdate package build folder out.cab"]),
    ("package list", &["ucupdate package list"]),
    ("package show", &["ucupdate package show UCUpdates.cab"]),
    ("package extract", &["ucupdate package extract UCUpdates.cab --to folder"]),
    ("sample", &["ucupdate sample things"]),
];

/// Adds the examples to the help of each verb.
pub(crate) fn with_examples(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (verb, examples)| {
        let heading = if examples.len() == 1 { "Example:" } else { "Examples:" };
        let text = examples.iter().fold(heading.to_owned(), |text, example| text + "\n  " + example);
        let words: Vec<&str> = verb.split(' ').collect();
        at(command, &words, text)
    })
}

/// Adds a text at the end of the help of one verb.
fn at(command: Command, verb: &[&'static str], text: String) -> Command {
    match verb {
        [] => command.after_help(text),
        [name, rest @ ..] => command.mut_subcommand(*name, |below| at(below, rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CommandLine;
    use clap::CommandFactory as _;

    /// Returns the words of an example. A part in single quotes is one word.
    fn words(example: &str) -> Vec<String> {
        let parts = example.split('\'').enumerate();
        let words = parts.flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(ToOwned::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect()
    }

    fn verbs(command: &Command, above: &str, found: &mut Vec<String>) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let name = format!("{above} {}", below.get_name());
            match below.has_subcommands() {
                true => verbs(below, &name, found),
                false => found.push(name.trim().to_owned()),
            }
        }
    }

    #[test]
    fn every_verb_has_an_example_that_can_be_called() {
        let mut found = Vec::new();
        verbs(&CommandLine::command(), "", &mut found);
        let known: Vec<&str> = EXAMPLES.iter().map(|(verb, _)| *verb).collect();
        for verb in &found {
            assert!(known.contains(&verb.as_str()), "no example of {verb}");
        }
        assert_eq!(found.len(), known.len());
        for (verb, examples) in EXAMPLES {
            for example in *examples {
                assert!(example.starts_with(&format!("ucupdate {verb}")), "{example}");
                let parsed = CommandLine::command().try_get_matches_from(words(example));
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
    }
}
