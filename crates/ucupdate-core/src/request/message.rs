//! Requests and responses as values, independent of the wire format.

use crate::device::Device;
use crate::value::{FieldTime, FileName, Reported, file_name};
use crate::version::ReportedVersion;

/// The request of one device.
///
/// Each field has a column in the audit log of OCS. Microsoft's pages describe these columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The device that asks.
    pub device: Device,
    /// The user who signed in last. It is blank if no user signed in.
    pub user_name: Box<str>,
    /// The time that the clock of the device shows. It can be wrong by hours until the device has set its
    /// clock.
    pub request_date_time: Reported<FieldTime>,
    /// The installed modules that the device requests updates for. A device without modules is offered
    /// nothing.
    pub modules: Vec<InstalledModule>,
}

/// A module that a device has installed and requests updates for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledModule {
    /// The file name as the device reports it, such as `cpe.nbt`.
    pub file_name: Box<str>,
    /// The installed version. `0.0.0.0` means that no version is known.
    pub version: ReportedVersion,
    /// The time stamp of the installed image. `01-01-1601 00:00:00` means that no image is known.
    pub time_stamp: Reported<FieldTime>,
}

impl InstalledModule {
    /// Returns the stem of the file name, which is the update type. The stem of `cpe.nbt` means `CPE`, because ASCII
    /// case is ignored.
    ///
    /// This is inferred from logs of OCS, in which a device with `cpe.nbt` is offered `CPE/CPE.nbt`.
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
        // Nearly no name has blanks around it.
        let name = match self.file_name.as_bytes() {
            [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => &self.file_name,
            _ => self.file_name.trim(),
        };
        file_name::stem(name)
    }
}

/// The answer to one device. It has at most one offered module for each module of the request, in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateResponse {
    /// The images that the device must fetch. Empty if the device is up to date, or nothing is offered to
    /// it.
    pub modules: Vec<OfferedModule>,
}

/// An image that a device must fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModule {
    /// The image's file name.
    pub file_name: FileName,
    /// The file name of the signature catalogue in the same folder.
    pub signature_file_name: FileName,
    /// The image's version.
    pub version: ReportedVersion,
    /// The image's own time stamp.
    pub time_stamp: Reported<FieldTime>,
    /// The URL of the folder for devices in the internal network, without a slash at the end.
    pub base_url: Box<str>,
    /// The URL of the folder for external devices, without a slash at the end. It is blank if external devices are not served.
    pub external_base_url: Box<str>,
}

/// The side from which a device asks: the internal network or the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[allow(clippy::exhaustive_enums, reason = "the field knows these two")]
pub enum Side {
    /// The internal network. A device needs no credentials.
    Internal,
    /// The internet. A device needs credentials.
    External,
}

impl Side {
    /// Returns the side as one word: `internal` or `external`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::External => "external",
        }
    }
}

impl OfferedModule {
    /// Returns the URL of the folder of the image, for devices on a side.
    pub fn base_url_for(&self, side: Side) -> &str {
        match side {
            Side::Internal => &self.base_url,
            Side::External => &self.external_base_url,
        }
    }
}
