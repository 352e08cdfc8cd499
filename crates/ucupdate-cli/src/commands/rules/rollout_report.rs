//! Rollouts and thrown kill switches, as results show them.

use crate::args::moment::span;
use crate::args::whom::WhomReport;
use crate::output::shown::Shown;
use crate::output::time::iso;
use serde::Serialize;
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
    pause: Option<GuardReport>,
    /// Whether it is paused.
    paused: bool,
    /// Why it is paused, where that was said.
    reason: Option<String>,
    #[serde(skip)]
    audience: String,
}

#[derive(Debug, Serialize)]
struct GuardReport {
    failures: Option<u32>,
    share: Option<String>,
    sample: u32,
    deadline: String,
    install_time: String,
}

impl GuardReport {
    fn of(guard: &Guard) -> Self {
        Self {
            failures: guard.failures,
            share: guard.share.map(|share| share.to_string()),
            sample: guard.sample,
            deadline: span(guard.deadline_seconds),
            install_time: span(guard.install_seconds),
        }
    }
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
            group: WhomReport::from(&assignment.audience).group,
            share: rollout.share.at(now).to_string(),
            stages,
            started,
            window: rollout.window.as_ref().map(ToString::to_string),
            pause: rollout.guard.as_ref().map(GuardReport::of),
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

/// A kill switch that is thrown.
#[derive(Debug, Serialize)]
pub(super) struct StopReport {
    /// The rule whose offers are stopped; none where all are.
    rule: Option<String>,
    by: String,
    reason: String,
    /// The author of the restart request, or `None`.
    restart_asked_by: Option<String>,
}

impl StopReport {
    pub(super) fn of(scope: &StopScope, stop: &Stop) -> Self {
        Self {
            rule: match scope {
                StopScope::Rule(rule) => Some(rule.to_string()),
                _ => None,
            },
            by: stop.by.to_string(),
            reason: stop.reason.to_string(),
            restart_asked_by: stop.restart_asked_by.as_ref().map(ToString::to_string),
        }
    }
}

impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is stopped by {}", self.rule.as_deref().unwrap_or("everything"), Shown(&self.by))?;
        if !self.reason.is_empty() {
            write!(f, ": {}", Shown(&self.reason))?;
        }
        match &self.restart_asked_by {
            Some(by) => write!(f, " ({} asked for a restart, somebody else has to approve it)", Shown(by)),
            None => Ok(()),
        }
    }
}
