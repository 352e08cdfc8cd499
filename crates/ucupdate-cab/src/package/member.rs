//! The members of a package, and the sink that takes their bytes.

use crate::package::digest::sha1_of;
use crate::path::{NameProblem, SafePath};
use std::io;
use ucupdate_core::value::{FieldTime, Sha1Digest, Sha256Digest};

/// The path of the manifest, a file at the root of the cabinet. Case is ignored.
pub const MANIFEST_FILE_NAME: &str = "updateInfo.xml";
/// The file name of the settings in a package for RoundTable conference cameras. Case is ignored.
pub const ROUND_TABLE_CONFIG_FILE_NAME: &str = "RTConfig.xml";

/// The purpose of a member of a cabinet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MemberRole {
    /// `updateInfo.xml` at the root. It states the releases of the package.
    Manifest,
    /// A firmware image: an `.nbt` file, a file that the manifest names as an image, or a file in a release folder with a
    /// signature beside it.
    Image,
    /// A signature catalogue, `.cat`.
    Signature,
    /// A description: any other `.xml` file.
    Description,
    /// `RTConfig.xml`, the settings of RoundTable devices. They overwrite the settings that an
    /// administrator made.
    RoundTableConfig,
    /// Any other file.
    Other,
}

impl MemberRole {
    /// Returns the purpose of a member, judged only by its path.
    pub fn of(path: &SafePath) -> Self {
        if path.as_str().eq_ignore_ascii_case(MANIFEST_FILE_NAME) {
            Self::Manifest
        } else if path.has_extension("nbt") {
            Self::Image
        } else if path.has_extension("cat") {
            Self::Signature
        } else if path.file_name().eq_ignore_ascii_case(ROUND_TABLE_CONFIG_FILE_NAME) {
            Self::RoundTableConfig
        } else if path.has_extension("xml") {
            Self::Description
        } else {
            Self::Other
        }
    }

    /// Returns whether the bytes of members with this role stay in memory until all members were
    /// read.
    pub(crate) fn is_kept(self) -> bool {
        match self {
            Self::Manifest | Self::Signature => true,
            Self::Image | Self::Description | Self::RoundTableConfig | Self::Other => false,
        }
    }

    /// Returns whether a member with this role may be an image. Such members are hashed by SHA-1
    /// too, for the comparison with catalogues.
    pub(crate) fn may_be_image(self) -> bool {
        match self {
            Self::Image | Self::Other => true,
            Self::Manifest | Self::Signature | Self::Description | Self::RoundTableConfig => false,
        }
    }
}

/// A member of a cabinet before its bytes are read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStart {
    /// The index in [`Package::members`](super::Package::members), counted from 0 in the order of
    /// reading.
    pub index: usize,
    /// The name as it is in the cabinet.
    pub name: String,
    /// The path from the root of the cabinet. An error means that the name must not be used as a
    /// path.
    pub path: Result<SafePath, NameProblem>,
    /// The uncompressed size in bytes.
    pub size: u64,
    /// The modification time, in steps of two seconds. `None` if the cabinet states no valid date
    /// and time.
    pub modified: Option<FieldTime>,
    /// The purpose of the member, judged by its name.
    pub role: MemberRole,
}

impl MemberStart {
    /// Creates a member with this name. Does not check whether another member has the same name.
    pub fn new(index: usize, name: &str, size: u64, modified: Option<FieldTime>) -> Self {
        Self::at(index, name, SafePath::read(name), size, modified)
    }

    /// Creates a member whose path was parsed already. The role follows from the path.
    pub(super) fn at(
        index: usize,
        name: &str,
        path: Result<SafePath, NameProblem>,
        size: u64,
        modified: Option<FieldTime>,
    ) -> Self {
        let role = path.as_ref().map_or(MemberRole::Other, MemberRole::of);
        Self { index, name: name.to_owned(), path, size, modified, role }
    }
}

