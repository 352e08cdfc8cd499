//! Builds packages: cabinets that this crate reads without a refusal.

pub(super) mod catalogue;
pub mod sample;
#[cfg(test)]
pub(super) mod test_signing;

use self::catalogue::{CatalogueBuildError, CatalogueBuilder};
use super::manifest::names::ManifestItem;
use super::manifest::{ManifestEntry, write};
use super::member::{MANIFEST_FILE_NAME, Member, MemberRole};
use super::options::PackageOptions;
use super::package::Package;
use super::problem::{Problem, Severity};
use super::understand::hierarchy::{interim_folder, release_folder};
use super::understand::words::RuleWords;
use super::understand::{KeptBytes, understand};
use crate::cabinet::{BuildError, CabinetBuilder, Compression};
use std::collections::BTreeMap;
use std::io::{self, Read};
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::{KindWord, Locale};
use ucupdate_core::value::{FieldTime, Sha256Digest};
use ucupdate_core::{ReportedVersion, RuleKey};

/// A release for [`PackageBuilder::with_release`].
#[derive(Clone, Debug)]
#[must_use]
pub struct NewRelease {
    key: RuleKey,
    version: ReportedVersion,
    image: NewImage,
    descriptions: Vec<(String, Vec<u8>)>,
}

impl NewRelease {
    /// Creates a release of the firmware `image` for a rule. `time_stamp` is the modification time
    /// of the image. Cabinets store times from 1980 on, in steps of two seconds.
    pub fn new(
        key: RuleKey,
        version: impl Into<ReportedVersion>,
        image: impl Into<Vec<u8>>,
        time_stamp: FieldTime,
    ) -> Self {
        let image = NewImage::new(key.update_type(), image.into(), time_stamp);
        Self { key, version: version.into(), image, descriptions: Vec::new() }
    }

    /// Sets the file name of the image. Default: the update type with the ending `.nbt`.
    pub fn with_file_name(mut self, file_name: &str) -> Self {
        self.image.file_name = file_name.to_owned();
        self
    }

    /// Sets the signature catalogue. Default: an unsigned catalogue that lists the image.
    pub fn with_signature(mut self, catalogue: impl Into<Vec<u8>>) -> Self {
        self.image.signature = Some(catalogue.into());
        self
    }

    /// Adds a description, which is an XML document, beside the image.
    pub fn with_description(mut self, file_name: &str, xml: impl Into<Vec<u8>>) -> Self {
        self.descriptions.push((file_name.to_owned(), xml.into()));
        self
    }
}

/// An interim image for [`PackageBuilder::with_interim`].
#[derive(Clone, Debug)]
pub struct NewInterim {
    locale: Locale,
    version: ReportedVersion,
    image: NewImage,
}

impl NewInterim {
    /// Creates an interim image for a locale and an update type. `time_stamp` is the modification
    /// time of the image.
    pub fn new(
        locale: Locale,
        update_type: &UpdateType,
        version: impl Into<ReportedVersion>,
        image: impl Into<Vec<u8>>,
        time_stamp: FieldTime,
    ) -> Self {
        Self { locale, version: version.into(), image: NewImage::new(update_type, image.into(), time_stamp) }
    }

    /// Sets the signature catalogue. Default: an unsigned catalogue that lists the image.
    #[must_use]
    pub fn with_signature(mut self, catalogue: impl Into<Vec<u8>>) -> Self {
        self.image.signature = Some(catalogue.into());
        self
    }
}

#[derive(Clone, Debug)]
struct NewImage {
    file_name: String,
    bytes: Vec<u8>,
    time_stamp: FieldTime,
    signature: Option<Vec<u8>>,
}

impl NewImage {
    fn new(update_type: &UpdateType, bytes: Vec<u8>, time_stamp: FieldTime) -> Self {
        Self { file_name: format!("{update_type}.nbt"), bytes, time_stamp, signature: None }
    }
}

