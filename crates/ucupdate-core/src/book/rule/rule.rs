//! A rule: an ordered list of assignments, and the operations on the list.
//!
//! The original has three versions for each rule: pending, approved and rollback. Here the pending and the approved
//! version are assignments. A device gets the version of the first assignment whose audience contains it.
//! [`Rule::pending`] and [`Rule::approved`] look up these assignments. Other audiences, such as groups, are further
//! assignments in the same list.

use super::assignment::{Assignment, Audience, Candidate, Role};
use super::effect::{Approved, RolledBack};
use super::rule_error::RuleError;
#[cfg(feature = "serde")]
use crate::book::delta::KnownTexts;
use crate::book::rollout::{Rollout, RolloutName, Share};
use crate::book::rule::policy::OfferPolicy;
use crate::book::rule::rule_key::RuleKey;
use crate::version::ReportedVersion;

/// The versions for the devices of one kind and one update type, and the policy of their offers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rule {
    key: RuleKey,
    assignments: Vec<Assignment>,
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    rollback: Option<Box<Candidate>>,
    #[cfg_attr(feature = "serde", serde(default))]
    policy: BoxedPolicy,
    /// The rejected versions. An ingest does not make them pending again.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    rejected: Vec<ReportedVersion>,
}

/// The policy of a rule. Nearly all rules have the default policy, which takes no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(from = "OfferPolicy"))]
struct BoxedPolicy(Option<Box<OfferPolicy>>);

impl Rule {
    /// Creates a rule without assignments.
    pub fn new(key: RuleKey) -> Self {
        Self {
            key,
            assignments: Vec::new(),
            rollback: None,
            policy: BoxedPolicy::default(),
            rejected: Vec::new(),
        }
    }

    /// Returns the key of the rule, in the spelling of the first ingest.
    pub fn key(&self) -> &RuleKey {
        &self.key
    }

    /// Replaces the key by an equal key with the same spelling, so that both share the memory of their words. Frees
    /// unused memory, and lets equal versions share their memory.
    #[cfg(feature = "serde")]
    pub(in crate::book) fn compact(&mut self, key: &RuleKey, known: &mut KnownTexts) {
        if self.key.words() == key.words() {
            self.key = key.clone();
        }
        self.assignments.shrink_to_fit();
        let assigned = self.assignments.iter_mut().map(|assignment| &mut assignment.candidate);
        for candidate in assigned.chain(self.rollback.as_deref_mut()) {
            known.share_version(&mut candidate.version);
        }
    }

    /// Returns the assignments in the order in which they are tried.
    pub fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// Returns the policy: how versions are compared, and when they are offered. It is the default if none was set.
    pub fn policy(&self) -> &OfferPolicy {
        &self.policy
    }

    /// Returns the pending version, which only test devices get. `None` if no version is pending.
    pub fn pending(&self) -> Option<&Candidate> {
        self.in_role(Role::Pending)
    }

    /// Returns the approved version, which is for all devices. `None` if no version is approved.
    pub fn approved(&self) -> Option<&Candidate> {
        self.in_role(Role::Approved)
    }

    /// Returns the version that was approved before. A roll back approves it again. `None` if no such
    /// version is kept.
    pub fn rollback(&self) -> Option<&Candidate> {
        self.rollback.as_deref()
    }

    /// Returns the rejected versions, in the order of their rejection. An ingest does not make them pending again.
    pub fn rejected(&self) -> &[ReportedVersion] {
        &self.rejected
    }

    /// Returns whether a version was rejected and the rejection was not withdrawn.
    pub fn is_rejected(&self, version: &ReportedVersion) -> bool {
        self.rejected.iter().any(|rejected| self.policy.is_same_release(rejected, version))
    }

    /// Returns the rollouts in the order in which they are tried.
    pub fn rollouts(&self) -> impl Iterator<Item = (&Assignment, &Rollout)> {
        self.assignments.iter().filter_map(|assignment| Some((assignment, assignment.rollout.as_deref()?)))
    }

    /// Returns the rollout with this name and its assignment. Case of ASCII letters does not matter in names.
    pub fn rollout(&self, name: &RolloutName) -> Option<(&Assignment, &Rollout)> {
        self.rollouts().find(|(_, rollout)| rollout.name == *name)
    }

    /// Returns the pins in the order in which they are tried.
    pub fn pins(&self) -> impl Iterator<Item = &Assignment> {
        self.assignments.iter().filter(|assignment| assignment.role() == Role::Pin)
    }