/// A member of a cabinet after its bytes were read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The index in [`Package::members`](super::Package::members), counted from 0 in the order of
    /// reading.
    pub index: usize,
    /// The name as it is in the cabinet.
    pub name: String,
    /// The path from the root of the cabinet. An error means that the name must not be used as a
    /// path.
    pub path: Result<SafePath, NameProblem>,
    /// The uncompressed size in bytes.
    pub size: u64,
    /// The modification time, in steps of two seconds. `None` if the cabinet states no valid date
    /// and time.
    pub modified: Option<FieldTime>,
    /// The purpose of the member, judged by its name, its folder and the manifest.
    pub role: MemberRole,
    /// The SHA-256 of the bytes.
    pub sha256: Sha256Digest,
    /// The SHA-1 of the bytes. `None` for members that cannot be images, judged by their names.
    pub sha1: Option<Sha1Digest>,
}

impl Member {
    /// Creates a member from its start and the digests of its bytes. `sha1` is `None` if the member
    /// cannot be an image.
    pub fn new(start: MemberStart, sha256: Sha256Digest, sha1: Option<Sha1Digest>) -> Self {
        let MemberStart { index, name, path, size, modified, role } = start;
        Self { index, name, path, size, modified, role, sha256, sha1 }
    }

    /// Creates a member from its bytes. Computes the digests.
    pub fn of_bytes(index: usize, name: &str, bytes: &[u8], modified: Option<FieldTime>) -> Self {
        let start = MemberStart::new(index, name, bytes.len() as u64, modified);
        let sha1 = start.role.may_be_image().then(|| sha1_of(bytes));
        Self::new(start, Sha256Digest::of(bytes), sha1)
    }
}

/// Receiver of the members of a cabinet and their bytes while a package is read.
///
/// For each member, `begin` is called once, then `write` for each chunk, then `end` once. An error ends the reading.
/// `start_over` is called between members.
pub trait MemberSink {
    /// Begins a member. Its bytes follow in calls of [`write`](Self::write).
    ///
    /// # Errors
    /// Fails when the member cannot be stored. [`read_package`](super::read_package) then fails.
    fn begin(&mut self, member: &MemberStart) -> io::Result<()>;

    /// Takes the next bytes of the current member.
    ///
    /// # Errors
    /// Fails when the bytes cannot be stored. [`read_package`](super::read_package) then fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ends the current member. The received bytes have the size `member.size` and the digest
    /// `member.sha256`.
    ///
    /// # Errors
    /// Fails when the member cannot be stored.
    fn end(&mut self, member: &Member) -> io::Result<()>;

    /// Discards all members that were received, because their cabinet has no package. The members
    /// of the next cabinet in the input follow, with indices from 0.
    ///
    /// # Errors
    /// Fails when the members cannot be removed.
    fn start_over(&mut self) -> io::Result<()>;
}

/// A sink that discards all bytes. Use it to examine a package without storing it.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "there is nothing in it")]
pub struct NoSink;

impl MemberSink for NoSink {
    fn begin(&mut self, _: &MemberStart) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &Member) -> io::Result<()> {
        Ok(())
    }

    fn start_over(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_suggests_the_purpose_of_a_member() {
        for (name, role) in [
            ("updateInfo.xml", MemberRole::Manifest),
            ("UPDATEINFO.XML", MemberRole::Manifest),
            (r"UCPhone\updateInfo.xml", MemberRole::Description),
            ("CPE.NBT", MemberRole::Image),
            (r"A\CPE.cat", MemberRole::Signature),
            ("rtconfig.xml", MemberRole::RoundTableConfig),
            ("readme.txt", MemberRole::Other),
            ("nbt", MemberRole::Other),
            (r"..\CPE.nbt", MemberRole::Other),
        ] {
            assert_eq!(MemberStart::new(0, name, 0, None).role, role, "{name}");
        }
    }

    #[test]
    fn sha1_is_for_what_may_be_an_image() {
        assert_eq!(Member::of_bytes(0, "CPE.nbt", b"abc", None).sha1, Some(sha1_of(b"abc")));
        assert!(Member::of_bytes(0, "phone.ld", b"abc", None).sha1.is_some());
        assert_eq!(Member::of_bytes(0, "CPE.cat", b"abc", None).sha1, None);
    }
}
