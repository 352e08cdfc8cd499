//! [`AdminRole`] and [`Administrator`]: the rights of an authenticated person.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The rights of an administrator. Each role below may also do everything that the roles above it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "an embedder maps its own roles to these three")]
pub enum AdminRole {
    /// Reads everything except captures (bodies of requests, and logs of devices) and objects that other programs
    /// put into the store. Makes dry runs of changes, and quick checks of the store. Cannot make a dry run of an
    /// upload.
    Viewer,
    /// Also reads captures, makes full checks of the store and dry runs of uploads, adds and removes test devices, adds holds,
    /// pauses rollouts, turns the kill switch on, and asks for a restart.
    Operator,
    /// Makes every change, uploads packages, collects garbage, and reads every object of the store.
    Approver,
}

impl AdminRole {
    /// Returns the name of the role: `viewer`, `operator` or `approver`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
        }
    }
}

impl fmt::Display for AdminRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Error of parsing a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no role is named `{found}`, expected viewer, operator or approver")]
pub struct RoleError {
    found: Box<str>,
}

impl FromStr for AdminRole {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found =
            [Self::Viewer, Self::Operator, Self::Approver].into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| RoleError { found: text.into() })
    }
}

/// An authenticated person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Administrator {
    /// The name of the person. The history shows it as the author of changes. Each person needs a name of their own, because a
    /// restart must be requested and approved under two different names.
    pub name: Box<str>,
    /// The role, which decides what the person may do.
    pub role: AdminRole,
}

impl Administrator {
    /// Creates an administrator. The name is not checked, and may be any text.
    pub fn new(name: impl Into<Box<str>>, role: AdminRole) -> Self {
        Self { name: name.into(), role }
    }
}
