//! `ucupdate status`: shows the state of a store on one screen.

use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::logs::audit::AuditArgs;
use crate::args::logs::timeline::LogArgs;
use crate::commands::devices::report::{Troubles, troubles};
use crate::commands::devices::timeline::stories::Stories;
use crate::commands::rules::interim::pending_lines;
use crate::commands::rules::rollout::report::{devices_line, stop_line};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::style::Style;
use crate::output::time::iso;
use crate::output::wrapped::push_wrapped;
use serde_json::{Value, json};
use std::time::Duration;
use ucupdate::book::RuleBook;
use ucupdate::timeline::Thresholds;
use ucupdate::value::Counted;
use ucupdate::{Finding, FindingSeverity};
use ucupdate_admin::report::{self, RolloutStatus};

/// The largest number of entries of one kind in the text for people.
const SHOWN: usize = 6;

/// The largest number of characters in a line.
const WIDTH: usize = 100;

/// The number of characters before the value of a fact: its name and blanks.
const INDENT: usize = 11;

/// The number of latest days whose logs are searched for troubles.
const TROUBLE_DAYS: u64 = 2;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Read no logs, so no troubles of devices and no outcomes of rollouts are shown
    #[arg(long)]
    quick: bool,
}

pub(crate) async fn run(args: StatusArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = service.snapshot();
    let (book, revision, now) = (snapshot.book(), snapshot.revision(), service.now());
    let last = service.history(revision.max(1), 1).await?;
    let findings: Vec<Finding> =
        service.examine(true).await.into_iter().flat_map(|one| one.findings).collect();
    let findings: Vec<&Finding> =
        findings.iter().filter(|one| one.severity != FindingSeverity::Note).collect();
    let (stories, rollouts) = match args.quick {
        true => (None, Vec::new()),
        false => {
            let rows = AuditArgs::default().or_last(Duration::from_secs(TROUBLE_DAYS * 24 * 60 * 60));
            let stories = Stories::read(
                &SelectedDevices::All,
                &rows,
                &LogArgs::default(),
                Thresholds::default(),
                context,
            )
            .await?;
            let outcomes = service.read_outcomes().await?;
            let rollouts = book.rules().flat_map(|rule| RolloutStatus::all_of(rule, book, &outcomes, now));
            (Some(stories), rollouts.collect::<Vec<_>>())
        }
    };
    let names: Vec<String> = match args.quick {
        true => book
            .rules()
            .flat_map(|rule| report::RolloutReport::all_of(rule, now))
            .map(|one| one.name)
            .collect(),
        false => rollouts.iter().map(|status| status.rollout.name.clone()).collect(),
    };
    let open: Vec<Troubles<'_>> =
        stories.iter().flat_map(troubles).filter(|trouble| !trouble.open.is_empty()).collect();
    let value = json!({
        "store": context.store_name(),
        "revision": revision,
        "last_change": last.last().map(report::revision),
        "stopped": book.stops().map(|(scope, stop)| report::stop(scope, stop)).collect::<Vec<Value>>(),
        "rules": book.rules().len(),
        "pending": pending(book),
        "pending_interim": report::pending_interim(book),
        "rollouts": names,
        "holds": book.holds().filter(|hold| hold.lasts(now)).count(),
        "bans": book.bans().count(),
        "findings": findings.iter().map(|one| json!({
            "kind": one.kind, "severity": one.severity.to_string(), "subject": one.subject, "found": one.found,
        })).collect::<Vec<Value>>(),
        // `null` if no logs were read.
        "troubles": stories.as_ref().map(|_| open.iter().map(|one| json!({
            "kind": one.example.kind.name(), "devices": one.open.len(), "last": iso(one.last),
        })).collect::<Vec<Value>>()),
    });
    if context.output.is_json() {
        return context.output.json_result(&value);
    }
    let mut screen = Screen { width: context.output.width().min(WIDTH), text: String::new() };
    screen.fact("store", &context.store_name());
    let by = last.last().map(|last| format!(", made by {} at {}", last.author, iso(last.at)));
    screen.fact("revision", &format!("{revision}{}", by.unwrap_or_default()));
    match book.stops().next() {
        None => screen.fact("stopped", "nothing"),
        Some(_) => {
            let from = screen.text.len();
            screen.list("stopped", book.stops().map(|(scope, stop)| stop_line(scope, stop)));
            screen.emphasise(from, "stopped", Style::Problem);
        }
    }
    screen.fact("rules", &book.rules().len().to_string());
    let interim = pending_lines(book).map(|line| line.to_string());
    screen.list("pending", pending(book).into_iter().chain(interim));
    let rollout = |status: &RolloutStatus| {
        let RolloutStatus { rollout, devices, .. } = status;
        let devices = match devices.offered {
            0 => "no device was offered it".to_owned(),
            _ => devices_line(devices),
        };
        let warning = status.stands_still.as_ref().map(|why| format!("; it stands still: {why}"));
        format!(
            "{} of {}: {}, {devices}{}",
            rollout.name,
            rollout.rule,
            rollout.state(),
            warning.unwrap_or_default()
        )
    };
    match args.quick {
        true => screen.list("rollouts", names.into_iter()),
        false => screen.list("rollouts", rollouts.iter().map(rollout)),
    }
    let holds = book.holds().filter(|hold| hold.lasts(now));
    screen.list("holds", holds.map(|hold| format!("{}: {}", hold.name, hold.reason)));
    screen.list("bans", book.bans().map(|ban| format!("{}: {}", ban.scope, ban.reason)));
    let found = findings.iter().map(|one| format!("{}: {}", one.subject, one.found));
    let of_devices = open.iter().map(|one| {
        let devices = Counted::new(one.open.len(), "device");
        format!("{} of {devices}: {}", one.example.kind.name(), one.example.kind.meaning())
    });
    let is_troubled = !findings.is_empty() || !open.is_empty();
    let from = screen.text.len();
    let not_read = args.quick.then(|| "no logs were read, so troubles of devices are not known".to_owned());
    screen.list("troubles", found.chain(of_devices).chain(not_read));
    if is_troubled {
        screen.emphasise(from, "troubles", Style::Warning);
        screen.fact("", "`ucupdate doctor` and `ucupdate timeline --trouble any` say what to do");
    }
    context.output.text(screen.text.trim_end())
}

