//! Invented packages in the form of the packages for OCS, for demonstrations, documentation, tests
//! and benches.
//!
//! The names, versions and times are taken from logs of OCS. The images are noise and their catalogues are
//! unsigned, so a real phone would not accept them.

use super::{NewInterim, NewRelease, PackageBuilder};
use crate::cabinet::self_extracting;
use crate::package::member::ROUND_TABLE_CONFIG_FILE_NAME;
use ucupdate_core::value::FieldTime;
use ucupdate_core::{ReportedVersion, RuleKey};

/// The size of a small but typical image in bytes: 300 KiB.
pub const IMAGE_BYTES: usize = 300 * 1024;

/// The version of the interim image in [`uc_updates`]. An old phone must install it before any
/// other version.
pub const INTERIM_VERSION: &str = "1.0.522.103";
/// The version of the release for [`ip8540`] in [`uc_updates`].
pub const IP8540_VERSION: &str = "3.5.6907.0";
/// The version of the release for [`cx700`] in [`uc_updates`].
pub const CX700_VERSION: &str = "3.5.6907.9";
/// The version of the release for [`conference_camera`] in [`round_table`].
pub const ROUND_TABLE_VERSION: &str = "1.1.27.0";

/// Returns the rule of the LG-Nortel IP8540, the phone in the logs of OCS.
pub fn ip8540() -> RuleKey {
    key("UCPhone/LG-Nortel/IP8540/A/ENU/CPE")
}

/// Returns the rule of the Polycom CX700, another phone for OCS.
pub fn cx700() -> RuleKey {
    key("UCPhone/Polycom/CX700/A/ENU/CPE")
}

/// Returns the rule of Microsoft RoundTable, a conference camera.
pub fn conference_camera() -> RuleKey {
    key("RoundTable/Microsoft/RTDevice/A/ENU/CPE")
}

fn key(text: &str) -> RuleKey {
    text.parse().expect("the samples' rules are well formed")
}

/// Returns `16-12-2008 04:43:58`, the modification time of every image. The audit log of OCS has
/// this time too.
#[allow(clippy::missing_panics_doc, reason = "what is built here is always the same and tested")]
pub fn time_stamp() -> FieldTime {
    FieldTime::new((2008, 12, 16), (4, 43, 58)).expect("the calendar has that day")
}

/// Returns an image of `bytes` bytes. Equal names give equal images. Half of the bytes are noise,
/// so the image compresses to about half of its size.
///
/// ```
/// use ucupdate_cab::package::sample;
/// assert_eq!(sample::image("CX700", 1000), sample::image("CX700", 1000));
/// assert_ne!(sample::image("CX700", 1000), sample::image("IP8540", 1000));
/// assert_eq!(sample::image("CX700", 1000).len(), 1000);
/// ```
pub fn image(name: &str, bytes: usize) -> Vec<u8> {
    // The seed is the FNV-1a hash of the name, and the noise comes from xorshift. The noise need not be unpredictable.
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
        | 1;
    let mut image = Vec::with_capacity(bytes + 512);
    image.extend_from_slice(b"B000FF\n");
    while image.len() < bytes {
        for _ in 0..32 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            image.extend_from_slice(&state.to_le_bytes());
        }
        image.extend_from_slice(&[state.to_le_bytes()[0]; 256]);
    }
    image.truncate(bytes);
    image
}

/// Returns a cabinet like the packages for OCS. It has the releases [`ip8540`] 3.5.6907.0 and
/// [`cx700`] 3.5.6907.9, and the interim image 1.0.522.103, all for the locale `ENU`. Each image
/// has `image_bytes` bytes, at least one.
#[allow(clippy::missing_panics_doc, reason = "what is built here is always the same and tested")]
pub fn uc_updates(image_bytes: usize) -> Vec<u8> {
    let release = |key: RuleKey, version: &str| {
        let image = image(key.kind().model.as_str(), image_bytes.max(1));
        NewRelease::new(key, ReportedVersion::new(version), image, time_stamp()).with_description(
            "CPE.xml",
            *b"<?xml version=\"1.0\" encoding=\"utf-8\"?><Description></Description>",
        )
    };
    let phone = ip8540();
    let interim = NewInterim::new(
        phone.kind().locale.clone(),
        phone.update_type(),
        ReportedVersion::new(INTERIM_VERSION),
        image("OCInterim", image_bytes.max(1)),
        time_stamp(),
    );
    PackageBuilder::new()
        .with_release(release(ip8540(), IP8540_VERSION))
        .with_release(release(cx700(), CX700_VERSION))
        .with_interim(interim)
        .build()
        .expect("the sample package is well formed")
}

