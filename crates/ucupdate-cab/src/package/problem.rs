//! What is wrong with a package: findings, as data. One of severity [`Severity::Refusal`] is enough for the package to be
//! taken as a whole or not at all.

use std::fmt;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "a package is taken or it is not")]
pub enum Severity {
    /// The package may be taken; somebody should know.
    Warning,
    /// Nothing of the package may be taken.
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
        /// What kind of problem. Each has one [severity](Self::severity), whatever the package:
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

            /// How much problems of this kind weigh.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// A word for programs and logs: `digest-mismatch`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

// One table: kind, severity, code, words.
kinds!(
    /// A name that climbs, is absolute, or that some system cannot hold.
    UnsafeName Refusal "unsafe-name" "the name is not safe to write under",
    /// Two members of one path but for case, or a file where another needs a folder.
    DuplicateFile Refusal "duplicate-file" "another member has the same path",
    /// The manifest is no XML, or none of ours, or beyond a limit.
    ManifestUnreadable Refusal "manifest-unreadable" "the manifest cannot be read",
    /// The manifest says two different things in one place.
    SaidTwice Refusal "said-twice" "the manifest says two things for one",
    /// The manifest's entry lacks a word that neither it nor the file's path says.
    UpdateIncomplete Refusal "update-incomplete" "the manifest's entry does not say enough",
    /// A word of the manifest or the path that cannot stand in a rule.
    WordUnusable Refusal "word-unusable" "a word cannot stand in a rule",
    /// The manifest names a file that the cabinet does not hold.
    FileMissing Refusal "file-missing" "the manifest names a file that is not in the cabinet",
    /// The manifest names as an image or signature what is none.
    WrongRole Refusal "wrong-role" "the manifest names a file for what it is not",
    /// The manifest and the path of a file disagree.
    Contradiction Refusal "contradiction" "the manifest and the file's path disagree",
    /// An image without its `.cat`.
    ImageWithoutSignature Refusal "image-without-signature" "the image has no signature",
    /// A `.cat` without its image.
    SignatureWithoutImage Refusal "signature-without-image" "the signature has no image",
    /// An image that neither the manifest names nor the folders place.
    ImageFitsNeither Refusal "image-fits-neither" "the image fits neither manifest nor folder hierarchy",
    /// An image without a byte.
    ImageEmpty Refusal "image-empty" "the image is empty",
    /// Two releases for one rule: which of them becomes pending would be a guess.
    DuplicateRelease Refusal "duplicate-release" "the package has two releases for one rule",
    /// The image is not the one its catalogue speaks for.
    DigestMismatch Refusal "digest-mismatch" "the signature does not speak for this image",
    /// The catalogue's list is not the one that was signed.
    ListChanged Refusal "list-changed" "the signature's list was changed after it was signed",
    /// More releases than the limit.
    TooManyReleases Refusal "too-many-releases" "the package has too many releases",
    /// Nothing to take.
    NoRelease Refusal "no-release" "the cabinet holds no release",
    /// More problems than the limit; the rest is not told.
    TooManyProblems Refusal "too-many-problems" "the package has more problems than are told",
    /// An element or attribute that the table of names does not hold; passed over.
    NameUnknown Warning "name-unknown" "the manifest holds a name that is not known",
    /// A manifest that places no image; the folders do.
    ManifestSaysNothing Warning "manifest-says-nothing" "the manifest places no image, so the folders were read",
    /// An entry of the manifest to which no image belongs.
    UpdateWithoutFile Warning "update-without-file" "the manifest's entry names no image",
    /// An image that the manifest passes over, taken by its folders.
    NotInManifest Warning "not-in-manifest" "the manifest passes over the image, so its folders were read",
    /// A description that the manifest names and the cabinet does not hold.
    DescriptionMissing Warning "description-missing" "a description is not in the cabinet",
    /// `RTConfig.xml` overwrites settings that an administrator made.
    OverwritesSettings Warning "overwrites-settings" "this overwrites customised settings of RoundTable devices",
    /// The catalogue cannot be read, so the image was compared with nothing.
    CatalogueUnreadable Warning "catalogue-unreadable" "the signature cannot be read",
    /// Nobody signed the catalogue.
    CatalogueUnsigned Warning "catalogue-unsigned" "the signature names no signer",
    /// The catalogue has no digest of an algorithm that is compared here.
    NothingToCompare Warning "nothing-to-compare" "the signature has no digest to compare",
    /// A version that has no order; it is kept as said, and legal for other vendors' phones.
    VersionUnreadable Warning "version-unreadable" "the version cannot be read and has no order",
    /// The image has no time in the cabinet.
    NoTimeStamp Warning "no-time-stamp" "the image has no time stamp",
    /// A file that belongs to nothing; passed over.
    ExtraFile Warning "extra-file" "the file belongs to no release",
);

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// One thing that is wrong with a package: what, with which file, where, and what was expected instead.
///
/// Shown in one line, whatever the package's names hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// The member it is about: its path, or its name as given where that is no path.
    pub file: Option<String>,
    /// Where in that member, or where else: `Update 3`.
    pub place: Option<String>,
    /// What was expected.
    pub expected: String,
    /// What was found instead.
    pub found: Option<String>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, expected: impl AsRef<str>) -> Self {
        Self { kind, file: None, place: None, expected: one_line(expected.as_ref()), found: None }
    }

    pub(crate) fn file(mut self, name: &str) -> Self {
        self.file = Some(one_line(name));
        self
    }

    pub(crate) fn place(mut self, place: impl AsRef<str>) -> Self {
        self.place = Some(one_line(place.as_ref()));
        self
    }

    pub(crate) fn found(mut self, found: impl AsRef<str>) -> Self {
        self.found = Some(one_line(found.as_ref()));
        self
    }

    /// How much it weighs.
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

/// The most characters of one text in a problem.
const MAX_TEXT: usize = 300;

/// A foreign text, fit for one line of a log.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(MAX_TEXT)
        .map(|found| if found.is_control() { char::REPLACEMENT_CHARACTER } else { found })
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