    /// Returns every version that the rule assigns, and the version that it can roll back to.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.assignments.iter().map(|assignment| &assignment.candidate).chain(self.rollback())
    }

    /// Makes `candidate` pending and returns the version that it replaces. `None` if no version was
    /// pending.
    pub fn propose(&mut self, candidate: Candidate) -> Option<Candidate> {
        self.assign(Audience::TestDevices, Some(candidate))
    }

    /// Approves the pending version for all devices, and ends the rollouts of this release and of older
    /// releases. A roll back restores the version that was approved before.
    ///
    /// # Errors
    /// Returns an error if nothing is pending.
    pub fn approve(&mut self) -> Result<Approved, RuleError> {
        let Some(candidate) = self.assign(Audience::TestDevices, None) else {
            return Err(RuleError::NothingPending);
        };
        self.withdraw_rejection(&candidate.version);
        let before = self.assign(Audience::Everybody, Some(candidate.clone()));
        let older =
            before.as_ref().is_some_and(|before| self.policy.is_older(&candidate.version, &before.version));
        // Approving the approved version again does not change the version for roll back.
        if before.as_ref() != Some(&candidate) {
            self.rollback = before.clone().map(Box::new);
        }
        let policy = &self.policy;
        let mut finished = Vec::new();
        self.assignments.retain(|assignment| match &assignment.rollout {
            Some(rollout)
                if policy.is_same_release(&assignment.candidate.version, &candidate.version)
                    || policy.is_older(&assignment.candidate.version, &candidate.version) =>
            {
                finished.push((rollout.name.clone(), assignment.candidate.version.clone()));
                false
            }
            _ => true,
        });
        Ok(Approved {
            version: candidate.version,
            before: before.map(|before| before.version),
            older,
            finished,
        })
    }

    /// Approves a version that a package contains. Another pending version stays pending.
    ///
    /// # Errors
    /// This function never fails. Its result type is that of [`approve`](Self::approve).
    pub fn approve_version(&mut self, candidate: Candidate) -> Result<Approved, RuleError> {
        let pending = self.assign(Audience::TestDevices, Some(candidate.clone()));
        let approved = self.approve();
        let is_same = |pending: &Candidate| self.policy.is_same_release(&pending.version, &candidate.version);
        if let Some(pending) = pending.filter(|pending| !is_same(pending)) {
            self.assign(Audience::TestDevices, Some(pending));
        }
        approved
    }

    /// Rejects the pending version and returns it. The rule remembers that the version is rejected.
    ///
    /// # Errors
    /// Returns an error if nothing is pending.
    pub fn reject(&mut self) -> Result<Candidate, RuleError> {
        let rejected = self.assign(Audience::TestDevices, None).ok_or(RuleError::NothingPending)?;
        if !self.is_rejected(&rejected.version) {
            self.rejected.push(rejected.version.clone());
        }
        Ok(rejected)
    }

    /// Takes over the rejections of a later state of the rule. If the pending version is rejected in that
    /// state, it does not stay pending.
    pub(crate) fn keep_rejections(&mut self, later: &Self) {
        self.rejected.clone_from(&later.rejected);
        if self.pending().is_some_and(|pending| self.is_rejected(&pending.version)) {
            self.assign(Audience::TestDevices, None);
        }
    }

    /// Withdraws the rejection of a version. Returns whether the version was rejected.
    pub fn withdraw_rejection(&mut self, version: &ReportedVersion) -> bool {
        let before = self.rejected.len();
        let policy = &self.policy;
        self.rejected.retain(|rejected| !policy.is_same_release(rejected, version));
        self.rejected.len() != before
    }

    /// Rolls back to the version that was approved before. Returns the former version of all devices and the new one.
    ///
    /// # Errors
    /// Returns an error if no version was approved before.
    pub fn roll_back(&mut self) -> Result<RolledBack, RuleError> {
        let Some(to) = self.rollback.take().map(|to| *to) else {
            return Err(match self.approved() {
                Some(approved) => RuleError::NoEarlierVersion { approved: approved.version.clone() },
                None => RuleError::NothingToRollBack,
            });
        };
        let from = self.assign(Audience::Everybody, Some(to.clone()));
        Ok(RolledBack { from: from.map(|candidate| candidate.version), to: Some(to.version) })
    }

    /// Withdraws the approved version, so that no version is approved. The earlier version is kept for roll back.
    ///
    /// # Errors
    /// Returns an error if no version is approved.
    pub fn roll_back_to_nothing(&mut self) -> Result<RolledBack, RuleError> {
        let from = self.assign(Audience::Everybody, None).ok_or(RuleError::NothingToRollBack)?;
        Ok(RolledBack { from: Some(from.version), to: None })
    }

    /// Sets the offer policy and returns the previous one.
    pub fn set_policy(&mut self, policy: OfferPolicy) -> OfferPolicy {
        std::mem::replace(&mut self.policy, policy.into()).into()
    }

    /// Pins a device or a group to a version. Returns the version of its previous pin, or `None` if it had
    /// no pin.
    ///
    /// # Errors
    /// Returns an error if the audience is the test devices or all devices.
    pub fn pin(&mut self, audience: Audience, candidate: Candidate) -> Result<Option<Candidate>, RuleError> {
        match audience {
            Audience::Device(_) | Audience::Group(_) => Ok(self.assign(audience, Some(candidate))),
            Audience::TestDevices | Audience::Everybody => Err(RuleError::NotPinnable),
        }
    }

    /// Removes a pin and returns its version.
    ///
    /// # Errors
    /// Returns an error if the audience has no pin.
    pub fn unpin(&mut self, audience: &Audience) -> Result<Candidate, RuleError> {
        let pinned = matches!(audience, Audience::Device(_) | Audience::Group(_));
        let pin = if pinned { self.assign(audience.clone(), None) } else { None };
        pin.ok_or_else(|| RuleError::NoPin { audience: audience.clone() })
    }

    /// Starts a rollout to a group or to all devices. Existing rollouts have priority.
    ///
    /// # Errors
    /// Returns an error if another rollout has this name, or if the audience is a device or the test devices.
    pub fn start_rollout(
        &mut self,
        audience: Audience,
        candidate: Candidate,
        rollout: Rollout,
    ) -> Result<(), RuleError> {
        if !matches!(audience, Audience::Group(_) | Audience::Everybody) {
            return Err(RuleError::NotForRollout);
        }
        if self.rollout(&rollout.name).is_some() {
            return Err(RuleError::RolloutNameTaken { name: rollout.name });
        }
        let place = self.place_after(Role::Rollout);
        self.assignments.insert(place, Assignment { audience, candidate, rollout: Some(Box::new(rollout)) });
        Ok(())
    }

    /// Changes the share of a rollout and returns the previous share.
    ///
    /// # Errors
    /// Returns an error if no rollout has this name.
    pub fn set_share(&mut self, name: &RolloutName, share: Share) -> Result<Share, RuleError> {
        self.rollout_mut(name).map(|rollout| std::mem::replace(&mut rollout.share, share))
    }

    /// Pauses a rollout. Its version is offered to no device, and devices that have the version keep it.
    ///
    /// # Errors
    /// Returns an error if no rollout has this name, or if it is paused already.
    pub fn pause_rollout(&mut self, name: &RolloutName, why: &str) -> Result<(), RuleError> {
        let rollout = self.rollout_mut(name)?;
        if rollout.paused.is_some() {
            return Err(RuleError::Paused { name: rollout.name.clone() });
        }
        rollout.paused = Some(why.into());
        Ok(())
    }

    /// Resumes a paused rollout and returns the reason of the pause.
    ///
    /// # Errors
    /// Returns an error if no rollout has this name, or if it is not paused.
    pub fn resume_rollout(&mut self, name: &RolloutName) -> Result<Box<str>, RuleError> {
        let rollout = self.rollout_mut(name)?;
        match rollout.paused.take() {
            Some(reason) => Ok(reason),
            None => Err(RuleError::NotPaused { name: rollout.name.clone() }),
        }
    }

    /// Ends a rollout without approving its version, and returns the version. Devices that already have the
    /// version are then treated as if there had been no rollout.
    ///
    /// # Errors
    /// Returns an error if no rollout has this name.
    pub fn end_rollout(&mut self, name: &RolloutName) -> Result<Candidate, RuleError> {
        let at = self.rollout_at(name)?;
        Ok(self.assignments.remove(at).candidate)
    }

    /// Ends a rollout and approves its version for all devices.
    ///
    /// # Errors
    /// Returns an error if no rollout has this name, or if the rollout is paused. Its
    /// [`Guard`](crate::book::Guard) may have paused it without the caller's knowledge.
    pub fn finish_rollout(&mut self, name: &RolloutName) -> Result<Approved, RuleError> {
        if let Some((_, rollout)) = self.rollout(name)
            && rollout.paused.is_some()
        {
            return Err(RuleError::FinishPaused { name: rollout.name.clone() });
        }
        let candidate = self.end_rollout(name)?;
        self.approve_version(candidate)
    }

    fn rollout_at(&self, name: &RolloutName) -> Result<usize, RuleError> {
        let named = |assignment: &Assignment| {
            assignment.rollout.as_ref().is_some_and(|rollout| rollout.name == *name)
        };
        let at = self.assignments.iter().position(named);
        at.ok_or_else(|| RuleError::NoRollout { name: name.clone() })
    }

    fn rollout_mut(&mut self, name: &RolloutName) -> Result<&mut Rollout, RuleError> {
        let at = self.rollout_at(name)?;
        let rollout = self.assignments.get_mut(at).and_then(|assignment| assignment.rollout.as_deref_mut());
        rollout.ok_or_else(|| RuleError::NoRollout { name: name.clone() })
    }

    fn in_role(&self, role: Role) -> Option<&Candidate> {
        let mut assignments = self.assignments.iter();
        assignments.find(|assignment| assignment.role() == role).map(|assignment| &assignment.candidate)
    }

    /// Returns the index at which an assignment of this role is inserted: after all assignments of the same role
    /// and of roles that are tried earlier.
    fn place_after(&self, role: Role) -> usize {
        self.assignments
            .iter()
            .position(|assignment| assignment.role() > role)
            .unwrap_or(self.assignments.len())
    }

    /// Sets the version of an audience, or removes it if `candidate` is `None`. Returns the previous
    /// version. Rollouts do not change. Pins are sorted by their audiences.
    fn assign(&mut self, audience: Audience, candidate: Option<Candidate>) -> Option<Candidate> {
        let is_its =
            |assignment: &Assignment| assignment.rollout.is_none() && assignment.audience == audience;
        let place = self.assignments.iter().position(is_its);
        let before = place.map(|place| self.assignments.remove(place).candidate);
        if let Some(candidate) = candidate {
            let assignment = Assignment::plain(audience, candidate);
            let order = |assignment: &Assignment| (assignment.role(), assignment.audience.clone());
            let place = match assignment.role() {
                Role::Pin => self.assignments.partition_point(|there| order(there) < order(&assignment)),
                role => self.place_after(role),
            };
            self.assignments.insert(place, assignment);
        }
        before
    }
}

