//! Bans: versions and images that are offered to no device.

use crate::book::package::Release;
use crate::book::rule::{OfferPolicy, RuleKey, RulePattern};
use crate::book::rule_book::RuleBook;
use crate::value::shell_word;
use crate::value::{ParseError, ParseErrorKind, Sha256Digest};
use crate::version::ReportedVersion;
use std::fmt;
use std::str::FromStr;

/// A ban and its reason.
///
/// A banned version is offered to no device, not even to test devices. A ban stays in force until it is lifted.
/// Ingests, rollouts and roll backs to earlier revisions do not lift it.
///
/// A ban of a version is for rules. If its pattern matches a word that an alias replaces, the version is
/// banned in the rule to which the alias leads, and so for every device of that rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ban {
    /// The versions or the image that are banned.
    pub scope: BanScope,
    /// The reason, as text for people.
    pub reason: Box<str>,
}

impl Ban {
    /// Creates a ban. The reason may be empty.
    pub fn new(scope: BanScope, reason: &str) -> Self {
        Self { scope, reason: reason.into() }
    }
}

impl RuleBook {
    /// Returns the ban that prevents a rule from offering a release. `None` if no ban does.
    pub fn ban_of(&self, rule: &RuleKey, policy: &OfferPolicy, release: &Release) -> Option<&Ban> {
        self.bans().find(|ban| self.is_banned_by(ban, rule, policy, release))
    }

    /// Returns whether a ban applies to a release of a rule.
    pub(crate) fn is_banned_by(
        &self,
        ban: &Ban,
        rule: &RuleKey,
        policy: &OfferPolicy,
        release: &Release,
    ) -> bool {
        self.is_image_banned_by(ban, rule, policy, &release.version, release.files.image.sha256)
    }

    /// Returns whether a ban applies to an image that a rule offers as `version`. A ban of a version applies if its
    /// pattern [covers](Self::covers) the rule, also by words that aliases replace.
    pub(crate) fn is_image_banned_by(
        &self,
        ban: &Ban,
        rule: &RuleKey,
        policy: &OfferPolicy,
        version: &ReportedVersion,
        image: Sha256Digest,
    ) -> bool {
        match &ban.scope {
            BanScope::Version { rules, version: banned } => {
                policy.is_same_release(banned, version) && self.covers(rules, rule)
            }
            BanScope::Image(digest) => *digest == image,
        }
    }
}

/// The versions or the image of a ban.
///
/// The text form is `UCPhone/Polycom/* 1.0.522.101`, or `sha256:` and 64 hexadecimal digits.
///
/// ```
/// use ucupdate_core::book::BanScope;
///
/// let scope: BanScope = "UCPhone/Polycom/CX* 1.0.522.101".parse().unwrap();
/// assert_eq!(scope.to_string(), "UCPhone/Polycom/CX*/*/*/* 1.0.522.101");
/// assert!(format!("sha256:{}", "ab".repeat(32)).parse::<BanScope>().is_ok());
/// assert!("1.0.522.101".parse::<BanScope>().is_err());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BanScope {
    /// A version in the rules that match a pattern.
    Version {
        /// The rules in which the version is banned.
        rules: RulePattern,
        /// The banned version. Other spellings of the same release are banned too.
        version: ReportedVersion,
    },
    /// An image with this SHA-256, in any rule and under any version.
    Image(Sha256Digest),
}

impl BanScope {
    /// Returns whether the text form of the scope can be read back as the same scope. It cannot if the version is
    /// empty or has blanks.
    pub(crate) fn can_be_stored(&self) -> bool {
        match (self, self.to_string().parse::<Self>()) {
            (Self::Version { rules, version }, Ok(Self::Version { rules: read_rules, version: read })) => {
                *rules == read_rules && version.as_str() == read.as_str()
            }
            (Self::Image(digest), Ok(Self::Image(read))) => *digest == read,
            _ => false,
        }
    }

