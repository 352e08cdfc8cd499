//! The trace of a decision: the steps that led to it.

use crate::book::{Alias, Assignment, Audience, Percent, Role, RolloutPosition, RuleKey, SteppingStone};
use crate::decide::decision::{Decision, OfferKind};
use crate::decide::index::{CompiledRule, EligibilityIndex};
use crate::decide::known_devices::KnownEntries;
use crate::decide::module_rules::ModuleMatch;
use crate::decide::walk::{Observer, walk};
use crate::request::{AskedFrom, Question, UpdateRequest};
use crate::value::ParseError;
use crate::value::UnixTime;
use crate::version::{ReportedVersion, VersionScheme};
use std::fmt;

/// The reasons for the answer to a request: one trace for each module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// The revision of the rule book that decided.
    pub revision: u64,
    /// The time that the caller passed. Windows, ramps and the ends of holds are judged at this time.
    pub now: UnixTime,
    /// A trace for each module, in the order of the request.
    pub modules: Vec<Trace<'a>>,
}

/// The reasons for the answer to one module.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace<'a> {
    /// The file name of the module in the request.
    pub file_name: Box<str>,
    /// The installed version in the request.
    pub installed: ReportedVersion,
    /// The steps of the decision, from the first check to the last.
    pub steps: Vec<Step<'a>>,
    /// The decision. [`decide`](crate::decide::walk::decide) returns the same one.
    pub decision: Decision<'a>,
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum Step<'a> {
    /// The rule that was found for the device.
    Rule { rule: &'a RuleKey },
    /// The file name of the module is not the name of an update type. `how` is the way in which the rule
    /// was found.
    Module { how: ModuleMatch },
    /// An alias replaced a word of the device.
    Alias { alias: Box<Alias> },
    /// No rule matches the device. This rule is the nearest one.
    NearestRule {
        rule: &'a RuleKey,
        /// The words in which the rule and the device differ.
        differences: Vec<Difference<'a>>,
    },
    /// The rule book has no rules.
    NoRules,
    /// An assignment of the rule was checked.
    Assignment {
        assignment: &'a Assignment,
        /// The reason why the assignment does not apply. `None` if it applies.
        mismatch: Option<Mismatch>,
        /// The share of the rollout at the time of the request. It is 100% for assignments without a
        /// rollout.
        share: Percent,
        /// The name of the test device. `None` if the assignment is not for test devices, or the device is
        /// not one.
        test_device: Option<&'a str>,
    },
    /// The installed version cannot be read as a version.
    Unreadable { cause: ParseError },
    /// The version scheme of the rule cannot read the installed version.
    NotInScheme {
        /// The version scheme of the rule, which is not .NET's.
        scheme: &'a VersionScheme,
        /// The installed version as the device reported it.
        installed: ReportedVersion,
    },
    /// The device must install a stepping stone first.
    SteppingStone {
        stone: &'a SteppingStone,
        /// `true` if the stone has a pending image. Only test devices get a pending image.
        is_pending: bool,
        /// The name of the test device. `None` if the image is not pending, or the device is not a test device.
        test_device: Option<&'a str>,
    },
}

/// The reason why an assignment does not apply to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message documents the field")]
pub enum Mismatch {
    /// The assignment is for test devices, and the device is not one.
    NoTestDevice,
    /// The assignment is for another device.
    OtherDevice,
    /// The device is not on the list of the group, or the group does not exist.
    NotOnList,
    /// A part of the group's predicate does not match.
    Predicate {
        /// The name of the part, such as `vendor` or `network`.
        part: &'static str,
    },
    /// The share of the rollout does not contain the device yet.
    Share {
        /// The position of the device among all devices. `None` for a device that reports neither MAC address nor
        /// serial number.
        position: Option<RolloutPosition>,
    },
    /// The rollout is paused.
    Paused,
}

impl Mismatch {
    /// Returns how close the assignment is to applying to the device: 0 if it is for another device, up to 4 if
    /// only the rollout is paused.
    fn nearness(self) -> u8 {
        match self {
            Self::OtherDevice => 0,
            Self::NotOnList | Self::NoTestDevice => 1,
            Self::Predicate { .. } => 2,
            Self::Share { .. } => 3,
            Self::Paused => 4,
        }
    }
}

/// A word in which a device and a rule differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference<'a> {
    /// The name of the word, such as `hardware revision`.
    pub field: &'static str,
    /// The word of the rule, in the spelling of the rule book.
    pub rule: &'a str,
    /// The word that the device reported. Empty if it reported none.
    pub device: String,
}