/// Builder of a package. The package is a cabinet compressed by MSZIP, with a manifest, and with its files in the
/// folders of OCS.
///
/// Equal input gives equal bytes. The order in which files are added does not matter. Building
/// fails if reading the package would report a refusal. All files are held in memory.
///
/// ```
/// use ucupdate_cab::package::{NewRelease, NoSink, PackageBuilder, PackageOptions, read_package};
/// use ucupdate_cab::{Cabinet, CabinetLimits};
/// use ucupdate_core::{FirmwareVersion, RuleKey};
/// let key: RuleKey = "UCPhone/Polycom/CX700/A/ENU/CPE".parse().unwrap();
/// let version: FirmwareVersion = "3.5.6907.9".parse().unwrap();
/// let time = "16-12-2008 04:43:58".parse().unwrap();
/// let bytes = PackageBuilder::new()
///     .with_release(NewRelease::new(key.clone(), version, *b"an image", time))
///     .build()
///     .unwrap();
/// let cabinet = Cabinet::open(&bytes[..], CabinetLimits::default()).unwrap();
/// let package = read_package(cabinet, PackageOptions::default(), &mut NoSink).unwrap();
/// assert_eq!(package.releases[0].key, key);
/// assert_eq!(package.releases[0].time_stamp, Some(time));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PackageBuilder {
    files: Vec<NewFile>,
    /// The versions of interim images, by the path of the image in lower case. The folders do not state these versions.
    interim_versions: BTreeMap<String, ReportedVersion>,
    unmade: Vec<CatalogueBuildError>,
    with_manifest: bool,
}

#[derive(Clone, Debug)]
struct NewFile {
    /// The path, with `/` between its parts.
    path: String,
    bytes: Vec<u8>,
    time: FieldTime,
}

impl Default for PackageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl PackageBuilder {
    /// Creates a builder without files. The package will have a manifest, unless
    /// [`without_manifest`](Self::without_manifest) is called.
    pub fn new() -> Self {
        Self { files: Vec::new(), interim_versions: BTreeMap::new(), unmade: Vec::new(), with_manifest: true }
    }

    /// Adds the files of a release, in the folder of its rule and version.
    pub fn with_release(mut self, release: NewRelease) -> Self {
        let folder =
            release_folder(&RuleWords::of_rule(&release.key), release.version.as_str()).unwrap_or_default();
        for (name, bytes) in release.descriptions {
            self = self.with_file(&format!("{folder}/{name}"), bytes, release.image.time_stamp);
        }
        self.with_image(&folder, release.image)
    }

    /// Adds an interim image and its signature, in the folder of its locale.
    pub fn with_interim(mut self, interim: NewInterim) -> Self {
        let folder = interim_folder(interim.locale.as_str());
        let path = format!("{folder}/{}", interim.image.file_name);
        self = self.with_interim_version(&path, interim.version);
        self.with_image(&folder, interim.image)
    }

    fn with_image(mut self, folder: &str, image: NewImage) -> Self {
        let NewImage { file_name, bytes, time_stamp, signature } = image;
        let signature = signature.map_or_else(
            || CatalogueBuilder::new().with_time(time_stamp).with_image(&file_name, &bytes).build(),
            Ok,
        );
        let stem = file_name.rsplit_once('.').map_or(file_name.as_str(), |(stem, _)| stem);
        match signature {
            Ok(signature) => self = self.with_file(&format!("{folder}/{stem}.cat"), signature, time_stamp),
            Err(error) => self.unmade.push(error),
        }
        self.with_file(&format!("{folder}/{file_name}"), bytes, time_stamp)
    }

    /// Adds a file at a path from the root of the cabinet. Use this method to pack a folder whose
    /// files are in the right subfolders already.
    ///
    /// A file `updateInfo.xml` at the root is used as the manifest, and no other manifest is written.
    pub fn with_file(mut self, path: &str, bytes: impl Into<Vec<u8>>, time: FieldTime) -> Self {
        self.files.push(NewFile { path: path.replace('\\', "/"), bytes: bytes.into(), time });
        self
    }

    /// Sets the version of the interim image at a path from the root. The manifest then states this
    /// version. The folders of an interim image do not.
    pub fn with_interim_version(mut self, path: &str, version: impl Into<ReportedVersion>) -> Self {
        self.interim_versions.insert(path.replace('\\', "/").to_ascii_lowercase(), version.into());
        self
    }