/// Returns the cabinet of [`uc_updates`] in a self-extracting program, like `UCUpdates.exe`. The
/// program ends at once when it is started.
pub fn uc_updates_exe(image_bytes: usize) -> Vec<u8> {
    self_extracting(&uc_updates(image_bytes))
}

/// Returns a cabinet with a release for [`conference_camera`]. It also has `RTConfig.xml`, which
/// overwrites customised settings.
#[allow(clippy::missing_panics_doc, reason = "what is built here is always the same and tested")]
pub fn round_table(image_bytes: usize) -> Vec<u8> {
    let key = conference_camera();
    let image = image(key.kind().model.as_str(), image_bytes.max(1));
    let settings = b"<?xml version=\"1.0\" encoding=\"utf-8\"?><RTConfig></RTConfig>".to_vec();
    PackageBuilder::new()
        .with_release(NewRelease::new(key, ReportedVersion::new(ROUND_TABLE_VERSION), image, time_stamp()))
        .with_file(ROUND_TABLE_CONFIG_FILE_NAME, settings, time_stamp())
        .build()
        .expect("the sample package is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{NoSink, Package, PackageOptions, ProblemKind, read_package};
    use crate::{Cabinet, CabinetLimits};

    fn read(bytes: &[u8]) -> Package {
        let cabinet = Cabinet::open(bytes, CabinetLimits::default()).unwrap();
        read_package(cabinet, PackageOptions::default(), &mut NoSink).unwrap()
    }

    #[test]
    fn the_sample_of_phones_has_the_names_and_versions_of_the_fields_logs() {
        let package = read(&uc_updates(2000));
        let said: Vec<_> = package
            .releases
            .iter()
            .map(|release| (release.key.clone(), release.version.to_string()))
            .collect();
        assert_eq!(said, [(ip8540(), "3.5.6907.0".to_owned()), (cx700(), "3.5.6907.9".to_owned())]);
        let image = package.releases[0].image;
        assert_eq!(
            package.members[image].path.as_ref().unwrap().as_str(),
            "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt"
        );
        assert_eq!(package.releases[0].time_stamp.unwrap().to_string(), "16-12-2008 04:43:58");
        let interim = &package.interim[0];
        assert_eq!(interim.version.as_ref().unwrap().as_str(), "1.0.522.103");
        assert_eq!(package.members[interim.image].path.as_ref().unwrap().as_str(), "OCInterim/ENU/CPE.nbt");
        assert!(package.problems.iter().all(|problem| problem.kind == ProblemKind::CatalogueUnsigned));
        assert_eq!(package.problems.len(), 3);
    }

    #[test]
    fn the_program_carries_the_same_package() {
        assert_eq!(read(&uc_updates_exe(2000)), read(&uc_updates(2000)));
    }

    #[test]
    fn the_sample_of_cameras_warns_of_its_settings() {
        let package = read(&round_table(2000));
        let kinds: Vec<_> = package.warnings().map(|problem| problem.kind).collect();
        assert!(kinds.contains(&ProblemKind::OverwritesSettings));
        assert!(!package.is_refused());
    }

    #[test]
    fn images_compress_by_about_half() {
        let cabinet = uc_updates(IMAGE_BYTES).len();
        assert!((IMAGE_BYTES..IMAGE_BYTES * 2).contains(&cabinet), "{cabinet}");
    }
}
