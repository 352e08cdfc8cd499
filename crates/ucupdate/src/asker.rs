//! Who asks, what is answered, and why nothing is.

use ucupdate_core::UpdateResponse;
use ucupdate_core::request::{AskedFrom, Side};

/// Who asks, beside what the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a literal is how it is made")]
pub struct Asker<'a> {
    /// From inside or outside.
    pub side: Side,
    /// The address it asks from, as the audit row shows it.
    pub host: &'a str,
}

impl Asker<'_> {
    /// Where it asks from, as rules see it. A host that is no IP address is none to them.
    pub fn asked_from(&self) -> AskedFrom {
        AskedFrom { side: Some(self.side), address: self.host.parse().ok() }
    }
}

/// An answer, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// What the device is told.
    pub response: UpdateResponse,
    /// The revision of the rule book it was decided by: 0 for the empty book of a new store.
    pub revision: u64,
}

/// A request cannot be answered: the service has no URL to send the device to.
///
/// The original answers with blank URLs then; here a server that would is refused at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(clippy::exhaustive_enums, reason = "the field knows these two sides")]
pub enum NoUrls {
    /// None at all.
    #[error("no base URLs are set, so devices could not be told where to fetch files")]
    Any,
    /// None for the outside, and the device asks from there.
    #[error("no external base URL is set, so devices outside could not be told where to fetch files")]
    External,
}
