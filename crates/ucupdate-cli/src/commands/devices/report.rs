//! `ucupdate report`: writes an HTML page for managers about rules, rollouts, the fleet and its
//! troubles.

use super::fleet::overview::Overview;
use super::fleet::page::{lead, push_fleet, push_table, push_versions};
use super::fleet::states_json;
use super::timeline::stories::Stories;
use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::logs::audit::AuditArgs;
use crate::args::logs::timeline::LogArgs;
use crate::args::moment::{DAY, units};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::output::page::charts::patterns;
use crate::output::page::{Escaped, Marked, capital, document};
use crate::output::time::iso;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use ucupdate::book::{Candidate, Rule, RuleBook, StopScope};
use ucupdate::outcomes::{OutcomeCounts, Tally};
use ucupdate::timeline::Thresholds;
use ucupdate::timeline::Trouble;
use ucupdate::value::{Counted, UnixTime};
use ucupdate_admin::report::RolloutReport;

/// The time without a request after which a device is silent.
const SILENCE: Duration = Duration::from_secs(50 * 60 * 60);

/// The maximum number of rows in a table, and of entries in a list.
const MAX_ROWS: usize = 500;

/// The maximum number of devices that the page names for one kind of trouble.
const MAX_NAMED: usize = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Write the page to this new file
    #[arg(long, value_name = "OUT")]
    html: PathBuf,
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    logs: LogArgs,
    /// The number of days whose troubles are reported. They end now, at --until, or with the last row of the files that are named
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = |text: &str| units::<u16>(text, DAY, 1..=365))]
    days: u16,
}

pub(crate) struct Troubles<'a> {
    pub(crate) example: &'a Trouble,
    /// The names of the devices whose trouble is not over.
    pub(crate) open: Vec<String>,
    /// The number of troubles that are over. A device may have had several.
    over: usize,
    /// The names of the devices with a trouble that is over.
    over_devices: Vec<String>,
    pub(crate) last: UnixTime,
}

struct FleetReport<'a> {
    overview: &'a Overview,
    /// The rule book. `None` if there is no store, or if its rule book cannot be read.
    book: Option<&'a RuleBook>,
    /// The outcomes of rollouts. `None` if log files are read, because the files do not have the
    /// requests to all servers.
    tallies: Option<&'a [&'a Tally]>,
    stories: &'a Stories,
    days: u16,
    now: UnixTime,
}

pub(crate) async fn run(args: ReportArgs, context: &mut Context) -> Result<(), Failure> {
    let ReportArgs { html, audit, logs, days } = args;
    files::new::check([&html])?;
    let from_store = audit.is_of_store() && logs.is_of_store();
    let overview = Overview::read(&audit, &logs, SILENCE, false, context).await?;
    let time = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    let rows = if from_store { audit.or_last(time) } else { audit };
    let mut stories =
        Stories::read(&SelectedDevices::All, &rows, &logs, Thresholds::default(), context).await?;
    if overview.fleet.is_empty() && stories.stories.is_empty() && !stories.is_understood() {
        return stories.refuse_nothing_understood();
    }
    overview.report_limits(context);
    stories.report_cuts(context);
    let end = if from_store { overview.end } else { stories.end.unwrap_or(overview.end) };
    let first = UnixTime::from_seconds(end.as_seconds().saturating_sub_unsigned(time.as_secs()));
    stories.stories.iter_mut().for_each(|story| story.troubles.retain(|trouble| trouble.last >= first));
    let outcomes = match from_store {
        true => Some(context.administer(IfMissing::Refuse).await?.read_outcomes().await?.outcomes),
        false => None,
    };
    let tallies = outcomes.as_ref().map(|outcomes| outcomes.tallies().collect::<Vec<_>>());
    let book = overview.rules.as_ref().map(|snapshot| snapshot.book());
    let now = SystemTime::now().into();
    let report =
        FleetReport { overview: &overview, book, tallies: tallies.as_deref(), stories: &stories, days, now };
    files::new::write_file(&html, report.page().as_bytes())?;
    context.output.message(format_args!("{} has the report", html.display()));
    if context.output.is_json() {
        let troubles = troubles(&stories);
        context.output.json_result(&json!({
            "stopped": book.map(|book| book.stop(&StopScope::All).is_some()),
            "rules": book.map(|book| book.rules().len()),
            "devices": overview.fleet.len(),
            "states": states_json(&overview.counts.states),
            "troubles": troubles.iter().map(trouble_json).collect::<Vec<_>>(),
        }))?;
    }
    stories.refuse_nothing_understood()
}

fn trouble_json(trouble: &Troubles<'_>) -> serde_json::Value {
    json!({
        "kind": trouble.example.kind.name(),
        "devices": trouble.open,
        "over": trouble.over,
        "last": iso(trouble.last),
    })
}