/// Explains the answer to a request. The decisions are the same as those of [`decide`](crate::decide::walk::decide).
pub fn explain<'a>(
    index: &'a EligibilityIndex,
    request: &UpdateRequest,
    from: AskedFrom,
    now: UnixTime,
) -> Explanation<'a> {
    let modules = Question::all_of(request, from).map(|question| Trace::of(index, &question, now));
    Explanation { revision: index.revision, now, modules: modules.collect() }
}

impl<'a> Trace<'a> {
    /// Decides one question and records the reasons.
    pub fn of(index: &'a EligibilityIndex, question: &Question<'_>, now: UnixTime) -> Self {
        let mut seen = Recorder { index, question, now, scheme: None, steps: Vec::new() };
        let decision = walk(index, question, now, &mut seen);
        let scheme = seen.scheme.filter(|scheme| !scheme.is_dotnet());
        let mut steps = seen.steps;
        let module = question.module;
        if let Decision::VersionUnreadable { .. } = decision {
            steps.extend(match scheme {
                Some(scheme) => Some(Step::NotInScheme { scheme, installed: module.version.clone() }),
                None => module.version.why_unreadable().map(|cause| Step::Unreadable { cause }),
            });
        }
        Self { file_name: module.file_name.clone(), installed: module.version.clone(), steps, decision }
    }

    /// Returns the main reason why nothing is offered. `None` for an offer.
    ///
    /// If several assignments were tried and none applies, the reason is that of the assignment nearest to
    /// applying. An assignment whose share does not contain the device yet is nearest. Then follow an
    /// assignment whose group has a predicate that does not match, one for a list or for test devices, and one
    /// for another device. Of two equally near assignments, the one that was tried later decides.
    pub fn first_cause(&self) -> Option<String> {
        match &self.decision {
            Decision::Offer { .. } => None,
            Decision::NoRule | Decision::NothingApproved { .. } => {
                let tried = self.steps.iter().filter(|step| {
                    !matches!(step, Step::Rule { .. } | Step::Module { .. } | Step::Alias { .. })
                });
                let tried = tried.max_by_key(|step| match step {
                    Step::Assignment { mismatch: Some(mismatch), .. } => mismatch.nearness(),
                    _ => 0,
                });
                Some(tried.map_or_else(|| self.decision.to_string(), ToString::to_string))
            }
            other => Some(other.to_string()),
        }
    }
}

struct Recorder<'a, 'q> {
    index: &'a EligibilityIndex,
    question: &'q Question<'q>,
    now: UnixTime,
    /// The version scheme of the rule that was found for the module. `None` until a rule is found.
    scheme: Option<&'a VersionScheme>,
    steps: Vec<Step<'a>>,
}

impl<'a> Observer<'a> for Recorder<'a, '_> {
    fn rule(&mut self, rule: &'a CompiledRule) {
        self.scheme = Some(&rule.rule.policy().scheme);
        self.steps.push(Step::Rule { rule: rule.rule.key() });
    }

    fn module_match(&mut self, how: ModuleMatch) {
        self.steps.push(Step::Module { how });
    }

    fn wants_aliases(&self) -> bool {
        true
    }

    fn alias(&mut self, alias: &Alias) {
        self.steps.push(Step::Alias { alias: Box::new(alias.clone()) });
    }

    fn no_rule(&mut self) {
        self.steps.push(nearest(self.index, self.question));
    }

    fn assignment(&mut self, at: usize, known: KnownEntries<'a>, mismatch: Option<Mismatch>) {
        let assignment = self.index.assigned_of(&self.index.assignments[at]);
        let test_device = match assignment.audience {
            Audience::TestDevices => known.test_device(),
            _ => None,
        };
        let test_device = test_device.and_then(|number| self.index.test_devices.get(number as usize));
        let share = assignment.rollout.as_ref().map_or(Percent::ALL, |rollout| rollout.share.at(self.now));
        let test_device = test_device.map(|device| device.name.as_str());
        self.steps.push(Step::Assignment { assignment, mismatch, share, test_device });
    }

    fn stone(&mut self, stone: &'a SteppingStone, pending: Option<KnownEntries<'a>>) {
        let test_device = pending.and_then(KnownEntries::test_device);
        let test_device = test_device.and_then(|number| self.index.test_devices.get(number as usize));
        let test_device = test_device.map(|device| device.name.as_str());
        self.steps.push(Step::SteppingStone { stone, is_pending: pending.is_some(), test_device });
    }
}

