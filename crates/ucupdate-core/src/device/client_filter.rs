//! A filter of the clients that may sign in, by type and version.
//!
//! In OCS, this filter belongs to the server that phones sign in to, and not to the update service. It is
//! called Client Version Filter (OCS 2007 R2) and later "client version policy". It matters for updates, because a
//! phone below the minimum is refused before it learns the address of the update service. An embedder can use it to
//! answer sign-ins, or to find the phones that a filter would refuse.
//!
//! | fact | mark | source |
//! |---|---|---|
//! | rules by user agent (`OC`, `OCPhone`, `CPE`, `UCCP`, `LMC`, ..., or any other name) | confirmed | "Configuring Client Version Filtering" (OCS 2007 R2); the table of user agents of Lync's client version policy |
//! | a version is major, minor, build and QFE number, each of which may be a wildcard | confirmed | `MSFT_SIPClientVersionFilterData`, the dialog "Add Version Filter" |
//! | comparisons: `<`, `<=`, `=`, `>=`, `>`; Lync has "is not" besides | confirmed | the same dialog; `New-CsClientVersionPolicyRule -CompareOp` |
//! | actions: allow, block, each alone, with a URL, or with an upgrade | confirmed | `New-CsClientVersionPolicyRule -Action`; OCS 2007 knew allow, block and block with a URL |
//! | upgrades are for `OC` only | confirmed | "Client Version Check" (Lync Server 2010) |
//! | rules have an order | confirmed | `RuleOrder` of `MSFT_SIPClientVersionFilterData`, `-Priority` |
//! | the first rule that matches the client decides | inferred | from the order |
//! | a client that no rule matches gets a default action, which is "allow" unless it is set | confirmed | `MSFT_SIPClientVersionFilterSetting.DefaultAction` |
//! | lowering the minimum of `OCPhone` to 1.0.199 lets old phones in to be updated | confirmed | administrators' reports |
//! | a user agent of several products matches by any of them | inferred | clients name their platform before themselves, and there are rules for both |
//! | a wildcard compares as if the client's part were left out | unknown | ours: `<=1.0.*` holds every 1.0 |
//! | a version that cannot be read matches no comparison | unknown | ours: it is never taken for 0.0.0.0 |

use crate::device::user_agent::{ClientProduct, UserAgent};
use crate::value::label::label;
use crate::value::parse_error::{Expected, ParseError};
use crate::version::FirmwareVersion;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

label!(
    /// The type of a client in its user agent, such as `OCPhone`, `OC` or `UCCP`.
    device::ClientType, "client type", "OCPhone"
);

/// An ordered list of rules, and the action for clients that match no rule.
///
/// ```
/// use ucupdate_core::device::{ClientAction, ClientFilter, UserAgent};
/// // The minimum is 1.0.199, so old phones may sign in and are updated.
/// let filter = ClientFilter {
///     rules: vec![
///         "OCPhone >=1.0.199".parse().unwrap(),
///         "OCPhone".parse::<ucupdate_core::device::ClientRule>().unwrap().with_action(ClientAction::Block),
///     ],
///     default_action: ClientAction::Allow,
/// };
/// let allows = |said: &str| filter.decide(&UserAgent::new(said)).action.allows();
/// assert!(allows("CPE/1.0.199.123 OCPhone/1.0.199.123 (an old phone)"));
/// assert!(!allows("CPE/1.0.198.0 OCPhone/1.0.198.0 (an older one)"));
/// assert!(allows("UCCAPI/3.5.6890.0 OC/3.5.6890.0 (no phone)"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientFilter {
    /// The rules. The first rule that matches a client decides.
    pub rules: Vec<ClientRule>,
    /// The action for clients that match no rule. The default of OCS is to allow.
    pub default_action: ClientAction,
}

/// A rule of a client filter: the action for clients of one type, and of some versions or all versions.
///
/// A rule that is parsed from a text such as `OCPhone >=1.0.199` has the action [`ClientAction::Allow`].
/// [`with_action`](Self::with_action) sets another action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ClientRule {
    /// The type of the client in its user agent, such as `OCPhone`.
    pub client_type: ClientType,
    /// The versions that the rule applies to. `None` means all versions, and also clients whose version is
    /// missing or cannot be read.
    pub versions: Option<ClientVersions>,
    /// The action for clients that match the rule.
    pub action: ClientAction,
}

