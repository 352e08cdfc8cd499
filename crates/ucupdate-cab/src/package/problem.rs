//! The problems of a package. A single problem of severity [`Severity::Refusal`] forbids using the
//! package.

use std::fmt;
use ucupdate_core::value::is_unseen;

/// Whether a problem prevents the use of the package. A refusal is greater than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a package is used or it is not")]
pub enum Severity {
    /// The package may be used, but an administrator should know the problem.
    Warning,
    /// Nothing of the package may be used.
    Refusal,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Refusal => "refusal",
        })
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $severity:ident $code:literal $text:literal,)*) => {
        /// The kind of a problem. Each kind has one [severity](Self::severity):
        ///
        /// | kind | severity | in words |
        /// |---|---|---|
        $(#[doc = concat!("| [`", $code, "`](Self::", stringify!($name), ") | ", stringify!($severity), " | ", $text, " |")])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$doc])* $name,)*
        }

        impl ProblemKind {
            /// All kinds, refusals first.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the severity of problems of this kind.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// Returns a stable word for programs and logs, such as `digest-mismatch`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Returns whether the kind is a warning only because
            /// [`PackageOptions`](super::PackageOptions) accept it. By default such a problem is a
            /// refusal of another kind.
            pub const fn is_accepted_on_request(self) -> bool {
                matches!(self, Self::UnreadableCatalogueAccepted | Self::NarrowingIgnored)
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

// One table for all kinds: name, severity, code and text.
kinds!(
    /// A name is empty, not text, absolute or contains `..`, or some system cannot store it. The
    /// name is that of a member, or a name in the manifest.
    UnsafeName Refusal "unsafe-name" "the name is not safe to write to",
    /// Two members have the same path, ignoring case, or a file has the path of a folder.
    DuplicateFile Refusal "duplicate-file" "another member has the same path",
    /// The manifest is not XML, has another root element, or exceeds a limit.
    ManifestUnreadable Refusal "manifest-unreadable" "the manifest cannot be read",
    /// The manifest has an unknown name that looks like a restriction, such as `HardwareRange`. Ignoring the name would
    /// offer the release to more devices than intended. [`PackageOptions`](super::PackageOptions) can ignore such
    /// names.
    NarrowingUnknown Refusal "narrowing-unknown" "the manifest has an unknown name that may restrict the update",
    /// The manifest states an item twice with different values.
    RepeatedItem Refusal "repeated-item" "the manifest states an item twice",
    /// A word of the rule (such as the model), or the version, is stated neither in the manifest
    /// nor in the path of the image.
    UpdateIncomplete Refusal "update-incomplete" "the entry of the manifest is incomplete",
    /// A word of the rule (such as the model) in the manifest or in the path is not valid, or the
    /// version is not valid in a path.
    WordUnusable Refusal "word-unusable" "a word cannot be used in a rule",
    /// The manifest names a file that is not in the cabinet.
    FileMissing Refusal "file-missing" "the manifest names a file that is not in the cabinet",
    /// The manifest names a file as an image or signature, but the file is of another kind.
    WrongRole Refusal "wrong-role" "the manifest names a file of the wrong kind",
    /// The manifest and the path of an image disagree on the version or on a word of the rule (such
    /// as the model).
    Contradiction Refusal "contradiction" "the manifest and the file's path disagree",
    /// The image has no `.cat` file of the same name beside it, and the manifest names no
    /// signature.
    ImageWithoutSignature Refusal "image-without-signature" "the image has no signature",
    /// The `.cat` file has no image of the same name beside it, and no release uses it.
    SignatureWithoutImage Refusal "signature-without-image" "the signature has no image",
    /// The manifest does not name the image, and the folders of the image state no release.
    ImageFitsNeither Refusal "image-fits-neither" "the image fits neither manifest nor folder hierarchy",
    /// The image has no bytes.
    ImageEmpty Refusal "image-empty" "the image is empty",
    /// Two releases have the same rule, or two interim images have the same locale and update type.
    /// It is not clear which one is meant.
    DuplicateRelease Refusal "duplicate-release" "the package has two releases for one rule",
    /// The catalogue does not list the digest of the image.
    DigestMismatch Refusal "digest-mismatch" "the signature does not match the image",
    /// The catalogue cannot be read, so the image cannot be compared with it. [`PackageOptions`](super::PackageOptions)
    /// can accept this.
    CatalogueUnreadable Refusal "catalogue-unreadable" "the signature cannot be read",
    /// The catalogue has no SHA-1 or SHA-256 digest, so the image cannot be compared with it.
    /// [`PackageOptions`](super::PackageOptions) can accept this.
    NothingToCompare Refusal "nothing-to-compare" "the signature has no digest to compare",
    /// The list of files in the catalogue was changed after it was signed.
    ListChanged Refusal "list-changed" "the list of the signature was changed after it was signed",
    /// The package has more releases and interim images than the limit.
    TooManyReleases Refusal "too-many-releases" "the package has too many releases",
    /// The package has no release and no interim image.
    NoRelease Refusal "no-release" "the cabinet holds no release",
    /// The cabinet has two files `updateInfo.xml` in different folders. Another tool may use the
    /// other file.
    SecondManifest Refusal "second-manifest" "the package has another manifest",
    /// Some files of the cabinet were not read, because the compression of their folder is not supported.
    UnreadFolder Refusal "unread-folder" "files of the cabinet were not read",
    /// Different tools may list different files of the cabinet. See
    /// [`Irregularity::is_ambiguous`](crate::Irregularity::is_ambiguous).
    AmbiguousCabinet Refusal "ambiguous-cabinet" "other tools may read other files in the cabinet",
    /// Several cabinets of the input have a manifest or images. [`CabinetOptions`](crate::CabinetOptions) can choose one.
    SeveralPackages Refusal "several-packages" "the file has several cabinets with a package",
    /// The package has more refusals than the limit. The others are not reported.
    TooManyProblems Refusal "too-many-problems" "the package has more refusals than are reported",
    /// An element or attribute of the manifest is not in [`MANIFEST_NAMES`](super::MANIFEST_NAMES),
    /// the table of known names. It is skipped.
    NameUnknown Warning "name-unknown" "the manifest has an unknown name",
    /// The manifest has an unknown name that looks like a restriction, and [`PackageOptions`](super::PackageOptions)
    /// ignore it.
    NarrowingIgnored Warning "narrowing-ignored" "the manifest has an unknown name that may restrict the update, which was ignored",
    /// The manifest states no release, but the folders of the images do.
    ManifestSaysNothing Warning "manifest-says-nothing" "the manifest places no image, so the folders were read",
    /// An entry of the manifest names no image.
    UpdateWithoutFile Warning "update-without-file" "the manifest's entry names no image",
    /// The manifest names other images but not this one. The folders of this image state a release.
    NotInManifest Warning "not-in-manifest" "the manifest does not name the image, so its folders were read",
    /// The manifest names a description that is not in the cabinet.
    DescriptionMissing Warning "description-missing" "a description is not in the cabinet",
    /// `RTConfig.xml` overwrites settings that an administrator made.
    OverwritesSettings Warning "overwrites-settings" "the file overwrites customised settings of RoundTable devices",
    /// The catalogue cannot be read or has no digest to compare, and [`PackageOptions`](super::PackageOptions) accept
    /// this.
    UnreadableCatalogueAccepted Warning "unreadable-catalogue-accepted" "the signature cannot be compared with the image, which was accepted",
    /// The catalogue names no signer, so its list of digests is not protected by a signature. The
    /// digests are compared anyway.
    CatalogueUnsigned Warning "catalogue-unsigned" "the signature names no signer",
    /// The signature has no digest of the catalogue's list, or a digest of an unknown algorithm. So
    /// it is not known whether the list was changed after it was signed.
    SignedContentUnknown Warning "signed-content-unknown" "the signed content of the signature cannot be checked",
    /// The version cannot be read, so it cannot be compared with other versions. It is kept as
    /// reported, because phones of other vendors may use such versions.
    VersionUnreadable Warning "version-unreadable" "the version cannot be read and has no order",
    /// The modification time of the image in the cabinet is not a valid date and time.
    NoTimeStamp Warning "no-time-stamp" "the image has no time stamp",
    /// The cabinet has an [`Irregularity`](crate::Irregularity), but its files are read correctly.
    IrregularCabinet Warning "irregular-cabinet" "the cabinet is irregular",
    /// The input has another cabinet without a manifest or images. That cabinet is ignored.
    OtherCabinet Warning "other-cabinet" "the file has another cabinet, which holds no package",
    /// All files of the releases are inside one more folder, which is not part of the usual hierarchy. That folder is
    /// ignored.
    LeadingFolder Warning "leading-folder" "the files lie in a folder of their own, which was taken off",
    /// The package has more warnings than the limit. The others are not reported.
    TooManyWarnings Warning "too-many-warnings" "the package has more warnings than are reported",
    /// The file belongs to no release. It is ignored.
    ExtraFile Warning "extra-file" "the file belongs to no release",
);

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// One problem of a package, with the file and the place in the file.
///
/// `Display` always writes one line. Special characters in names are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The kind of the problem. It determines the severity.
    pub kind: ProblemKind,
    /// The path of the member, or its name if the name is not a valid path. `None` if the problem is not about one
    /// member.
    pub file: Option<String>,
    /// The place in the member, such as `byte 120`, or the entry in the manifest, such as
    /// `Update 3`. `None` if the problem has no such place.
    pub place: Option<String>,
    /// The expected value or state, as text for a person.
    pub expected: String,
    /// The found value, as text. `None` if nothing was found.
    pub found: Option<String>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, expected: impl AsRef<str>) -> Self {
        Self { kind, file: None, place: None, expected: one_line(expected.as_ref()), found: None }
    }

    pub(crate) fn file(self, name: &str) -> Self {
        Self { file: Some(one_line(name)), ..self }
    }

    pub(crate) fn place(self, place: impl AsRef<str>) -> Self {
        Self { place: Some(one_line(place.as_ref())), ..self }
    }

    pub(crate) fn found(self, found: impl AsRef<str>) -> Self {
        Self { found: Some(one_line(found.as_ref())), ..self }
    }

    /// Returns the severity of the problem, which depends only on its kind.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity())?;
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: expected {}", self.kind, self.expected)?;
        self.found.as_ref().map_or(Ok(()), |found| write!(f, ", found {found}"))
    }
}

