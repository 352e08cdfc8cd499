//! Different images of one rule whose versions are one release in the scheme of the rule.

use crate::book::ban::BanScope;
use crate::book::package::package::Release;
use crate::book::package::releases::ReleasesByRule;
use crate::book::rule::RuleKey;
use crate::book::rule_book::RuleBook;
use crate::value::Sha256Digest;
use crate::version::{ReportedVersion, VersionScheme};

/// Two different images of a rule whose versions are one release, such as `2.0.1.44.9` and `2.0.1.44.09`.
///
/// A device with one of the images is not offered the other one, except if the policy of the rule is
/// [`SameRelease::Exact`](crate::book::SameRelease::Exact).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OneRelease {
    /// The rule that has both images.
    pub rule: RuleKey,
    /// The scheme in which both versions are one release.
    pub scheme: VersionScheme,
    /// The version and the SHA-256 of the image that the rule uses, or else of the image that was ingested
    /// last.
    pub kept: (ReportedVersion, Sha256Digest),
    /// The version and the SHA-256 of the other image.
    pub other: (ReportedVersion, Sha256Digest),
}

impl OneRelease {
    /// Returns the command line of `ucupdate` that bans the [`other`](Self::other) image.
    pub fn ban_command(&self) -> String {
        let reason = format!("{} is the same release", self.kept.0);
        let scope = BanScope::Image(self.other.1);
        scope.lift_command().replacen("ban lift", "ban add", 1) + &format!(" --reason \"{reason}\"")
    }
}

impl RuleBook {
    /// Returns the pairs of different images of a rule that are one release in the scheme of the rule. Banned images do not
    /// count.
    pub fn one_releases(&self) -> Vec<OneRelease> {
        let releases = ReleasesByRule::of(self);
        let mut found = Vec::new();
        for rule in self.rules() {
            let (key, policy) = (rule.key(), rule.policy());
            let of_rule: Vec<_> = releases.of_rule(key).map(|(id, release)| (*id, *release)).collect();
            let is_used = |id, version: &ReportedVersion| {
                rule.candidates().any(|used| used.package == id && used.version == *version)
            };
            for (number, (id, one)) in of_rule.iter().enumerate() {
                for (other_id, other) in of_rule.iter().skip(number + 1) {
                    let is_pair = policy.scheme.is_same_release(&one.version, &other.version)
                        && one.files.image.sha256 != other.files.image.sha256
                        && [one, other].iter().all(|release| self.ban_of(key, policy, release).is_none());
                    if !is_pair {
                        continue;
                    }
                    let at = |id| self.package(id).map(|package| package.ingested_at);
                    let order = |id, version: &ReportedVersion| (is_used(id, version), at(id));
                    let is_first = order(*id, &one.version) >= order(*other_id, &other.version);
                    let (kept, other) = if is_first { (one, other) } else { (other, one) };
                    let named = |release: &Release| (release.version.clone(), release.files.image.sha256);
                    found.push(OneRelease {
                        rule: key.clone(),
                        scheme: policy.scheme.clone(),
                        kept: named(kept),
                        other: named(other),
                    });
                }
            }
        }
        found
    }
}