impl FleetReport<'_> {
    fn page(&self) -> String {
        let mut body = format!("<h1>Update report</h1>{}", lead(self.overview));
        match self.book {
            Some(book) => push_stops(book, &mut body),
            None => {
                let missing = "This page has no rules, rollouts and stops, because no rule book was read.";
                let _written = write!(body, "<p class=\"notice\">{missing}</p>");
            }
        }
        body.push_str(&patterns());
        push_fleet(self.overview, &mut body);
        push_troubles(self.stories, self.days, &mut body);
        if let Some(book) = self.book {
            push_rollouts(book, self.tallies, self.now, &mut body);
            push_rules(book, self.now, &mut body);
        }
        push_versions(self.overview, &mut body);
        document("Update report", &body)
    }
}

fn push_stops(book: &RuleBook, body: &mut String) {
    let reason = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let mut stops = Vec::new();
    for (scope, stop) in book.stops() {
        let what = match scope {
            StopScope::All => "Everything is stopped: no device is offered anything".to_owned(),
            StopScope::Rule(rule) => format!("The rule {rule} is stopped: its devices are offered nothing"),
            _ => "A part of the rules is stopped".to_owned(),
        };
        let asked = stop.restart_asked_by.as_ref();
        let asked = asked.map(|by| format!(" {by} requested a restart; another person must approve it."));
        let (by, reason) = (&stop.by, reason(&stop.reason));
        stops.push(format!("{what}. {by} stopped it{reason}.{}", asked.unwrap_or_default()));
    }
    if stops.is_empty() {
        body.push_str("<p class=\"notice\"><strong>Nothing is stopped.</strong> Devices are offered what the rules give them.</p>");
    }
    for stop in stops {
        let _written =
            write!(body, "<p class=\"notice bad\"><strong>Stopped.</strong> {}</p>", Escaped(&stop));
    }
}

fn push_troubles(stories: &Stories, days: u16, body: &mut String) {
    let troubles = troubles(stories);
    let _written = write!(
        body,
        "<section aria-labelledby=\"troubles\"><h2 id=\"troubles\">Troubles of the last {}</h2>",
        Counted::new(usize::from(days), "day")
    );
    if stories.left_out > 0 {
        let _written = write!(
            body,
            "<p class=\"facts\">Of the logs, the latest rows were read; {} older rows were left out.</p>",
            stories.left_out
        );
    }
    if troubles.is_empty() {
        body.push_str("<p class=\"facts\">No trouble was found in the logs.</p></section>");
        return;
    }
    body.push_str("<ul class=\"troubles\">");
    for trouble in &troubles {
        let (open, kind) = (trouble.open.len(), &trouble.example.kind);
        let state = match open {
            0 => format!("over, {} had it", Counted::new(trouble.over_devices.len(), "device")),
            open => format!("goes on for {}", Counted::new(open, "device")),
        };
        let class = if open == 0 { "over" } else { "bad" };
        let _written = write!(
            body,
            "<li class=\"{class}\"><p><strong>{}</strong> <span class=\"tag {class}\">{state}</span></p><p>{}.</p><p><b>To do:</b> \
             {}.</p><p class=\"facts\">last {}{}</p></li>",
            Escaped(&capital(kind.name()).replace('-', " ")),
            Marked(&capital(kind.meaning())),
            Marked(kind.remedy()),
            iso(trouble.last),
            Escaped(&named(&trouble.open))
        );
    }
    body.push_str("</ul></section>");
}

/// Returns `: ` and the names of the first devices. Empty if there are no devices.
fn named(open: &[String]) -> String {
    let mut text = String::new();
    for (place, name) in open.iter().take(MAX_NAMED).enumerate() {
        text.push_str(if place == 0 { ": " } else { ", " });
        text.push_str(name);
    }
    if let Some(more) = open.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        let _written = write!(text, " and {more} more");
    }
    text
}

/// Returns the troubles grouped by kind. The first kind is the one with the largest number of
/// devices whose trouble is not over.
pub(crate) fn troubles(stories: &Stories) -> Vec<Troubles<'_>> {
    let mut kinds: BTreeMap<&str, Troubles<'_>> = BTreeMap::new();
    for story in &stories.stories {
        for trouble in &story.troubles {
            let entry = kinds.entry(trouble.kind.name()).or_insert_with(|| Troubles {
                example: trouble,
                open: Vec::new(),
                over: 0,
                over_devices: Vec::new(),
                last: trouble.last,
            });
            entry.last = entry.last.max(trouble.last);
            match trouble.over {
                None => entry.open.push(story.name()),
                Some(_) => {
                    entry.over += 1;
                    entry.over_devices.push(story.name());
                }
            }
        }
    }
    let mut troubles: Vec<_> = kinds.into_values().collect();
    for trouble in &mut troubles {
        trouble.open.dedup();
        trouble.over_devices.dedup();
    }
    troubles.sort_by_key(|trouble| std::cmp::Reverse((trouble.open.len(), trouble.over)));
    troubles
}

