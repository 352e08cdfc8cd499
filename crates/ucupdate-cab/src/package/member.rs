//! The files of a package, and where their bytes go.

use crate::package::digest::{sha1_of, sha256_of};
use crate::path::{NameProblem, SafePath};
use std::io;
use ucupdate_core::value::{FieldTime, Sha1Digest, Sha256Digest};

/// The name of the manifest, at the root of the cabinet.
pub const MANIFEST_FILE_NAME: &str = "updateInfo.xml";
/// The name of the settings that a RoundTable package brings.
pub const ROUND_TABLE_CONFIG_FILE_NAME: &str = "RTConfig.xml";

/// What a member is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MemberRole {
    /// `updateInfo.xml` at the root: says what the package brings.
    Manifest,
    /// A firmware image: `.nbt`, or what the manifest names as one, or what lies where images do with a signature beside.
    Image,
    /// A signature catalogue: `.cat`.
    Signature,
    /// A description: any other `.xml`.
    Description,
    /// `RTConfig.xml`: settings of RoundTable devices, which overwrite what an administrator set.
    RoundTableConfig,
    /// Anything else.
    Other,
}

impl MemberRole {
    /// What the name alone says of a member.
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

    /// Whether the bytes are kept in memory until all members are known.
    pub(crate) fn is_kept(self) -> bool {
        match self {
            Self::Manifest | Self::Signature => true,
            Self::Image | Self::Description | Self::RoundTableConfig | Self::Other => false,
        }
    }

    /// Whether a member of this name may turn out to be an image, and so is hashed by SHA-1 too, for catalogues.
    pub(crate) fn may_be_image(self) -> bool {
        match self {
            Self::Image | Self::Other => true,
            Self::Manifest | Self::Signature | Self::Description | Self::RoundTableConfig => false,
        }
    }
}

/// A member before its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberStart {
    /// Which member of the cabinet it is, counted from 0.
    pub index: usize,
    /// Its name, as the cabinet gives it.
    pub name: String,
    /// Where it lies below the root; or what is wrong with the name, under which nobody should write anything then.
    pub path: Result<SafePath, NameProblem>,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, by the cabinet; `None` where the cabinet's date is not in the calendar.
    pub modified: Option<FieldTime>,
    /// What its name says it is for.
    pub role: MemberRole,
}

impl MemberStart {
    /// A member of this name; of two equal names, it is the package that knows.
    pub fn new(index: usize, name: &str, size: u64, modified: Option<FieldTime>) -> Self {
        Self::at(index, name, SafePath::read(name), size, modified)
    }

    /// A member whose name was already read.
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

/// A member, once all its bytes were read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Which member of the cabinet it is, counted from 0.
    pub index: usize,
    /// Its name, as the cabinet gives it.
    pub name: String,
    /// Where it lies below the root; or what is wrong with the name.
    pub path: Result<SafePath, NameProblem>,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, by the cabinet, in two-second steps.
    pub modified: Option<FieldTime>,
    /// What it is for; a manifest may make an image of what the name alone does not.
    pub role: MemberRole,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// The SHA-1 of its bytes, for members that may be images.
    pub sha1: Option<Sha1Digest>,
}

impl Member {
    /// A member whose bytes have these digests.
    pub fn new(start: MemberStart, sha256: Sha256Digest, sha1: Option<Sha1Digest>) -> Self {
        let MemberStart { index, name, path, size, modified, role } = start;
        Self { index, name, path, size, modified, role, sha256, sha1 }
    }

    /// A member whose bytes are in memory.
    pub fn of_bytes(index: usize, name: &str, bytes: &[u8], modified: Option<FieldTime>) -> Self {
        let start = MemberStart::new(index, name, bytes.len() as u64, modified);
        let sha1 = start.role.may_be_image().then(|| sha1_of(bytes));
        Self::new(start, sha256_of(bytes), sha1)
    }
}

/// Where the bytes of a package's members go while it is read.
///
/// For each member `begin`, then `write` as often as there are chunks, then `end`. An error ends the reading.
pub trait MemberSink {
    /// A member begins.
    ///
    /// # Errors
    /// When the member cannot be taken.
    fn begin(&mut self, member: &MemberStart) -> io::Result<()>;

    /// More bytes of the member that began last.
    ///
    /// # Errors
    /// When they cannot be taken.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The member is complete; its bytes were those of `member.size` and `member.sha256`.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn end(&mut self, member: &Member) -> io::Result<()>;
}

/// Takes all bytes and keeps none: for looking at a package.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_member_is_for() {
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