    /// Sets that no manifest is written. The folders of the images then state the releases. A file
    /// `updateInfo.xml` that was added is packed anyway.
    pub fn without_manifest(mut self) -> Self {
        self.with_manifest = false;
        self
    }

    /// Returns the bytes of the cabinet.
    ///
    /// # Errors
    /// Fails when reading the package would report a refusal. The error then has all problems of
    /// the package. Fails also when a catalogue cannot be built, and when the cabinet cannot store
    /// a name or a time.
    pub fn build(self) -> Result<Vec<u8>, PackageBuildError> {
        self.build_with_progress(|_| ())
    }

    /// Returns the bytes of the cabinet, like [`build`](Self::build). Calls `progress` for each
    /// piece of a file that is compressed, with the size of the piece in bytes.
    ///
    /// # Errors
    /// Fails as [`build`](Self::build) does.
    pub fn build_with_progress(mut self, progress: impl Fn(u64)) -> Result<Vec<u8>, PackageBuildError> {
        if let Some(error) = self.unmade.pop() {
            return Err(error.into());
        }
        self.files.sort_by(|a, b| order(&a.path).cmp(&order(&b.path)));
        let mut package = understood(&self.files);
        if self.with_manifest && !package.members.iter().any(|member| member.role == MemberRole::Manifest) {
            let bytes = write::write(&self.entries(&package)).into_bytes();
            // The manifest gets the time of the newest file, so that equal input gives equal bytes.
            let time = self.files.iter().map(|file| file.time).max().unwrap_or_else(dos_epoch);
            self.files.insert(0, NewFile { path: MANIFEST_FILE_NAME.to_owned(), bytes, time });
            package = understood(&self.files);
        }
        if package.is_refused() {
            return Err(PackageBuildError::Refused { problems: package.problems });
        }
        let mut cabinet = CabinetBuilder::new(Compression::Mszip);
        for NewFile { path, bytes, time } in &self.files {
            let content = CountedBytes { bytes, progress: &progress };
            cabinet.file_from(path.replace('/', "\\"), *time, bytes.len() as u64, content);
        }
        Ok(cabinet.build()?)
    }

    /// Returns the entries of the manifest for a package whose folders state its releases.
    fn entries(&self, package: &Package) -> Vec<ManifestEntry> {
        let path =
            |index: usize| package.members.get(index).map(|member| member.name.clone()).unwrap_or_default();
        let mut entries = Vec::new();
        for (index, release) in package.releases.iter().enumerate() {
            let mut entry = ManifestEntry { number: index + 1, ..ManifestEntry::default() };
            entry.descriptions = release.descriptions.iter().map(|index| path(*index)).collect();
            let mut words = RuleWords::of_rule(&release.key);
            entry.items.extend(words.by_item().filter_map(|(item, word)| Some((item, word.take()?))));
            entry.items.insert(ManifestItem::Version, release.version.as_str().to_owned());
            entry.items.insert(ManifestItem::FileName, path(release.image));
            entry.items.insert(ManifestItem::SignatureFileName, path(release.signature));
            entries.push(entry);
        }
        for (index, interim) in package.interim.iter().enumerate() {
            let mut entry = ManifestEntry { is_interim: true, number: index + 1, ..ManifestEntry::default() };
            let image = path(interim.image);
            if let Some(version) = self.interim_versions.get(&image.to_ascii_lowercase()) {
                entry.items.insert(ManifestItem::Version, version.as_str().to_owned());
            }
            entry.items.insert(ManifestItem::Kind(KindWord::Locale), interim.locale.as_str().to_owned());
            entry.items.insert(ManifestItem::UpdateType, interim.update_type.as_str().to_owned());
            entry.items.insert(ManifestItem::FileName, image);
            entry.items.insert(ManifestItem::SignatureFileName, path(interim.signature));
            entries.push(entry);
        }
        entries
    }
}

/// A reader of bytes that calls `progress` with the number of bytes of each read.
struct CountedBytes<'a, F> {
    bytes: &'a [u8],
    progress: &'a F,
}

impl<F: Fn(u64)> Read for CountedBytes<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}

