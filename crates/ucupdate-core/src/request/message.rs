//! Requests and responses as values, independent of the wire format.

use crate::device::Device;
use crate::value::{FieldTime, FileName, Reported, file_name};
use crate::version::ReportedVersion;

/// The request of one device.
///
/// The items are those of the audit log's columns, which Microsoft's pages describe one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The device that asks.
    pub device: Device,
    /// The user who signed in last; blank if no user did.
    pub user_name: Box<str>,
    /// The device's own clock; hours off as long as it has no time.
    pub request_date_time: Reported<FieldTime>,
    /// The installed modules. May be empty: then there is nothing to offer.
    pub modules: Vec<InstalledModule>,
}

/// One module a device has, and asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledModule {
    /// The file name as the device reports it, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The version installed; `0.0.0.0` for "none known".
    pub version: ReportedVersion,
    /// The installed image's time stamp; `01-01-1601 00:00:00` for "none known".
    pub time_stamp: Reported<FieldTime>,
}

impl InstalledModule {
    /// The update type the file name stands for, by its stem: `cpe.nbt` asks for `CPE` (compare without case).
    ///
    /// Inferred from the field's logs, where `cpe.nbt` is asked for and `CPE/CPE.nbt` offered.
    ///
    /// ```
    /// use ucupdate_core::ReportedVersion;
    /// use ucupdate_core::request::InstalledModule;
    /// use ucupdate_core::value::Reported;
    /// let module = InstalledModule {
    ///     file_name: "cpe.nbt".into(),
    ///     version: ReportedVersion::new("1.0.522.34"),
    ///     time_stamp: Reported::default(),
    /// };
    /// assert_eq!(module.update_type_stem(), "cpe");
    /// ```
    #[inline]
    pub fn update_type_stem(&self) -> &str {
        file_name::stem(self.file_name.trim())
    }
}

/// The answer to one device: at most one offered module for each module of the request, in that order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateResponse {
    /// The modules to fetch; empty for "nothing to do".
    pub modules: Vec<OfferedModule>,
}

/// One image that a device is to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModule {
    /// The image's file name.
    pub file_name: FileName,
    /// The signature catalogue's, in the same folder.
    pub signature_file_name: FileName,
    /// The image's version.
    pub version: ReportedVersion,
    /// The image's own time stamp.
    pub time_stamp: Reported<FieldTime>,
    /// The folder's URL for devices inside, without a slash at the end.
    pub base_url: Box<str>,
    /// The folder's URL for devices outside, without a slash at the end; blank where the outside is not served.
    pub external_base_url: Box<str>,
}

/// Where a device asks from: the network inside, or outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "the field knows these two")]
pub enum Side {
    /// From the network inside: anyone may ask.
    Internal,
    /// From outside: only with credentials.
    External,
}

impl Side {
    /// The side as one word: `internal` or `external`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

impl OfferedModule {
    /// The folder's URL for the side that asks.
    pub fn base_url_for(&self, side: Side) -> &str {
        match side {
            Side::Internal => &self.base_url,
            Side::External => &self.external_base_url,
        }
    }
}
