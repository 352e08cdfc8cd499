//! `ucupdate rollout status`: shows the progress of rollouts and the outcome on their devices.

use crate::commands::rules::rollout::report::stop_line;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::wrapped::push_wrapped;
use crate::suggest::{nearest, with_meant};
use serde_json::{Value, json};
use ucupdate::book::RolloutName;
use ucupdate::value::Counted;
use ucupdate_admin::report::{self, FailedDevice, RolloutStatus};

/// The largest number of devices that the text names.
const NAMED: usize = 10;

/// The largest number of characters in a line.
const WIDTH: usize = 80;

/// The number of characters before the value of a fact: its name and blanks.
const INDENT: usize = 15;

#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The name of a rollout [default: all rollouts]
    name: Option<RolloutName>,
}

pub(crate) async fn run(args: StatusArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let outcomes = service.read_outcomes().await?;
    let (snapshot, now) = (service.snapshot(), service.now());
    let book = snapshot.book();
    let all = book.rules().flat_map(|rule| RolloutStatus::all_of(rule, book, &outcomes, now));
    let wanted =
        |status: &RolloutStatus| args.name.as_ref().is_none_or(|name| name.as_str() == status.rollout.name);
    let found: Vec<RolloutStatus> = all.filter(wanted).collect();
    if let Some(name) = args.name.filter(|_| found.is_empty()) {
        let known = book.rules().flat_map(|rule| rule.rollouts().map(|(_, rollout)| &rollout.name));
        return Err(match nearest(name.as_str(), known) {
            Some(meant) => with_meant(Failure::not_found(format_args!("no rollout {name}")), Some(meant)),
            None => {
                Failure::not_found(format_args!("no rollout {name}; `ucupdate rollout list` has the names"))
            }
        });
    }
    let stopped: Vec<Value> = book.stops().map(|(scope, stop)| report::stop(scope, stop)).collect();
    let width = context.output.width().min(WIDTH);
    let mut text = String::new();
    for (scope, stop) in book.stops() {
        push_wrapped(&stop_line(scope, stop), 2, width, &mut text);
    }
    if found.is_empty() {
        text.push_str("no rollouts\n");
    }
    for status in &found {
        if !text.is_empty() {
            text.push('\n');
        }
        push_status(status, width, &mut text);
    }
    text.truncate(text.trim_end().len());
    context.output.both(&json!({ "rollouts": found, "stopped": stopped }), text)
}

fn push_status(status: &RolloutStatus, width: usize, text: &mut String) {
    let RolloutStatus { rollout, devices, .. } = status;
    push_wrapped(&format!("{} of {}", rollout.name, rollout.rule), 2, width, text);
    let mut fact = |name: &str, value: String| {
        push_wrapped(&format!("  {name:width$}{value}", width = INDENT - 2), INDENT, width, text);
    };
    fact("version", format!("{} for {}", rollout.version, rollout.audience_text()));
    let age = status.age_seconds.map(|age| format!(", for {}", spoken(age)));
    let since = status.runs_since.as_ref().map(|since| format!(" since {since}"));
    match &since {
        Some(since) if !rollout.paused => fact("state", format!("runs{since}{}", age.unwrap_or_default())),
        Some(since) => fact("state", format!("{} (it ran{since})", rollout.state())),
        None => fact("state", rollout.state()),
    }
    if let Some(next) = &status.next_stage {
        fact("next stage", format!("{} at {}, in {}", next.share, next.at, spoken(next.in_seconds)));
    }
    fact("offered", count(devices.offered));
    fact("waiting", format!("{} (no download yet)", devices.waiting));
    fact("downloading", format!("{} (downloaded the image, not back yet)", devices.downloading));
    fact("installed", devices.installed.to_string());
    fact("failed", named(devices.failed, "failed", &status.failed_devices));
    fact("overdue", named(devices.overdue, "overdue", &status.failed_devices));
    if devices.elsewhere > 0 {
        fact("elsewhere", format!("{} (came back with a third version)", devices.elsewhere));
    }
    if devices.not_counted > 0 {
        fact(
            "not counted",
            format!("{} that never downloaded the image from these servers", count(devices.not_counted)),
        );
    }
    if devices.not_followed > 0 {
        fact(
            "not followed",
            format!("{}, because there are too many devices", Counted::new(devices.not_followed, "offer")),
        );
    }
    if let Some(last) = &status.last_change {
        fact("last change", last.clone());
    }
    if let Some(reason) = &status.stands_still {
        fact("warning", format!("it stands still: {reason}"));
    }
}

fn count(devices: u64) -> String {
    Counted::new(devices, "device").to_string()
}

/// Returns a number of devices as text, with the names of the first devices in this state.
fn named(number: u64, state: &str, devices: &[FailedDevice]) -> String {
    let names = || devices.iter().filter(|device| device.state == state).map(|device| &*device.device);
    let shown: Vec<&str> = names().take(NAMED).collect();
    match names().count().checked_sub(NAMED) {
        _ if shown.is_empty() => number.to_string(),
        None | Some(0) => format!("{number}: {}", shown.join(", ")),
        Some(more) => format!("{number}: {} and {more} more (--json names all)", shown.join(", ")),
    }
}

/// Returns a duration in one unit, such as `3 days`, `26 h` or `5 min`.
fn spoken(seconds: i64) -> String {
    match seconds.max(0) {
        minutes @ ..7200 => format!("{} min", minutes / 60),
        hours @ 7200..172_800 => format!("{} h", hours / 3600),
        days => format!("{} days", days / 86_400),
    }
}