/// Returns a step that names the rule nearest to the device. This rule has the fewest words that differ from
/// the device's, and among several such rules the smallest edit distance. Returns [`Step::NoRules`] if there
/// are no rules.
fn nearest<'a>(index: &'a EligibilityIndex, question: &Question<'_>) -> Step<'a> {
    let said = question.words();
    let rules = index.rules.iter().map(|rule| rule.rule.key());
    let Some(rule) = rules.min_by_key(|key| key.difference_from(said)) else {
        return Step::NoRules;
    };
    let words = RuleKey::WORD_NAMES.into_iter().zip(rule.words()).zip(said);
    let differences = words.filter(|((_, rule), device)| !rule.eq_ignore_ascii_case(device));
    Step::NearestRule {
        rule,
        differences: differences
            .map(|((field, rule), device)| Difference { field, rule, device: device.to_owned() })
            .collect(),
    }
}

impl fmt::Display for Explanation<'_> {
    /// Writes the revision, a line for each step, and a line for each decision.
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
        if let Decision::Offer { offer, kind: OfferKind::SteppingStone { stone, .. }, .. } = &self.decision
            && !offer.version.is_same_release(&stone.by.clone().into())
        {
            writeln!(
                f,
                "  the image of this stepping stone is {}, and the stone names {}",
                offer.version, stone.by
            )?;
        }
        write!(f, "  => {}", self.decision)?;
        // If only one assignment was tried, its mismatch is in the line above.
        let tried = self
            .steps
            .iter()
            .filter(|step| !matches!(step, Step::Rule { .. } | Step::Module { .. } | Step::Alias { .. }))
            .count();
        let said = self.decision.to_string();
        match self.first_cause().filter(|cause| tried > 1 && *cause != said) {
            Some(cause) => write!(f, "\n  first cause: {cause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule } => write!(f, "rule {rule}"),
            Self::Alias { alias } => write!(f, "alias: {alias}"),
            Self::Module { how: ModuleMatch::UpdateType } => {
                f.write_str("the file name of the module is the name of an update type")
            }
            Self::Module { how: ModuleMatch::FileName } => {
                f.write_str("a package of this rule contains a file with the name of the module:")
            }
            Self::Module { how: ModuleMatch::OnlyOneLeft } => f.write_str(
                "the name of the module is not the name of an update type, and only one rule is left for it:",
            ),
            Self::NearestRule { rule, differences } => {
                write!(f, "no rule matches the device; the nearest is {rule}")?;
                differences.iter().try_for_each(|difference| {
                    let Difference { field, rule, device } = difference;
                    write!(f, ", for {field} {rule}, where the device says {}", device.escape_debug())
                })
            }
            Self::NoRules => f.write_str("there are no rules"),
            Self::Assignment { assignment, mismatch, share, test_device } => {
                let version = &assignment.candidate.version;
                match (assignment.role(), &assignment.rollout) {
                    (Role::Pin, _) => write!(f, "pinned {version}: for {}", assignment.audience)?,
                    (Role::Pending, _) => write!(f, "pending {version}")?,
                    (Role::Approved, _) => write!(f, "approved {version}: for all devices of this rule")?,
                    (Role::Rollout, rollout) => {
                        let name = rollout.as_ref().map_or("", |rollout| rollout.name.as_str());
                        write!(f, "rollout {name} of {version}: for ")?;
                        if *share != Percent::ALL {
                            write!(f, "{share} of ")?;
                        }
                        assignment.audience.fmt(f)?;
                    }
                }
                match mismatch {
                    None if assignment.audience == Audience::TestDevices => {
                        write!(f, ": the device is the test device {}", test_device.unwrap_or_default())
                    }
                    None => Ok(()),
                    Some(Mismatch::NoTestDevice) => f.write_str(": the device is not a test device"),
                    Some(Mismatch::OtherDevice) => f.write_str(": this is another device"),
                    Some(Mismatch::NotOnList) => f.write_str(": the device is not on its list"),
                    Some(Mismatch::Predicate { part }) => write!(f, ": the {part} of the device differs"),
                    Some(Mismatch::Share { position: Some(position) }) => {
                        write!(f, ": the device is included from {} on", position.first_share())
                    }
                    Some(Mismatch::Share { position: None }) => f.write_str(
                        ": the device names neither MAC address nor serial number, so it is included last",
                    ),
                    Some(Mismatch::Paused) => f.write_str(": it is paused"),
                }
            }
            Self::Unreadable { cause } => write!(f, "{cause}"),
            Self::NotInScheme { scheme, installed } => {
                write!(f, "the version scheme `{scheme}` cannot read {:?}", installed.as_str())
            }
            Self::SteppingStone { stone, is_pending, test_device } => {
                write!(f, "stepping stone: below {} goes by {}", stone.below, stone.by)?;
                match (is_pending, test_device) {
                    (false, _) => Ok(()),
                    (true, Some(name)) => {
                        write!(f, ", and the image is pending: the device is the test device {name}")
                    }
                    (true, None) => {
                        f.write_str(", and the image is pending: the device is not a test device")
                    }
                }
            }
        }
    }
}