/// Returns a sort key for files in the cabinet: the manifest comes first, then the files by path.
fn order(path: &str) -> (bool, String, &str) {
    (!path.eq_ignore_ascii_case(MANIFEST_FILE_NAME), path.to_ascii_lowercase(), path)
}

/// Returns the package that reading a cabinet with these files would return.
fn understood(files: &[NewFile]) -> Package {
    let files = files.iter().enumerate();
    let members: Vec<Member> = files
        .clone()
        .map(|(index, file)| Member::of_bytes(index, &file.path, &file.bytes, Some(file.time)))
        .collect();
    let kept = files
        .zip(&members)
        .filter(|(_, member)| member.role.is_kept())
        .map(|((index, file), _)| (index, KeptBytes::Whole(file.bytes.clone())))
        .collect();
    understand(Sha256Digest::new([0; 32]), members, &kept, PackageOptions::default())
}

/// The reason why a package was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageBuildError {
    /// Reading the package would report a refusal. `problems` are all problems of the package,
    /// including warnings.
    #[error("package would be refused: {}", first_refusal(problems))]
    #[allow(missing_docs, reason = "the message documents the field")]
    Refused { problems: Vec<Problem> },
    /// A signature catalogue could not be built.
    #[error(transparent)]
    Catalogue(#[from] CatalogueBuildError),
    /// The cabinet could not be written.
    #[error(transparent)]
    Cabinet(#[from] BuildError),
}

fn first_refusal(problems: &[Problem]) -> String {
    let mut refusals = problems.iter().filter(|problem| problem.severity() == Severity::Refusal);
    let first = refusals.next().map(ToString::to_string).unwrap_or_default();
    match refusals.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }
}

/// Returns the earliest time that a cabinet can store: 01-01-1980.
fn dos_epoch() -> FieldTime {
    FieldTime::new((1980, 1, 1), (0, 0, 0)).expect("the calendar has 1 January 1980")
}

#[cfg(test)]
mod tests {
    use super::super::member::NoSink;
    use super::super::package::PackageForm;
    use super::super::problem::ProblemKind;
    use super::super::read::read_package;
    use super::*;
    use crate::{Cabinet, CabinetLimits};

    fn time() -> FieldTime {
        "16-12-2008 04:43:58".parse().unwrap()
    }

    fn release(key: &str, version: &str) -> NewRelease {
        NewRelease::new(key.parse().unwrap(), ReportedVersion::new(version), vec![7; 5000], time())
    }

    fn read(bytes: &[u8]) -> Package {
        let cabinet = Cabinet::open(bytes, CabinetLimits::default()).unwrap();
        read_package(cabinet, PackageOptions::default(), &mut NoSink).unwrap()
    }

    const IP8540: &str = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";
    const CX700: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";

    #[test]
    fn a_package_is_read_back_as_it_was_built() {
        let interim = NewInterim::new(
            "ENU".parse().unwrap(),
            &"CPE".parse().unwrap(),
            ReportedVersion::new("1.0.522.103"),
            vec![1; 100],
            time(),
        );
        let builder = PackageBuilder::new()
            .with_release(release(CX700, "3.5.6907.9").with_description("CPE.xml", "<Description/>"))
            .with_release(release(IP8540, "4.1.0.82b").with_file_name("phone.nbt"))
            .with_interim(interim);
        let package = read(&builder.clone().build().unwrap());
        assert_eq!(package.form, PackageForm::Manifest);
        let names: Vec<_> =
            package.members.iter().map(|member| member.path.as_ref().unwrap().as_str()).collect();
        assert_eq!(
            names,
            [
                "updateInfo.xml",
                "OCInterim/ENU/CPE.cat",
                "OCInterim/ENU/CPE.nbt",
                "UCPhone/LG-Nortel/IP8540/A/ENU/4.1.0.82b/CPE/phone.cat",
                "UCPhone/LG-Nortel/IP8540/A/ENU/4.1.0.82b/CPE/phone.nbt",
                "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.cat",
                "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.nbt",
                "UCPhone/Polycom/CX700/A/ENU/3.5.6907.9/CPE/CPE.xml",
            ]
        );
        let [first, second] = &package.releases[..] else { panic!("{package:?}") };
        assert_eq!((first.key.to_string().as_str(), first.version.as_str()), (IP8540, "4.1.0.82b"));
        assert_eq!((second.image, second.signature, &second.descriptions[..]), (6, 5, &[7][..]));
        assert_eq!(second.time_stamp, Some(time()));
        assert_eq!(package.interim[0].version, Some(ReportedVersion::new("1.0.522.103")));

        let by_folders = read(&builder.without_manifest().build().unwrap());
        assert_eq!(by_folders.form, PackageForm::Hierarchy);
        assert_eq!(by_folders.interim[0].version, None);
        let said = |package: &Package| -> Vec<_> {
            package.releases.iter().map(|release| (release.key.clone(), release.version.clone())).collect()
        };
        assert_eq!(said(&by_folders), said(&package));
    }

