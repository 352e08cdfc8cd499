//! Tests interim images in a service: approval, files, stored form, and the wide stones of old stores.

use crate::fixtures::*;
use crate::stored::formats::{ASKED_AT, stored};

/// Returns a phone whose versions are below the threshold of the first stone. The original had no interim image for it.
fn cx600() -> RuleKey {
    "UCPhone/Polycom/CX600/A/ENU/CPE".parse().unwrap()
}

pub(crate) fn package_for(rule: RuleKey, version: &str) -> PackageBuilder {
    let image = sample::image(&format!("{rule} {version}"), IMAGE_BYTES);
    let release = NewRelease::new(rule, ReportedVersion::new(version), image, sample::time_stamp());
    PackageBuilder::new().with_release(release)
}

pub(crate) fn with_interim(package: PackageBuilder, version: &str) -> Vec<u8> {
    let image = sample::image(version, IMAGE_BYTES);
    let (locale, update_type) = ("ENU".parse().unwrap(), "CPE".parse().unwrap());
    let version = ReportedVersion::new(version);
    let interim = NewInterim::new(locale, &update_type, version, image, sample::time_stamp());
    package.with_interim(interim).build().unwrap()
}

/// Returns the format of a stored revision.
async fn format_of(service: &UpdateService, revision: u64) -> String {
    let key = format!("state/revisions/{revision:020}.json").parse().unwrap();
    let bytes = service.store().get_bytes(&key, 1 << 20).await.unwrap();
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    document["format"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_interim_image_alone_is_approved_or_rejected() {
    let service = with_sample(MemoryStore::default()).await;
    let (locale, update_type) = ("ENU".parse().unwrap(), "CPE".parse().unwrap());
    let rejected = service.admin("ann").reject_interim(locale, update_type).await.unwrap();
    assert_eq!(rejected.notes[0].to_string(), "interim image 1.0.522.103 for ENU is rejected");
    let (locale, update_type) = ("enu".parse().unwrap(), "cpe".parse().unwrap());
    let version = Some(ReportedVersion::new("1.0.522.103"));
    let approved = service.admin("bob").approve_interim(locale, update_type, version).await.unwrap();
    assert_eq!(approved.notes[0].to_string(), "interim image 1.0.522.103 for ENU is approved");
    assert_eq!(service.snapshot().book().interim_images().count(), 1);
}

#[tokio::test]
async fn a_damaged_interim_image_is_never_approved() {
    let service = with_sample(MemoryStore::default()).await;
    let key = service.snapshot().files().find("OCInterim/ENU/CPE.nbt").unwrap().key.clone();
    let mut bytes = service.store().get_bytes(&key, IMAGE_BYTES).await.unwrap().to_vec();
    bytes[100] ^= 1;
    service.store().put_bytes(&key, bytes).await.unwrap();
    let refused = service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "CPE.nbt of 1.0.522.103 for OCInterim/ENU differs from what was ingested; ingest its package again"
    );
    assert_eq!(service.snapshot().revision(), 1);
}

#[tokio::test]
async fn a_pending_interim_image_beside_an_approved_one_has_its_own_files() {
    let service = open(MemoryStore::default()).await;
    let first = with_interim(package_for(sample::ip8540(), "3.5.6907.0"), "1.0.522.103");
    ingest(&service, first).await.unwrap();
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let mut stone = service.snapshot().book().settings().stones[0].clone();
    let name = stone.name.clone();
    stone.by = "1.0.522.110".parse().unwrap();
    service.admin("ann").replace_stone(name, vec![stone]).await.unwrap();
    for other in ["ocs-interim-cpe", "ocs-interim-cx700"] {
        service.admin("ann").remove_stone(other.parse().unwrap()).await.unwrap();
    }
    let second = with_interim(package_for(sample::ip8540(), "3.5.6907.5"), "1.0.522.110");
    ingest(&service, second).await.unwrap();

    let phone = sample::ip8540();
    let url = |service: &UpdateService| ask(service, &phone, "0.0.0.0").modules[0].base_url.to_string();
    let digest =
        |service: &UpdateService, path: &str| service.snapshot().files().find(path).map(|file| file.sha256);
    assert!(url(&service).ends_with("/OCInterim/ENU"), "{}", url(&service));
    service.admin("ann").add_test_device(lab_phone()).await.unwrap();
    assert!(url(&service).ends_with("/OCInterim/ENU/1.0.522.110"), "{}", url(&service));
    let pending = digest(&service, "OCInterim/ENU/1.0.522.110/CPE.nbt").unwrap();
    assert_ne!(digest(&service, "OCInterim/ENU/CPE.nbt"), Some(pending));
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    assert!(url(&service).ends_with("/OCInterim/ENU"), "{}", url(&service));
    assert_eq!(digest(&service, "OCInterim/ENU/CPE.nbt"), Some(pending));
    assert_eq!(
        digest(&service, "OCInterim/ENU/1.0.522.110/CPE.nbt"),
        Some(pending),
        "a test device may be in the middle of a download"
    );
}

#[tokio::test]
async fn only_what_waits_for_approval_needs_the_newest_format() {
    let service = with_sample(MemoryStore::default()).await;
    assert_eq!(format_of(&service, 1).await, "1.4.0", "the interim image is pending");
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    assert_eq!(format_of(&service, 2).await, "1.2.0", "nothing is pending but a release");
    let again = open_again(&service).await;
    assert_eq!(again.snapshot().book(), service.snapshot().book());
}

async fn open_again(service: &UpdateService) -> UpdateService {
    UpdateService::open(std::sync::Arc::clone(service.store()), options()).await.unwrap()
}

#[tokio::test]
async fn the_check_of_an_old_store_names_its_wide_stone_and_the_step_that_narrows_it() {
    for format in ["1.0", "1.1", "1.2", "1.3"] {
        let store = stored(format).await;
        let service = open(store.clone()).await;
        let wide = |problems: Vec<StoreProblem>| {
            problems.into_iter().filter(|problem| problem.kind() == "stone-too-wide").collect::<Vec<_>>()
        };
        let checked = check_store(&store, &CheckOptions::default(), ASKED_AT).await.unwrap();
        let found = wide(checked.problems);
        let [problem] = &found[..] else { panic!("format {format}: {found:?}") };
        let StoreProblem::StoneTooWide { wide: stone } = problem else {
            panic!("format {format}: {problem}")
        };
        let name = stone.stone.name.clone();
        assert!(problem.to_string().starts_with(&format!("stepping stone {name} sends the interim image")));
        assert!(
            problem.repair().starts_with(&format!("type `ucupdate stone narrow {name}`: ")),
            "{problem:?}"
        );

        let changed = service.admin("ann").replace_stone(name, stone.narrowed.clone()).await.unwrap();
        let note = &changed.notes[0];
        assert_eq!((note.kind(), note.before()), ("stone-replaced", Some(stone.stone.to_string())));
        let checked = check_store(&store, &CheckOptions::default(), ASKED_AT).await.unwrap();
        assert_eq!(wide(checked.problems), [], "format {format}");
    }
}

#[tokio::test]
async fn a_phone_of_another_kind_goes_straight_to_its_target_once_the_stone_of_an_old_store_is_narrow() {
    for format in ["1.0", "1.1", "1.2"] {
        let service = open(stored(format).await).await;
        ingest(&service, package_for(cx600(), "4.0.7577.0").build().unwrap()).await.unwrap();
        service.admin("ann").approve(vec![cx600()]).await.unwrap();
        assert_eq!(offered(&service, &cx600(), "0.0.0.0"), "1.0.522.103", "format {format}");
        for wide in service.snapshot().book().wide_stones() {
            service.admin("ann").replace_stone(wide.stone.name, wide.narrowed).await.unwrap();
        }
        assert_eq!(offered(&service, &cx600(), "0.0.0.0"), "4.0.7577.0", "format {format}");
    }
}

#[tokio::test]
async fn a_store_without_a_history_has_no_stone_to_narrow() {
    let checked = check_store(&MemoryStore::default(), &CheckOptions::default(), NOW).await.unwrap();
    assert_eq!(checked.problems, []);
    let service = with_sample(MemoryStore::default()).await;
    assert_eq!(service.check(false).await.unwrap().problems, []);
}

#[tokio::test]
async fn an_interim_image_whose_version_nothing_states_is_left_out_until_a_stone_names_it() {
    let service = open(MemoryStore::default()).await;
    let without_manifest = with_interim(package_for(cx600(), "4.0.7577.0").without_manifest(), "2.0.0.0");
    let ingested = ingest(&service, without_manifest.clone()).await.unwrap();
    assert_eq!(
        ingested.notes.last().unwrap().to_string(),
        "the interim image for ENU is left out: neither its package nor a stepping stone for its devices states its version, \
         expected a manifest that does; `ucupdate package build` writes one"
    );
    let mut stone = service.snapshot().book().settings().stones[2].clone();
    stone.name = "lync".parse().unwrap();
    stone.kind.model = vec!["CX600".parse().unwrap()];
    stone.by = "2.0.0.0".parse().unwrap();
    let version = ReportedVersion::new("2.0.0.0");
    let refused = service.admin("ann").add_stone(stone.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("its image is missing"), "{refused}");
    service.admin("ann").reject(cx600()).await.unwrap();
    service.admin("ann").add_stone(stone).await.unwrap();
    ingest(&service, without_manifest).await.unwrap();
    let snapshot = service.snapshot();
    let (image, _) = snapshot.book().pending_interim_images().next().unwrap();
    assert_eq!(image.version, version);
}