fn push_rollouts(book: &RuleBook, tallies: Option<&[&Tally]>, now: UnixTime, body: &mut String) {
    body.push_str("<section aria-labelledby=\"rollouts\"><h2 id=\"rollouts\">Rollouts</h2>");
    let rollouts: Vec<RolloutReport> =
        book.rules().flat_map(|rule| RolloutReport::all_of(rule, now)).take(MAX_ROWS).collect();
    if rollouts.is_empty() {
        body.push_str("<p class=\"facts\">No rollout goes on.</p></section>");
        return;
    }
    let rows = rollouts.iter().map(|rollout| {
        let is_of = |tally: &&&Tally| {
            tally.rule.to_string() == rollout.rule && tally.rollout.to_string() == rollout.name
        };
        let counts =
            tallies.map(|tallies| tallies.iter().find(is_of).map(|tally| tally.counts).unwrap_or_default());
        let count = |number: fn(&OutcomeCounts) -> u64| {
            counts.as_ref().map_or_else(String::new, |counts| number(counts).to_string())
        };
        [
            Escaped(&rollout.name).to_string(),
            Escaped(&rollout.rule).to_string(),
            Escaped(&rollout.version).to_string(),
            Escaped(&rollout.audience_text()).to_string(),
            format!("<span class=\"tag\">{}</span>", Escaped(&rollout.state())),
            count(|counts| counts.in_flight),
            count(|counts| counts.succeeded),
            count(|counts| counts.failed),
            count(|counts| counts.overdue),
        ]
    });
    let titles =
        ["Rollout", "Rule", "Version", "For", "State", "On the way", "Installed", "Failed", "Overdue"];
    push_table("Rollouts", titles, rows, body);
    body.push_str("</section>");
}

fn push_rules(book: &RuleBook, now: UnixTime, body: &mut String) {
    let all = book.rules().len();
    let pending = book.rules().filter(|rule| rule.pending().is_some()).count();
    let _written = write!(
        body,
        "<section aria-labelledby=\"rules\"><h2 id=\"rules\">Rules</h2><p class=\"facts\">{}; {pending} with a version that waits for \
         approval.</p>",
        Counted::new(all, "rule")
    );
    let rows = book.rules().take(MAX_ROWS).map(|rule| {
        [
            Escaped(&rule.key().to_string()).to_string(),
            version(rule.approved()),
            version(rule.pending()),
            version(rule.rollback()),
            rejected(rule),
        ]
    });
    push_table("Rules", ["Rule", "Approved", "Pending", "Roll back to", "Rejected"], rows, body);
    if let Some(more) = all.checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        let _written = write!(body, "<p class=\"facts\">{more} further rules are not on this page.</p>");
    }
    push_list("Bans", book.bans().map(|ban| format!("{}: {}", ban.scope, ban.reason)), body);
    let holds = book.holds().filter(|hold| hold.lasts(now));
    push_list("Holds", holds.map(|hold| format!("{}: {}", hold.name, hold.reason)), body);
    body.push_str("</section>");
}

fn push_list(title: &str, entries: impl Iterator<Item = String>, body: &mut String) {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return;
    }
    let _written = write!(body, "<h3>{title}</h3><ul>");
    for entry in entries.iter().take(MAX_ROWS) {
        let _written = write!(body, "<li>{}</li>", Escaped(entry));
    }
    body.push_str("</ul>");
    if let Some(more) = entries.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        let _written = write!(body, "<p class=\"facts\">{more} more are not on this page.</p>");
    }
}

fn version(candidate: Option<&Candidate>) -> String {
    candidate.map(|candidate| Escaped(&candidate.version.to_string()).to_string()).unwrap_or_default()
}

fn rejected(rule: &Rule) -> String {
    let versions: Vec<String> = rule.rejected().iter().map(ToString::to_string).collect();
    Escaped(&versions.join(", ")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::logs::read_rows::ReadRows;
    use ucupdate::audit::{AccessRow, LogKind};
    use ucupdate::timeline::{StoryOptions, Timeline};

    #[test]
    fn a_trouble_that_one_device_had_twice_is_a_trouble_of_one_device() {
        let row = |minute: i64, path: &str, status| AccessRow {
            client_ip: "10.1.0.1".into(),
            ..AccessRow::finished("POST", path, status, Duration::ZERO, UnixTime::from_seconds(60 * minute))
        };
        let (old, new) = ("/UCDeviceUpdates/ucdevice.upx", "/RequestHandler/ucdevice.upx");
        let rows = [row(0, old, 404), row(1, new, 200), row(2, old, 404), row(3, new, 200)];
        let stories = Stories {
            stories: Timeline::join([], rows).stories(&StoryOptions::default()),
            end: None,
            audit: ReadRows::new(LogKind::Audit),
            access: ReadRows::new(LogKind::Access),
            left_out: 0,
            addresses_cut: false,
        };
        let mut page = String::new();
        push_troubles(&stories, 7, &mut page);
        assert!(page.contains("over, 1 device had it"), "{page}");
        assert_eq!(trouble_json(&troubles(&stories)[0])["over"], 2);
    }
}
