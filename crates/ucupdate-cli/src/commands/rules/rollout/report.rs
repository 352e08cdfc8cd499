//! Texts about active kill switches and holds, and about the devices of rollouts.

use crate::output::shown::Shown;
use ucupdate::book::{HeldDevices, Hold, RuleBook, Stop, StopScope};
use ucupdate::value::{Counted, UnixTime};
use ucupdate_admin::report::RolloutDevices;

/// Returns a line about an active kill switch, of one rule or of all.
pub(crate) fn stop_line(scope: &StopScope, stop: &Stop) -> String {
    let what = match scope {
        StopScope::Rule(rule) => rule.to_string(),
        _ => "everything".to_owned(),
    };
    let mut line = format!("{what} is stopped by {}", Shown(&stop.by));
    if !stop.reason.is_empty() {
        line.push_str(&format!(": {}", Shown(&stop.reason)));
    }
    if let Some(by) = &stop.restart_asked_by {
        line.push_str(&format!(" ({} requested a restart; another person must approve it)", Shown(by)));
    }
    line
}

/// Returns a warning if the offers of a rule, or all offers, are stopped. `None` if nothing is
/// stopped.
pub(crate) fn stop_warning(book: &RuleBook) -> Option<String> {
    let lines: Vec<String> = book.stops().map(|(scope, stop)| stop_line(scope, stop)).collect();
    (!lines.is_empty())
        .then(|| format!("{}; nothing is offered there until `ucupdate rollout restart`", lines.join("; ")))
}

/// Returns a warning about the holds on groups and rules that are active at the time `now`. `None`
/// if there are none.
pub(crate) fn hold_warning(book: &RuleBook, now: UnixTime) -> Option<String> {
    let is_wide = |hold: &&Hold| !matches!(hold.on, HeldDevices::Device(_)) && hold.lasts(now);
    let lines: Vec<String> =
        book.holds().filter(is_wide).map(|hold| format!("{} by the hold {}", hold.on, hold.name)).collect();
    (!lines.is_empty())
        .then(|| format!("{}: nothing is offered there until the hold is over or removed", lines.join(", ")))
}

/// Returns a line for people about the devices of a rollout, such as
/// `of 10 devices 4 installed it, 1 failed`.
pub(crate) fn devices_line(devices: &RolloutDevices) -> String {
    let RolloutDevices { offered, installed, failed, overdue, downloading, .. } = devices;
    let mut line = format!("of {} {installed} installed it", Counted::new(*offered, "device"));
    for (count, what) in [(failed, "failed"), (overdue, "are overdue"), (downloading, "are downloading")] {
        if *count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    line
}
