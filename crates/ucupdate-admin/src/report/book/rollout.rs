//! [`RolloutReport`]: a rollout of a rule, as the command and the API show it.

use super::device_or_group::audience_parts;
use crate::report::time::{iso, span};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use ucupdate::book::{Assignment, Audience, Guard, Rollout, Rule, Share};
use ucupdate::value::UnixTime;

/// A rollout of a rule.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RolloutReport {
    /// The rule as text: six words with `/` between them, such as `UCPhone/Polycom/CX700/A/ENU/CPE`.
    pub rule: String,
    /// The name, which is unique in the rule.
    pub name: String,
    /// The version that its devices get.
    pub version: String,
    /// The package that contains the version.
    pub package: String,
    /// The group whose devices are in the rollout. `None` if the rollout is for all devices of the rule.
    pub group: Option<String>,
    /// The share of the devices that the rollout reaches now, such as `10%`.
    pub share: String,
    /// The stages of a share that grows, such as `10%@0d,50%@3d`. `None` if the share does not grow by itself.
    pub stages: Option<String>,
    /// The time at which the first stage begins, in UTC. `None` if the share does not grow by itself.
    pub started: Option<String>,
    /// The hours in which the version is offered, such as `daily 22:00-05:00 UTC`. `None` for all hours.
    pub window: Option<String>,
    /// The guard: the conditions under which the rollout pauses by itself. `None` if the rollout has no guard.
    pub pause: Option<Value>,
    /// `true` if it is paused.
    pub paused: bool,
    /// The reason of the pause, if one was given.
    pub reason: Option<String>,
    #[serde(skip)]
    audience: String,
}

fn guard(guard: &Guard) -> Value {
    json!({
        "failures": guard.failures,
        "share": guard.share,
        "sample": guard.sample,
        "deadline": span(guard.deadline_seconds),
        "install_time": span(guard.install_seconds),
    })
}

impl RolloutReport {
    /// Returns the rollouts of a rule, in the order in which a decision tries them.
    pub fn all_of(rule: &Rule, now: UnixTime) -> impl Iterator<Item = Self> {
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
            group: audience_parts(&assignment.audience).1.map(ToString::to_string),
            share: rollout.share.at(now).to_string(),
            stages,
            started,
            window: rollout.window.as_ref().map(ToString::to_string),
            pause: rollout.guard.as_ref().map(guard),
            paused: rollout.paused.is_some(),
            reason: reason.map(ToOwned::to_owned),
            audience,
        }
    }

    /// Returns the share, the audience, the stages and the window as text, such as `10% of all devices of this rule` or
    /// `50% of all devices of this rule (10%@0d,50%@3d), daily 22:00-05:00 UTC`.
    pub fn audience_text(&self) -> String {
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

    /// Returns the state of the rollout: `runs`, `paused`, or `paused:` and the reason, such as `paused: too many failed`.
    pub fn state(&self) -> String {
        match (self.paused, &self.reason) {
            (false, _) => "runs".to_owned(),
            (true, None) => "paused".to_owned(),
            (true, Some(reason)) => format!("paused: {reason}"),
        }
    }
}

impl fmt::Display for RolloutReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rollout {} of {} for {}", self.name, self.version, self.audience_text())?;
        if self.paused { write!(f, ", {}", self.state()) } else { Ok(()) }
    }
}