/// The action of a client filter for one client: whether it may sign in, and which URL its user is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ClientAction {
    /// The client may sign in.
    #[default]
    Allow,
    /// The client may sign in, and its user is shown this URL.
    AllowWithUrl(Box<str>),
    /// The client may sign in, and is asked to upgrade itself. The original does this for the client type `OC` only.
    AllowAndUpgrade,
    /// The client may not sign in.
    Block,
    /// The client may not sign in, and its user is shown this URL.
    BlockWithUrl(Box<str>),
    /// The client may not sign in, and is asked to upgrade itself. The original does this for the client type `OC` only.
    BlockAndUpgrade,
}

/// The action of a filter for one client, and the rule that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientVerdict<'a> {
    /// The action of the first rule that matches, or the default action of the filter.
    pub action: &'a ClientAction,
    /// The index of the rule in [`ClientFilter::rules`]. `None` for the default action.
    pub rule: Option<usize>,
}

impl ClientFilter {
    /// Returns the action for a client with this user agent. The first rule that matches one of its products decides.
    pub fn decide(&self, client: &UserAgent) -> ClientVerdict<'_> {
        let rules = self.rules.iter().enumerate();
        let found =
            rules.into_iter().find(|(_, rule)| client.products().iter().any(|found| rule.holds(found)));
        match found {
            Some((index, rule)) => ClientVerdict { action: &rule.action, rule: Some(index) },
            None => ClientVerdict { action: &self.default_action, rule: None },
        }
    }
}

impl ClientRule {
    /// Sets the action for clients that match the rule. The action of a parsed rule is
    /// [`ClientAction::Allow`].
    #[must_use]
    pub fn with_action(self, action: ClientAction) -> Self {
        Self { action, ..self }
    }

    /// Returns whether the rule applies to a product of a user agent. The client type must be the same. If
    /// the rule has versions, the version of the product must be one of them.
    pub fn holds(&self, product: &ClientProduct) -> bool {
        let version = || product.version.as_ref()?.readable();
        self.client_type == product.client_type
            && self.versions.is_none_or(|versions| version().is_some_and(|version| versions.hold(version)))
    }
}

impl ClientAction {
    /// Returns whether the client may sign in.
    pub fn allows(&self) -> bool {
        match self {
            Self::Allow | Self::AllowWithUrl(_) | Self::AllowAndUpgrade => true,
            Self::Block | Self::BlockWithUrl(_) | Self::BlockAndUpgrade => false,
        }
    }

    /// Returns the URL that is shown to the user. `None` if the action has no URL.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::AllowWithUrl(url) | Self::BlockWithUrl(url) => Some(url),
            Self::Allow | Self::AllowAndUpgrade | Self::Block | Self::BlockAndUpgrade => None,
        }
    }
}

impl FromStr for ClientRule {
    type Err = ParseError;

    /// Reads a client type alone, or a client type, a blank and versions. Example: `OCPhone >=1.0.199`. The
    /// action of the rule is [`ClientAction::Allow`].
    ///
    /// # Errors
    /// Returns an error if the type is not a valid [label](crate::value::check_label), or the versions
    /// cannot be read.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let (client_type, versions) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let versions = Some(versions.trim()).filter(|versions| !versions.is_empty());
        Ok(Self {
            client_type: client_type.parse()?,
            versions: versions.map(str::parse).transpose()?,
            action: ClientAction::Allow,
        })
    }
}