impl std::ops::Deref for BoxedPolicy {
    type Target = OfferPolicy;

    fn deref(&self) -> &OfferPolicy {
        static DEFAULT: OfferPolicy = OfferPolicy::DEFAULT;
        self.0.as_deref().unwrap_or(&DEFAULT)
    }
}

impl From<OfferPolicy> for BoxedPolicy {
    fn from(policy: OfferPolicy) -> Self {
        Self((policy != OfferPolicy::DEFAULT).then(|| Box::new(policy)))
    }
}

impl From<BoxedPolicy> for OfferPolicy {
    fn from(policy: BoxedPolicy) -> Self {
        policy.0.map_or(Self::DEFAULT, |policy| *policy)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for BoxedPolicy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OfferPolicy::serialize(self, serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{PackageId, Sha256Digest};
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

    /// Returns three versions of a rule as text: the pending, the approved and the rollback version. A `-` stands for a missing one.
    fn state(rule: &Rule) -> [String; 3] {
        [rule.pending(), rule.approved(), rule.rollback()]
            .map(|candidate| candidate.map_or("-".into(), |candidate| candidate.version.to_string()))
    }

    proptest! {
        #[test]
        fn approving_moves_each_version_on_and_rolling_back_undoes_it(
            first in "[1-9]\\.[0-9]", second in "[1-9]\\.[0-9]",
        ) {
            prop_assume!(first != second);
            let mut rule = rule();
            let has = |rule: &Rule, pending: &str, approved: &str, rollback: &str| {
                state(rule) == [pending, approved, rollback]
            };
            rule.propose(candidate(&first));
            prop_assert!(has(&rule, &first, "-", "-"));
            rule.approve().unwrap();
            rule.propose(candidate(&second));
            prop_assert!(has(&rule, &second, &first, "-"));
            let mut rejected = rule.clone();
            rejected.reject().unwrap();
            prop_assert!(has(&rejected, "-", &first, "-"), "rejecting clears only what is pending");
            rule.approve().unwrap();
            prop_assert!(has(&rule, "-", &second, &first));
            let mut withdrawn = rule.clone();
            withdrawn.roll_back_to_nothing().unwrap();
            prop_assert!(has(&withdrawn, "-", "-", &first), "it is kept for the next roll back");
            for mut rule in [rule, withdrawn] {
                rule.roll_back().unwrap();
                prop_assert!(has(&rule, "-", &first, "-"));
            }
        }
    }
}
