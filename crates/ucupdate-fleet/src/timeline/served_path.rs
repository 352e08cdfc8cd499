//! [`FetchedFile`]: a downloaded file, described by the path of its URL.

use std::fmt;
use ucupdate_core::ReportedVersion;

/// A file of the update service, described by the path of its URL.
///
/// ```
/// use ucupdate_fleet::timeline::FetchedFile;
/// let path = "/DeviceUpdateFiles_Int/UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt";
/// let file = FetchedFile::of_path(path).unwrap();
/// assert_eq!(file.to_string(), "CPE.nbt of 3.5.6907.9");
/// assert_eq!(FetchedFile::of_path("/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.cat").unwrap().to_string(), "CPE.cat of the interim image");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchedFile {
    /// The name of the file, such as `CPE.nbt`.
    pub name: Box<str>,
    /// The version in the path. `None` for a file of the interim image, and for a path that does
    /// not have the folders of a release.
    pub version: Option<ReportedVersion>,
    /// `true` if the file belongs to an interim image.
    pub is_interim: bool,
    /// `true` if the file is a signature catalogue (`.cat`).
    pub is_signature: bool,
}

/// The prefixes of the paths at which the update service serves files, in lower case.
const FOLDERS: [&str; 4] = [
    "/deviceupdatefiles_int/",
    "/deviceupdatefiles_ext/",
    "/requesthandler/files/",
    "/requesthandlerext/files/",
];

impl FetchedFile {
    /// Returns the file with this path. `None` if the path is not that of a file of the update
    /// service.
    pub fn of_path(path: &str) -> Option<Self> {
        let lower = path.to_ascii_lowercase();
        let folder = FOLDERS.iter().find(|folder| lower.starts_with(**folder))?;
        let parts: Vec<&str> = path.get(folder.len()..)?.split('/').collect();
        let name = parts.last().filter(|name| !name.is_empty())?;
        let is_interim = parts[0].eq_ignore_ascii_case("OCInterim");
        let version = parts.len().checked_sub(3).filter(|_| !is_interim && parts.len() >= 8);
        Some(Self {
            name: (*name).into(),
            version: version.map(|place| ReportedVersion::new(parts[place])),
            is_interim,
            is_signature: lower.ends_with(".cat"),
        })
    }

    /// Returns whether the paths of both files name the same version, or both an interim image, or both neither.
    /// This is so for an image and its signature.
    pub(super) fn is_of_same_release(&self, other: &Self) -> bool {
        self.version == other.version && self.is_interim == other.is_interim
    }
}

impl fmt::Display for FetchedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some(version) => write!(f, " of {version}"),
            None if self.is_interim => f.write_str(" of the interim image"),
            None => Ok(()),
        }
    }
}
