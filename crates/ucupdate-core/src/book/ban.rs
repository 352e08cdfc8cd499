//! Bans: versions and images that are offered to no device.

use crate::book::package::Release;
use crate::book::policy::OfferPolicy;
use crate::book::rule_key::RuleKey;
use crate::book::rule_pattern::RulePattern;
use crate::book::stone::quoted;
use crate::value::{ParseError, ParseErrorKind, Sha256Digest};
use crate::version::ReportedVersion;
use std::fmt;
use std::str::FromStr;

/// A ban, and why it was made.
///
/// A banned version is offered to no device, not even to test devices. A ban stays in force through ingests, rollouts and
/// roll backs to earlier revisions, until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ban {
    /// The versions or the image that are banned.
    pub scope: BanScope,
    /// The reason, for people.
    pub reason: Box<str>,
}

impl Ban {
    /// Creates a ban.
    pub fn new(scope: BanScope, reason: &str) -> Self {
        Self { scope, reason: reason.into() }
    }

    /// Returns whether the ban applies to a release of a rule.
    pub fn holds(&self, rule: &RuleKey, policy: &OfferPolicy, release: &Release) -> bool {
        self.holds_image(rule, policy, &release.version, release.files.image.sha256)
    }

    /// Returns whether the ban applies to an image that a rule offers as this version.
    pub(crate) fn holds_image(
        &self,
        rule: &RuleKey,
        policy: &OfferPolicy,
        version: &ReportedVersion,
        image: Sha256Digest,
    ) -> bool {
        match &self.scope {
            BanScope::Version { rules, version: banned } => {
                policy.is_same_release(banned, version) && rules.holds(rule)
            }
            BanScope::Image(digest) => *digest == image,
        }
    }
}

/// The versions or the image that a ban is for.
///
/// Written `UCPhone/Polycom/* 1.0.522.101`, or `sha256:` and 64 hexadecimal digits.
///
/// ```
/// use ucupdate_core::book::BanScope;
///
/// let scope: BanScope = "UCPhone/Polycom/CX* 1.0.522.101".parse().unwrap();
/// assert_eq!(scope.to_string(), "UCPhone/Polycom/CX*/*/*/* 1.0.522.101");
/// assert!(format!("sha256:{}", "ab".repeat(32)).parse::<BanScope>().is_ok());
/// assert!("1.0.522.101".parse::<BanScope>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BanScope {
    /// A version in the rules that match a pattern.
    Version {
        /// The pattern of the rules.
        rules: RulePattern,
        /// The version.
        version: ReportedVersion,
    },
    /// An image with this SHA-256, in any rule and under any version.
    Image(Sha256Digest),
}

impl BanScope {
    /// Returns the command line of `ucupdate` that lifts the ban of this scope.
    pub fn lift_command(&self) -> String {
        match self {
            Self::Version { rules, version } => {
                format!("ucupdate ban lift {} {}", quoted(&rules.to_string()), quoted(version.as_str()))
            }
            Self::Image(digest) => format!("ucupdate ban lift --image {digest}"),
        }
    }

    /// Returns the text by which scopes are compared.
    fn folded(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

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

    /// Reads `RULES VERSION` or `sha256:DIGEST`.
    ///
    /// # Errors
    /// Returns an error if the text is neither. The error says what was expected.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(digest) = text.strip_prefix("sha256:") {
            return Ok(Self::Image(digest.parse()?));
        }
        // A model may hold blanks, a version that can be ordered does not.
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
crate::value::label::stored_as_text!(BanScope);