/// Returns the rules with a pending version, each with this version.
fn pending(book: &RuleBook) -> Vec<String> {
    let rules = book.rules().filter_map(|rule| Some((rule.key(), rule.pending()?)));
    rules.map(|(rule, candidate)| format!("{rule} {}", candidate.version)).collect()
}

/// The text of the screen: facts with their names, in lines that fit the terminal.
struct Screen {
    width: usize,
    text: String,
}

impl Screen {
    fn fact(&mut self, name: &str, value: &str) {
        push_wrapped(&format!("{name:INDENT$}{value}"), INDENT, self.width, &mut self.text);
    }

    /// Adds a style to the name of a fact. The name begins at the byte offset `from` of the text.
    fn emphasise(&mut self, from: usize, name: &str, style: Style) {
        self.text.replace_range(from..from + name.len(), &style.of(name).to_string());
    }

    /// Adds entries, each on its own line. After [`SHOWN`] entries, only the number of further ones
    /// is added.
    fn list(&mut self, name: &str, entries: impl Iterator<Item = String>) {
        let entries: Vec<String> = entries.collect();
        if entries.is_empty() {
            return self.fact(name, "none");
        }
        for (place, entry) in entries.iter().take(SHOWN).enumerate() {
            self.fact(if place == 0 { name } else { "" }, entry);
        }
        if let Some(more) = entries.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            self.fact("", &format!("and {more} more"));
        }
    }
}
