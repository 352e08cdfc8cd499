//! The options of reading a cabinet.

use crate::code_page::CodePage;
use crate::limits::CabinetLimits;

/// The options of reading a cabinet. [`CabinetLimits`] convert into options that have these limits
/// and the other defaults.
///
/// ```
/// use ucupdate_cab::{CabinetOptions, CodePage, CabinetLimits};
/// let options = CabinetOptions::default()
///     .with_limits(CabinetLimits::default().with_files(100))
///     .with_code_page(CodePage::from_number(932).unwrap());
/// assert_ne!(options, CabinetOptions::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct CabinetOptions {
    pub(crate) limits: CabinetLimits,
    pub(crate) code_page: CodePage,
    pub(crate) is_strict: bool,
    pub(crate) offset: Option<u64>,
    /// The number of bytes that are decompressed on the calling thread before other threads are
    /// started. Only tests change this number.
    pub(crate) single_thread_bytes: u64,
}

impl Default for CabinetOptions {
    fn default() -> Self {
        Self {
            limits: CabinetLimits::default(),
            code_page: CodePage::default(),
            is_strict: false,
            offset: None,
            single_thread_bytes: 1024 * 1024,
        }
    }
}

impl CabinetOptions {
    /// Sets the limits of sizes and numbers in the cabinet.
    pub fn with_limits(self, limits: CabinetLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the code page of names that are not marked as UTF-8. Default: Windows-1252.
    pub fn with_code_page(self, code_page: CodePage) -> Self {
        Self { code_page, ..self }
    }

    /// Sets whether reading fails if the cabinet has an [`Irregularity`](crate::Irregularity).
    /// Default: `false`, so irregularities are only reported.
    pub fn with_strict(self, is_strict: bool) -> Self {
        Self { is_strict, ..self }
    }

    /// Sets the offset in the input at which the cabinet begins. No other cabinet is then read. Use
    /// the offset to choose one of several cabinets in a program. The problem
    /// [`SeveralPackages`](crate::package::ProblemKind::SeveralPackages) lists their offsets.
    /// Default: none, so the cabinet is searched. A set of several parts ignores this option.
    pub fn with_offset(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }
}

impl From<CabinetLimits> for CabinetOptions {
    fn from(limits: CabinetLimits) -> Self {
        Self::default().with_limits(limits)
    }
}