    /// Returns whether the ban applies to no image, because its version is empty. Earlier programs stored such bans.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Version { version, .. } if version.as_str().trim().is_empty())
    }

    /// Returns the command line of `ucupdate` that lifts the ban of this scope.
    pub fn lift_command(&self) -> String {
        match self {
            Self::Version { rules, version } => {
                format!(
                    "ucupdate ban lift {} {}",
                    shell_word(&rules.to_string()),
                    shell_word(version.as_str())
                )
            }
            Self::Image(digest) => format!("ucupdate ban lift --image {digest}"),
        }
    }

    /// Returns the text form in lower case. Scopes are compared by this text.
    fn folded(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

// Versions with the same numbers are equal, but two bans may name them by different texts. A map needs keys that are equal
// exactly if their order says so.
impl PartialEq for BanScope {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BanScope {}

impl PartialOrd for BanScope {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BanScope {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl FromStr for BanScope {
    type Err = ParseError;

    /// Reads a pattern of rules and a version, as in `UCPhone/Polycom/* 1.0.522.101`, or `sha256:` and a
    /// digest.
    ///
    /// # Errors
    /// Returns an error if the text has neither form.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(digest) = text.strip_prefix("sha256:") {
            return Ok(Self::Image(digest.parse()?));
        }
        // A model may contain blanks, but a version that can be ordered does not.
        let malformed = || {
            let expected =
                "rules and a version as in `UCPhone/Polycom/* 1.0.522.101`, or `sha256:` and a digest";
            ParseError::quoting("ban scope", ParseErrorKind::Malformed, text, expected)
        };
        let (rules, version) = text.trim().rsplit_once(' ').ok_or_else(malformed)?;
        Ok(Self::Version { rules: rules.parse()?, version: ReportedVersion::new(version) })
    }
}

impl fmt::Display for BanScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { rules, version } => write!(f, "{rules} {version}"),
            Self::Image(digest) => write!(f, "sha256:{digest}"),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for BanScope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for BanScope {
    /// Reads the text form. Earlier programs also stored bans of an empty version, whose text ends with the blank before the
    /// version. Such a ban applies to no image, and can be lifted.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::value::stored_text::read(deserializer, |text| match text.strip_suffix(' ') {
            Some(rules) => Ok(Self::Version { rules: rules.parse()?, version: ReportedVersion::new("") }),
            None => text.parse::<Self>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::BookCommand;

    #[test]
    fn two_texts_of_one_version_are_two_bans_also_in_the_delta_of_a_book() {
        let mut book = RuleBook::default();
        for version in ["3.5.6907.0", "3.5.6907.00"] {
            let scope =
                BanScope::Version { rules: "*".parse().unwrap(), version: ReportedVersion::new(version) };
            let ban = BookCommand::Ban(Ban::new(scope, "calls drop"));
            book.apply(&book.command(&ban, "ann").unwrap().delta);
        }
        let mut read = RuleBook::default();
        read.apply(&book.to_delta());
        assert_eq!((read.bans().count(), &read), (2, &book));
    }

    #[test]
    #[cfg(feature = "serde")]
    fn a_stored_ban_of_an_empty_version_is_read_and_its_command_lifts_it() {
        for rules in ["UCPhone/Polycom/*/*/*/*", "UCPhone/Polycom/VVX 500/*/*/*"] {
            let stored = format!("\"{rules} \"");
            let scope: BanScope = serde_json::from_str(&stored).unwrap();
            let version = ReportedVersion::new("");
            assert_eq!(scope, BanScope::Version { rules: rules.parse().unwrap(), version });
            assert_eq!(serde_json::to_string(&scope).unwrap(), stored);
            assert_eq!(scope.lift_command(), format!("ucupdate ban lift \"{rules}\" \"\""));
        }
        assert!(serde_json::from_str::<BanScope>("\"UCPhone/Polycom/*/*/*/*\"").is_err());
    }
}
