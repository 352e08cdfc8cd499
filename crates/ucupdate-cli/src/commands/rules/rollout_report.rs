//! The text about kill switches that are on.

use crate::output::shown::Shown;
use ucupdate::book::{Stop, StopScope};

/// Returns a line about a kill switch that is on.
pub(super) fn stop_line(scope: &StopScope, stop: &Stop) -> String {
    let what = match scope {
        StopScope::Rule(rule) => rule.to_string(),
        _ => "everything".to_owned(),
    };
    let mut line = format!("{what} is stopped by {}", Shown(&stop.by));
    if !stop.reason.is_empty() {
        line.push_str(&format!(": {}", Shown(&stop.reason)));
    }
    if let Some(by) = &stop.restart_asked_by {
        line.push_str(&format!(" ({} asked for a restart, somebody else has to approve it)", Shown(by)));
    }
    line
}
