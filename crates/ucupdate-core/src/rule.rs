//! A rule: an ordered list of assignments, and the moves on it.
//!
//! The original keeps three versions a rule: pending, approved and rollback. Here the first two are assignments, each an
//! audience and a version, and a device gets the first whose audience holds it; [`Rule::pending`] and
//! [`Rule::approved`] are views of the list, so that audiences between "the test devices" and "everybody" need no new
//! machinery.

use crate::{PackageId, ReportedVersion, RuleKey};

/// Who an assignment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Audience {
    /// The test devices: what they get is pending.
    TestDevices,
    /// Every device the rule is for: what they get is approved.
    Everybody,
}

/// A version a rule refers to, and the package that brought its files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Candidate {
    /// The version.
    pub version: ReportedVersion,
    /// The package its files came in.
    pub package: PackageId,
}

/// An audience and what it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Assignment {
    /// Who gets it.
    pub audience: Audience,
    /// What they get.
    pub candidate: Candidate,
}

/// When a version is offered to a device that has another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum OfferRule {
    /// Whenever it differs, even if it is older: the original's way, and how rolling back reaches devices.
    #[default]
    Different,
    /// Only when it is newer.
    Newer,
}

/// How a rule treats what devices say of their version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OfferPolicy {
    /// When a version is offered.
    #[cfg_attr(feature = "serde", serde(default))]
    pub offer: OfferRule,
    /// Whether a device whose version cannot be read is offered one all the same.
    #[cfg_attr(feature = "serde", serde(default))]
    pub unreadable: bool,
}

/// What devices of one kind get.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rule {
    key: RuleKey,
    assignments: Vec<Assignment>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    rollback: Option<Candidate>,
    #[cfg_attr(feature = "serde", serde(default))]
    policy: OfferPolicy,
}

impl Rule {
    /// A rule that assigns nothing yet.
    pub fn new(key: RuleKey) -> Self {
        Self { key, assignments: Vec::new(), rollback: None, policy: OfferPolicy::default() }
    }

    /// What the rule is for, in the spelling of the first ingest.
    pub fn key(&self) -> &RuleKey {
        &self.key
    }

    /// The assignments, in the order they are tried.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// How it treats what devices say of their version.
    pub fn policy(&self) -> OfferPolicy {
        self.policy
    }

    /// The version only test devices get, if one waits for approval.
    pub fn pending(&self) -> Option<&Candidate> {
        self.assigned(Audience::TestDevices)
    }

    /// The version everybody gets.
    pub fn approved(&self) -> Option<&Candidate> {
        self.assigned(Audience::Everybody)
    }

    /// The version that was approved before.
    pub fn rollback(&self) -> Option<&Candidate> {
        self.rollback.as_ref()
    }

    /// Pending, approved and rollback, those there are.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.assignments.iter().map(|assignment| &assignment.candidate).chain(&self.rollback)
    }

    /// Makes `candidate` pending and gives the one it replaces.
    pub fn propose(&mut self, candidate: Candidate) -> Option<Candidate> {
        self.assign(Audience::TestDevices, Some(candidate))
    }

    /// Approves what is pending: it goes to everybody, and what everybody had can be rolled back to.
    ///
    /// # Errors
    /// When nothing is pending.
    pub fn approve(&mut self) -> Result<Approved, RuleError> {
        let Some(candidate) = self.assign(Audience::TestDevices, None) else {
            return Err(RuleError::NothingPending);
        };
        let before = self.assign(Audience::Everybody, Some(candidate.clone()));
        let older = before.as_ref().is_some_and(|before| {
            matches!((candidate.version.readable(), before.version.readable()),
                (Some(new), Some(old)) if new < old && !new.same_release(old))
        });
        self.rollback.clone_from(&before);
        Ok(Approved { version: candidate.version, before: before.map(|before| before.version), older })
    }

    /// Rejects what is pending, and gives it.
    ///
    /// # Errors
    /// When nothing is pending.
    pub fn reject(&mut self) -> Result<Candidate, RuleError> {
        self.assign(Audience::TestDevices, None).ok_or(RuleError::NothingPending)
    }

    /// Rolls back: everybody gets what was approved before, or nothing when there is none. Gives what they had and
    /// what they get.
    ///
    /// # Errors
    /// When neither an approved nor an earlier version is there.
    pub fn roll_back(&mut self) -> Result<RolledBack, RuleError> {
        let to = self.rollback.take();
        if to.is_none() && self.approved().is_none() {
            return Err(RuleError::NothingToRollBack);
        }
        let from = self.assign(Audience::Everybody, to.clone());
        Ok(RolledBack {
            from: from.map(|candidate| candidate.version),
            to: to.map(|candidate| candidate.version),
        })
    }

    /// Sets how it treats what devices say of their version, and gives what held before.
    pub fn set_policy(&mut self, policy: OfferPolicy) -> OfferPolicy {
        std::mem::replace(&mut self.policy, policy)
    }

    fn assigned(&self, audience: Audience) -> Option<&Candidate> {
        let mut assignments = self.assignments.iter();
        assignments.find(|assignment| assignment.audience == audience).map(|assignment| &assignment.candidate)
    }

    /// Puts the candidate in the audience's place, or clears the place, and gives what was there. The test devices
    /// come first, everybody last.
    fn assign(&mut self, audience: Audience, candidate: Option<Candidate>) -> Option<Candidate> {
        let place = self.assignments.iter().position(|assignment| assignment.audience == audience);
        let before = place.map(|place| self.assignments.remove(place).candidate);
        if let Some(candidate) = candidate {
            let place = match audience {
                Audience::TestDevices => 0,
                Audience::Everybody => self.assignments.len(),
            };
            self.assignments.insert(place, Assignment { audience, candidate });
        }
        before
    }
}

