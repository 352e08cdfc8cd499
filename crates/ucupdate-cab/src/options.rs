//! How a cabinet is read.

use crate::code_page::CodePage;
use crate::limits::Limits;

/// How a cabinet is read. [`Limits`] convert into options of these limits.
///
/// ```
/// use ucupdate_cab::{CabinetOptions, CodePage, Limits};
/// let options = CabinetOptions::default()
///     .with_limits(Limits::default().with_files(100))
///     .with_code_page(CodePage::from_number(932).unwrap());
/// assert_ne!(options, CabinetOptions::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CabinetOptions {
    pub(crate) limits: Limits,
    pub(crate) code_page: CodePage,
    pub(crate) is_strict: bool,
}

impl CabinetOptions {
    /// Sets the most that the cabinet may cost.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the code page of names that are not marked as UTF-8. Default: Windows-1252.
    #[must_use]
    pub fn with_code_page(mut self, code_page: CodePage) -> Self {
        self.code_page = code_page;
        self
    }

    /// Refuses a cabinet with an [`Irregularity`](crate::Irregularity) instead of reporting it. Default: `false`.
    #[must_use]
    pub fn with_strict(mut self, is_strict: bool) -> Self {
        self.is_strict = is_strict;
        self
    }
}

impl From<Limits> for CabinetOptions {
    fn from(limits: Limits) -> Self {
        Self::default().with_limits(limits)
    }
}
