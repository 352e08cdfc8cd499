//! The trace of a decision: what was looked at, and what settled it.

use crate::decide::{Decision, Via, decide, holds};
use crate::index::EligibilityIndex;
use crate::rule::Audience;
use crate::{Device, InstalledModule, ReportedVersion, RuleKey, UnixTime, UpdateRequest, VersionError};
use std::fmt;

/// Why a request is answered as it is: one trace for each module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// The revision of the rule book.
    pub revision: u64,
    /// The time that was asked about.
    pub now: UnixTime,
    /// A trace for each module, in the order asked.
    pub modules: Vec<Trace<'a>>,
}

/// Why one module is answered as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace<'a> {
    /// The file name as asked.
    pub file_name: Box<str>,
    /// The version installed.
    pub installed: ReportedVersion,
    /// What was looked at, in order.
    pub steps: Vec<Step<'a>>,
    /// What was decided: the same as [`decide`] gives.
    pub decision: Decision<'a>,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// The rule for the device.
    Rule {
        /// Its key.
        rule: &'a RuleKey,
    },
    /// No rule is for the device; this one comes nearest.
    NearestRule {
        /// Its key.
        rule: &'a RuleKey,
        /// Where the two differ.
        differences: Vec<Difference<'a>>,
    },
    /// There are no rules at all.
    NoRules,
    /// An assignment was tried.
    Assignment {
        /// Its audience.
        audience: Audience,
        /// Its version.
        version: &'a ReportedVersion,
        /// Whether it holds the device; later ones are not tried then.
        holds: bool,
        /// The test device this is, when that is why.
        test_device: Option<&'a str>,
    },
    /// The installed version cannot be read.
    Unreadable {
        /// Why.
        cause: VersionError,
    },
    /// A stepping stone applies.
    SteppingStone {
        /// Devices below this have to step.
        below: String,
        /// The version they step to.
        by: String,
    },
}

/// A word in which a device and a rule differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference<'a> {
    /// Which word: `hardware revision`.
    pub field: &'static str,
    /// What the rule says.
    pub rule: &'a str,
    /// What the device says.
    pub device: String,
}

/// Explains how a request is answered. The decisions are those of [`decide`].
pub fn explain<'a>(index: &'a EligibilityIndex, request: &UpdateRequest, now: UnixTime) -> Explanation<'a> {
    let modules = request.modules.iter().map(|module| trace(index, &request.device, module, now));
    Explanation { revision: index.revision, now, modules: modules.collect() }
}

fn trace<'a>(
    index: &'a EligibilityIndex,
    device: &Device,
    module: &InstalledModule,
    now: UnixTime,
) -> Trace<'a> {
    let decision = decide(index, device, module, now);
    let mut steps = Vec::new();
    match index.rule(device, module.update_type_stem()) {
        None => steps.push(nearest(index, device, module.update_type_stem())),
        Some(rule) => {
            steps.push(Step::Rule { rule: rule.rule.key() });
            for assignment in &rule.assignments {
                let holds = holds(index, assignment.audience, device, now);
                let test_device =
                    index.test_device(device).filter(|_| assignment.audience == Audience::TestDevices);
                steps.push(Step::Assignment {
                    audience: assignment.audience,
                    version: &assignment.version,
                    holds,
                    test_device: test_device.map(|device| device.name.as_str()),
                });
                if holds {
                    break;
                }
            }
        }
    }
    if let Decision::VersionUnreadable { .. } = decision {
        steps.extend(module.version.why_unreadable().map(|cause| Step::Unreadable { cause }));
    }
    let stone = match decision {
        Decision::SteppingStoneMissing { stone }
        | Decision::Offer { via: Via::SteppingStone { stone, .. }, .. } => Some(stone),
        _ => None,
    };
    steps.extend(
        stone.map(|stone| Step::SteppingStone { below: stone.below.to_string(), by: stone.by.to_string() }),
    );
    Trace { file_name: module.file_name.clone(), installed: module.version.clone(), steps, decision }
}

/// The rule with the fewest words that differ; of several the first by key.
fn nearest<'a>(index: &'a EligibilityIndex, device: &Device, update_type: &str) -> Step<'a> {
    let said = [
        device.device_type.as_str(),
        device.vendor.as_str(),
        device.model.as_str(),
        device.hardware_revision.as_str(),
        device.locale.as_str(),
        update_type,
    ];
    let differ = |key: &RuleKey| {
        let words = key.words().into_iter().zip(said);
        words.filter(|(rule, device)| !rule.eq_ignore_ascii_case(device)).count()
    };
    let Some(rule) = index.rules.iter().map(|rule| rule.rule.key()).min_by_key(|key| differ(key)) else {
        return Step::NoRules;
    };
    let words = RuleKey::FIELDS.into_iter().zip(rule.words()).zip(said);
    let differences = words.filter(|((_, rule), device)| !rule.eq_ignore_ascii_case(device));
    Step::NearestRule {
        rule,
        differences: differences
            .map(|((field, rule), device)| Difference { field, rule, device: device.to_owned() })
            .collect(),
    }
}

impl fmt::Display for Explanation<'_> {
    /// A line for each step, and one for each decision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule book revision {}", self.revision)?;
        if self.modules.is_empty() {
            write!(f, "\nthe request names no module, so there is nothing to offer")?;
        }
        self.modules.iter().try_for_each(|module| write!(f, "\n{module}"))
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at version {:?}", self.file_name.escape_debug(), self.installed.as_str())?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step}"))?;
        write!(f, "  => {}", self.decision)
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule } => write!(f, "rule {rule}"),
            Self::NearestRule { rule, differences } => {
                write!(f, "no rule for it; the nearest is {rule}")?;
                differences.iter().try_for_each(|difference| {
                    let Difference { field, rule, device } = difference;
                    write!(f, ", for {field} {rule}, where the device says {}", device.escape_debug())
                })
            }
            Self::NoRules => f.write_str("there are no rules"),
            Self::Assignment { audience: Audience::TestDevices, version, holds: true, test_device } => {
                write!(
                    f,
                    "pending {version}: the device is the test device {}",
                    test_device.unwrap_or_default()
                )
            }
            Self::Assignment { audience: Audience::TestDevices, version, .. } => {
                write!(f, "pending {version}: the device is no test device")
            }
            Self::Assignment { audience: Audience::Everybody, version, .. } => {
                write!(f, "approved {version}: for everybody")
            }
            Self::Unreadable { cause } => write!(f, "{cause}"),
            Self::SteppingStone { below, by } => write!(f, "stepping stone: below {below} goes by {by}"),
        }
    }
}
