//! The verbs in groups, as the help lists them.

use crate::output::wrapped::wrapped;
use clap::Command;
use std::fmt::Write as _;

/// The groups of verbs, each with its heading.
const GROUPS: &[(&str, &[&str])] = &[
    ("Begin", &["demo", "sample", "import-ocs", "provisioning"]),
    ("Serve devices", &["serve", "ask", "storm", "captures", "token"]),
    (
        "Packages and rules",
        &["ingest", "rules", "approve", "reject", "unreject", "rollback", "remove", "undo", "history"],
    ),
    ("Some devices first, or never", &["test-device", "group", "rollout", "hold", "pin", "ban"]),
    ("How rules decide", &["policy", "alias", "stone", "interim"]),
    ("Look at devices", &["fleet", "device", "timeline", "loops", "report"]),
    ("Find out why", &["explain", "plan", "diff", "simulate", "inspect", "version", "client-filter"]),
    ("Look after a store", &["status", "doctor", "verify", "gc", "export", "import", "rebuild", "tree"]),
    ("Without a store", &["package", "config", "completions", "man"]),
];

/// The width of the column with the names of verbs, in characters.
const NAMES: usize = 17;

/// Makes the help of the command list its verbs in groups.
pub(crate) fn with_groups(command: Command) -> Command {
    let mut listed = String::new();
    for (heading, verbs) in GROUPS {
        let _written = write!(listed, "\n\n{heading}:");
        for verb in command.get_subcommands().filter(|verb| verbs.contains(&verb.get_name())) {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let about = wrapped(&about, NAMES);
            let _written = write!(listed, "\n  {:width$}{about}", verb.get_name(), width = NAMES - 2);
        }
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}{listed}\n\nOptions of every verb:\n{{options}}\n\n\
         `ucupdate VERB --help` shows the options of a verb, with an example."
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verb_stands_in_one_group_of_the_help() {
        let command = crate::command();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| *verbs).copied().collect();
        let mut verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        grouped.sort_unstable();
        verbs.sort_unstable();
        assert_eq!(grouped, verbs);
        let help = crate::command().render_help().to_string();
        for verb in verbs {
            assert!(help.contains(&format!("\n  {verb} ")), "{verb}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