    #[test]
    fn the_same_input_gives_the_same_bytes_in_any_order() {
        let one =
            PackageBuilder::new().with_release(release(CX700, "1.2")).with_release(release(IP8540, "1.2"));
        let two =
            PackageBuilder::new().with_release(release(IP8540, "1.2")).with_release(release(CX700, "1.2"));
        assert_eq!(one.build().unwrap(), two.build().unwrap());
    }

    #[test]
    fn a_folder_in_the_hierarchy_is_packed_file_by_file() {
        let image = vec![9; 300];
        let catalogue = CatalogueBuilder::new().with_image("CPE.nbt", &image).build().unwrap();
        let builder = PackageBuilder::new()
            .with_file(r"UCPhone\Polycom\CX700\A\ENU\3.5\CPE\CPE.nbt", image.clone(), time())
            .with_file("UCPhone/Polycom/CX700/A/ENU/3.5/CPE/CPE.cat", catalogue.clone(), time())
            .with_file("OCInterim/DEU/CPE.nbt", image, time())
            .with_file("OCInterim/DEU/CPE.cat", catalogue, time())
            .with_interim_version("OCInterim/DEU/CPE.nbt", ReportedVersion::new("1.0.522.103"));
        let package = read(&builder.build().unwrap());
        assert_eq!(package.form, PackageForm::Manifest);
        assert_eq!(package.releases[0].version.as_str(), "3.5");
        assert_eq!(package.interim[0].version, Some(ReportedVersion::new("1.0.522.103")));
    }

    #[test]
    fn what_reading_would_refuse_is_not_built() {
        let forged = CatalogueBuilder::new().with_image("CPE.nbt", b"another").build().unwrap();
        let builder = PackageBuilder::new().with_release(release(CX700, "1.2").with_signature(forged));
        let error = builder.build().unwrap_err();
        let PackageBuildError::Refused { problems } = &error else { panic!("{error}") };
        assert!(problems.iter().any(|problem| problem.kind == ProblemKind::DigestMismatch), "{problems:?}");
        assert!(
            error.to_string().starts_with("package would be refused: refusal: UCPhone/Polycom"),
            "{error}"
        );
        let twice =
            PackageBuilder::new().with_release(release(CX700, "1.2")).with_release(release(CX700, "1.3"));
        assert!(matches!(twice.build(), Err(PackageBuildError::Refused { .. })));
        assert!(matches!(PackageBuilder::new().build(), Err(PackageBuildError::Refused { .. })));
    }

    #[test]
    fn a_time_that_cabinets_do_not_hold_is_an_error() {
        let early: FieldTime = "16-12-1979 04:43:58".parse().unwrap();
        let release = NewRelease::new(CX700.parse().unwrap(), ReportedVersion::new("1.2"), vec![1], early);
        assert!(matches!(
            PackageBuilder::new().with_release(release).build(),
            Err(PackageBuildError::Cabinet(_))
        ));
        let before = NewRelease::new(
            CX700.parse().unwrap(),
            ReportedVersion::new("1.2"),
            vec![1],
            FieldTime::FILETIME_ZERO,
        );
        let before = PackageBuilder::new().with_release(before).build();
        assert!(matches!(before, Err(PackageBuildError::Catalogue(_))));
    }
}