/// The largest number of characters of one text in a problem. A longer text is cut off.
const MAX_TEXT: usize = 300;

/// Returns an untrusted text without control characters and with a limited length.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(MAX_TEXT)
        .map(|found| if is_unseen(found) { char::REPLACEMENT_CHARACTER } else { found })
        .collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        line.push('\u{2026}');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_whatever_the_names_hold() {
        let problem = Problem::new(ProblemKind::ImageWithoutSignature, "A/CPE.cat")
            .file("A\r\n2009 approved: all\u{7}.nbt")
            .place("Update 3")
            .found("nothing");
        assert_eq!(
            problem.to_string(),
            "refusal: A\u{fffd}\u{fffd}2009 approved: all\u{fffd}.nbt: Update 3: the image has no signature: \
             expected A/CPE.cat, found nothing"
        );
        let long = Problem::new(ProblemKind::ExtraFile, "x".repeat(400));
        assert_eq!(long.expected.chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn each_kind_has_its_own_code() {
        let codes: std::collections::BTreeSet<_> = ProblemKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ProblemKind::ALL.len());
        assert_eq!(ProblemKind::DigestMismatch.severity(), Severity::Refusal);
        assert_eq!(ProblemKind::OverwritesSettings.severity(), Severity::Warning);
    }
}
