//! Rollouts and thrown kill switches, as results show them.

use crate::args::moment::span;
use crate::args::whom::parts;
use crate::output::shown::Shown;
use crate::output::time::iso;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use ucupdate::book::{Assignment, Audience, Guard, Rollout, Rule, Share, Stop, StopScope};
use ucupdate::value::UnixTime;

/// A rollout of a rule.
#[derive(Debug, Serialize)]
pub(super) struct RolloutReport {
    pub(super) rule: String,
    pub(super) name: String,
    pub(super) version: String,
    package: String,
    /// The group it is for; none for everybody.
    group: Option<String>,
    /// The share it is for now.
    share: String,
    /// The stages of a share that grows: `10%@0d,50%@3d`.
    stages: Option<String>,
    /// When they began, in UTC.
    started: Option<String>,
    window: Option<String>,
    /// When it pauses by itself.
    pause: Option<Value>,
    /// Whether it is paused.
    paused: bool,
    /// Why it is paused, where that was said.
    reason: Option<String>,
    #[serde(skip)]
    audience: String,
}

fn guard_json(guard: &Guard) -> Value {
    json!({
        "failures": guard.failures,
        "share": guard.share,
        "sample": guard.sample,
        "deadline": span(guard.deadline_seconds),
        "install_time": span(guard.install_seconds),
    })
}

impl RolloutReport {
    /// The rollouts of a rule, in the order in which they are looked at.
    pub(super) fn all_of(rule: &Rule, now: UnixTime) -> impl Iterator<Item = Self> {
        rule.rollouts().map(move |(assignment, rollout)| Self::of(rule, assignment, rollout, now))
    }

    fn of(rule: &Rule, assignment: &Assignment, rollout: &Rollout, now: UnixTime) -> Self {
        let (stages, started) = match &rollout.share {
            Share::Ramp(ramp) => (Some(ramp.stages.to_string()), Some(iso(ramp.start))),
            _ => (None, None),
        };
        let audience = match &assignment.audience {
            Audience::Group(group) => format!("group {group}"),
            other => other.to_string(),
        };
        let reason = rollout.paused.as_deref().filter(|reason| !reason.is_empty());
        Self {
            rule: rule.key().to_string(),
            name: rollout.name.to_string(),
            version: assignment.candidate.version.to_string(),
            package: assignment.candidate.package.to_string(),
            group: parts(&assignment.audience).1.map(ToString::to_string),
            share: rollout.share.at(now).to_string(),
            stages,
            started,
            window: rollout.window.as_ref().map(ToString::to_string),
            pause: rollout.guard.as_ref().map(guard_json),
            paused: rollout.paused.is_some(),
            reason: reason.map(ToOwned::to_owned),
            audience,
        }
    }

    /// The audience and the window: `10% of everybody`, `50% of everybody (10%@0d,50%@3d), daily 22:00-05:00 UTC`.
    pub(super) fn whom(&self) -> String {
        let mut text = match &self.stages {
            Some(stages) => format!("{} of {} ({stages})", self.share, self.audience),
            None if self.share == "100%" => self.audience.clone(),
            None => format!("{} of {}", self.share, self.audience),
        };
        if let Some(window) = &self.window {
            text.push_str(", ");
            text.push_str(window);
        }
        text
    }

    /// Whether it goes on: `runs`, `paused: too many failed`.
    pub(super) fn state(&self) -> String {
        match (self.paused, &self.reason) {
            (false, _) => "runs".to_owned(),
            (true, None) => "paused".to_owned(),
            (true, Some(reason)) => format!("paused: {reason}"),
        }
    }
}

impl fmt::Display for RolloutReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rollout {} of {} for {}", self.name, self.version, self.whom())?;
        if self.paused { write!(f, ", {}", self.state()) } else { Ok(()) }
    }
}

/// Returns a thrown kill switch as a JSON object. `rule` is `null` where all offers are stopped.
pub(super) fn stop_json(scope: &StopScope, stop: &Stop) -> Value {
    let rule = match scope {
        StopScope::Rule(rule) => Some(rule),
        _ => None,
    };
    json!({
        "rule": rule, "by": stop.by, "reason": stop.reason, "restart_asked_by": stop.restart_asked_by,
    })
}

/// Returns a thrown kill switch as a line for people.
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