/// What approving did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approved {
    /// The version everybody gets now.
    pub version: ReportedVersion,
    /// The one they got before.
    pub before: Option<ReportedVersion>,
    /// Whether the new one is older than that: allowed, and worth a warning.
    pub older: bool,
}

/// What rolling back did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolledBack {
    /// The version everybody got.
    pub from: Option<ReportedVersion>,
    /// The version everybody gets now; none means nothing is offered.
    pub to: Option<ReportedVersion>,
}

/// Why a rule did not make a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Approve or reject without a pending version.
    #[error("no version is pending")]
    NothingPending,
    /// Roll back with neither an approved nor an earlier version.
    #[error("no version is approved and none was before, so there is nothing to roll back")]
    NothingToRollBack,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sha256Digest;
    use proptest::prelude::*;

    fn candidate(version: &str) -> Candidate {
        Candidate {
            version: ReportedVersion::new(version),
            package: PackageId::of(&Sha256Digest::new([7; 32])),
        }
    }

    fn rule() -> Rule {
        Rule::new("UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().unwrap())
    }

    /// Pending, approved, rollback as text, `-` for none.
    fn state(rule: &Rule) -> [String; 3] {
        [rule.pending(), rule.approved(), rule.rollback()]
            .map(|candidate| candidate.map_or("-".into(), |candidate| candidate.version.to_string()))
    }

    #[test]
    fn a_version_goes_from_pending_to_approved_and_the_one_before_to_rollback() {
        let mut rule = rule();
        assert_eq!(rule.propose(candidate("1.0")), None);
        assert_eq!(state(&rule), ["1.0", "-", "-"]);
        rule.approve().unwrap();
        assert_eq!(state(&rule), ["-", "1.0", "-"]);
        rule.propose(candidate("2.0"));
        assert_eq!(rule.propose(candidate("2.1")).unwrap().version.as_str(), "2.0");
        assert_eq!(state(&rule), ["2.1", "1.0", "-"]);
        rule.approve().unwrap();
        assert_eq!(state(&rule), ["-", "2.1", "1.0"]);
    }

    #[test]
    fn rejecting_clears_only_what_is_pending() {
        let mut rule = rule();
        rule.propose(candidate("1.0"));
        rule.approve().unwrap();
        rule.propose(candidate("2.0"));
        assert_eq!(rule.reject().unwrap().version.as_str(), "2.0");
        assert_eq!(state(&rule), ["-", "1.0", "-"]);
    }

    #[test]
    fn rolling_back_without_an_earlier_version_clears_the_rule() {
        let mut rule = rule();
        rule.propose(candidate("1.0"));
        rule.approve().unwrap();
        let rolled = rule.roll_back().unwrap();
        assert_eq!((rolled.from.unwrap().as_str(), rolled.to), ("1.0", None));
        assert_eq!(state(&rule), ["-", "-", "-"]);
        assert_eq!(rule.roll_back(), Err(RuleError::NothingToRollBack));
    }

    #[test]
    fn moves_in_the_wrong_state_are_refused_with_their_own_reason() {
        let mut rule = rule();
        assert_eq!(rule.approve(), Err(RuleError::NothingPending));
        assert_eq!(rule.reject(), Err(RuleError::NothingPending));
        assert_eq!(rule.roll_back(), Err(RuleError::NothingToRollBack));
        assert_eq!(rule, self::rule());
    }

    #[test]
    fn approving_something_older_is_allowed_and_said() {
        let mut rule = rule();
        rule.propose(candidate("2.0"));
        assert!(!rule.approve().unwrap().older);
        rule.propose(candidate("1.9.9"));
        assert!(rule.approve().unwrap().older);
    }

    proptest! {
        #[test]
        fn rolling_back_undoes_approving(first in "[1-9]\\.[0-9]", second in "[1-9]\\.[0-9]") {
            let mut rule = rule();
            rule.propose(candidate(&first));
            rule.approve().unwrap();
            let before = rule.approved().cloned();
            rule.propose(candidate(&second));
            rule.approve().unwrap();
            rule.roll_back().unwrap();
            prop_assert_eq!(rule.approved().cloned(), before);
        }
    }
}