/// The versions of a client that a rule matches, as one comparison such as `>=1.0.199` or `=1.0.*`.
///
/// # Syntax
/// A sign, and one to four numbers with full stops between them. The signs are `=`, `!=`, `>`, `>=`, `<`
/// and `<=`. Without a sign, `=` is meant. Numbers that are left out are wildcards: they are not compared.
/// A `.*` at the end changes nothing. For example, `=1.0.522` and `<=1.0.522` both match 1.0.522.98. The
/// original's filter works this way. In a [`VersionRange`](crate::version::VersionRange), by contrast, a
/// missing part is zero.
///
/// ```
/// use ucupdate_core::device::ClientVersions;
/// let versions: ClientVersions = "<=1.0.522.*".parse().unwrap();
/// assert!(versions.hold(&"1.0.522.98".parse().unwrap()));
/// assert!(!versions.hold(&"1.0.523.0".parse().unwrap()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientVersions {
    comparison: FilterComparison,
    /// The number of `parts` that are compared, 1 to 4. The other parts are wildcards.
    given: usize,
    parts: [u32; 4],
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum FilterComparison {
    Same,
    Other,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl ClientVersions {
    /// Returns whether a version satisfies the comparison.
    pub fn hold(&self, version: &FirmwareVersion) -> bool {
        let given = version.parts().chain(std::iter::repeat(0)).take(self.given);
        let order = given.cmp(self.parts.into_iter().take(self.given));
        match self.comparison {
            FilterComparison::Same => order == Ordering::Equal,
            FilterComparison::Other => order != Ordering::Equal,
            FilterComparison::Above => order == Ordering::Greater,
            FilterComparison::AtLeast => order != Ordering::Less,
            FilterComparison::Below => order == Ordering::Less,
            FilterComparison::AtMost => order != Ordering::Greater,
        }
    }
}

/// The signs of comparisons. `>=` comes before `>`, because the first sign that the text begins with is
/// taken.
const COMPARISONS: [(&str, FilterComparison); 6] = [
    ("!=", FilterComparison::Other),
    (">=", FilterComparison::AtLeast),
    ("<=", FilterComparison::AtMost),
    (">", FilterComparison::Above),
    ("<", FilterComparison::Below),
    ("=", FilterComparison::Same),
];

/// The name of a [`ClientVersions`] in error messages.
const CLIENT_VERSION: &str = "client version";

impl FromStr for ClientVersions {
    type Err = ParseError;

    /// Reads a comparison such as `>=1.0.199`, or a version alone.
    ///
    /// # Errors
    /// Returns an error if there are not one to four numbers, each at most 2147483647.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let signed =
            COMPARISONS.iter().find_map(|(sign, comparison)| Some((*comparison, text.strip_prefix(sign)?)));
        let (comparison, numbers) = signed.unwrap_or((FilterComparison::Same, text));
        let numbers = numbers.trim_start();
        let numbers = numbers.strip_suffix(".*").unwrap_or(numbers);
        let given = numbers.split('.').count();
        if given > 4 {
            return Err(ParseError::count(CLIENT_VERSION, given, "part", Expected::Text("1 to 4")));
        }
        // A version has at least two parts, and a comparison at least one. So `.0` is added to a single
        // part.
        let padded = (given..2).fold(numbers.to_owned(), |padded, _| padded + ".0");
        let version: FirmwareVersion =
            padded.parse().map_err(|error: ParseError| error.named(CLIENT_VERSION))?;
        let mut parts = [0; 4];
        parts.iter_mut().zip(version.parts()).for_each(|(part, given)| *part = given);
        Ok(Self { comparison, given, parts })
    }
}

impl fmt::Display for ClientVersions {
    /// Writes a text that is read back as an equal value. If numbers were left out, `.*` is written at the end.
    /// With `>=` and `<` the `.*` is omitted, because a wildcard and zero mean the same there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS.iter().find(|(_, comparison)| *comparison == self.comparison);
        let parts: Vec<String> = self.parts.iter().take(self.given).map(u32::to_string).collect();
        let zero_would_do = matches!(self.comparison, FilterComparison::AtLeast | FilterComparison::Below);
        let rest = if self.given < 4 && !zero_would_do { ".*" } else { "" };
        write!(f, "{}{}{rest}", sign.map_or("", |(sign, _)| sign), parts.join("."))
    }
}

impl fmt::Debug for ClientVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientVersions({self})")
    }
}

crate::value::stored_text::stored_as_text!(ClientVersions);
