//! Tests the export of the original's folders for other web servers.

use crate::fixtures::*;
use std::fs;
use std::path::Path;
use ucupdate::local::LocalStore;

const IMAGE: &str = "UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE/CPE.nbt";

/// Returns every file below a folder by path, except the internal files of the export.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(folder: &Path, below: &str, all: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if path == ".ucupdate-export" {
                let left: Vec<_> =
                    fs::read_dir(entry.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
                assert_eq!(left, ["lock"], "nothing that was staged is left");
            } else if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &path, all);
            } else {
                all.push((path, fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    walk(folder, "", &mut all);
    all.sort();
    all
}

async fn served(service: &UpdateService) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for file in service.snapshot().files().iter() {
        let bytes = service.store().get_bytes(&file.key, 1 << 24).await.unwrap();
        all.push((file.path.to_string(), bytes.to_vec()));
    }
    all.sort();
    all
}

#[tokio::test]
async fn the_tree_is_what_is_served_and_writing_it_again_updates_it() {
    let service = with_sample(MemoryStore::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("www/DeviceUpdateFiles_Int");
    let plain = TreeOptions::default();
    let written = service.export_tree(&tree, &plain, |_| {}).await.unwrap();
    let count = service.snapshot().files().iter().len() as u64;
    assert_eq!((written.copied, written.linked, written.unchanged), (count, 0, 0));
    assert_eq!(files(&tree), served(&service).await);
    assert!(tree.join("OCInterim/ENU/CPE.cat").is_file() && tree.join(IMAGE).is_file());

    // One file was deleted, one was truncated, and a package was ingested.
    fs::remove_file(tree.join(IMAGE)).unwrap();
    fs::write(tree.join("OCInterim/ENU/CPE.nbt"), "cut").unwrap();
    fs::write(tree.join("index.html"), "mine").unwrap();
    ingest(&service, newer_package()).await.unwrap();
    let again = service.export_tree(&tree, &plain, |_| {}).await.unwrap();
    assert_eq!((again.copied, again.unchanged, again.others), (4, count - 2, 1));
    assert_eq!(again.revision, 2);
    fs::remove_file(tree.join("index.html")).unwrap();
    assert_eq!(files(&tree), served(&service).await);
}

#[tokio::test]
async fn files_of_a_store_in_a_folder_are_linked_where_that_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tree) = (folder.path().join("data"), folder.path().join("tree"));
    let service = with_sample(LocalStore::open(&store).unwrap()).await;
    let linking = TreeOptions::default().with_links_from(&store);
    let count = service.snapshot().files().iter().len() as u64;
    let written = service.export_tree(&tree, &linking, |_| {}).await.unwrap();
    assert_eq!((written.linked, written.copied), (count, 0));
    assert_eq!(files(&tree), served(&service).await);
    let again = service.export_tree(&tree, &linking, |_| {}).await.unwrap();
    assert_eq!((again.linked, again.unchanged), (0, count));

    // A file is not written through a link, so the file of the store is not changed.
    fs::remove_file(tree.join(IMAGE)).unwrap();
    fs::write(tree.join(IMAGE), "other").unwrap();
    assert_eq!(service.export_tree(&tree, &linking, |_| {}).await.unwrap().linked, 1);
    assert_eq!(service.check(false).await.unwrap().problems, []);
}

#[cfg(unix)]
#[tokio::test]
async fn a_linked_tree_becomes_a_copy_when_copies_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tree) = (folder.path().join("data"), folder.path().join("tree"));
    let service = with_sample(LocalStore::open(&store).unwrap()).await;
    let linking = TreeOptions::default().with_links_from(&store);
    service.export_tree(&tree, &linking, |_| {}).await.unwrap();
    let count = service.snapshot().files().iter().len() as u64;
    let copying = TreeOptions::default();
    for (copied, unchanged) in [(count, 0), (0, count)] {
        let written = service.export_tree(&tree, &copying, |_| {}).await.unwrap();
        assert_eq!((written.copied, written.unchanged, written.linked), (copied, unchanged, 0));
    }
    // A web server that writes into its tree does not change the store.
    for (path, bytes) in files(&tree) {
        fs::write(tree.join(path), vec![1; bytes.len()]).unwrap();
    }
    assert_eq!(service.check(false).await.unwrap().problems, []);
}

#[cfg(unix)]
#[tokio::test]
async fn a_linked_file_that_was_changed_in_place_is_named() {
    use std::os::unix::fs::FileExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (store, tree) = (folder.path().join("data"), folder.path().join("tree"));
    let service = with_sample(LocalStore::open(&store).unwrap()).await;
    let linking = TreeOptions::default().with_links_from(&store);
    service.export_tree(&tree, &linking, |_| {}).await.unwrap();
    let changed = fs::File::options().write(true).open(tree.join(IMAGE)).unwrap();
    changed.write_all_at(b"X", 100).unwrap();
    for options in [linking, TreeOptions::default()] {
        let again = service.export_tree(&tree, &options, |_| {}).await.unwrap();
        assert_eq!(again.missing, [IMAGE]);
    }
}

#[tokio::test]
async fn only_files_that_an_export_made_are_removed_and_others_are_named() {
    let service = with_sample(MemoryStore::default()).await;
    let tree = tempfile::tempdir().unwrap();
    let staging = tree.path().join(".ucupdate-export");
    fs::create_dir_all(staging.join("sub")).unwrap();
    let unfinished = ".ucupdate-00000000000000af-7.partial";
    let theirs = ["mine", "notes.partial", &format!("sub/{unfinished}")];
    for name in theirs.iter().copied().chain([unfinished]) {
        fs::write(staging.join(name), "x").unwrap();
    }
    let written = service.export_tree(tree.path(), &TreeOptions::default(), |_| {}).await.unwrap();
    assert_eq!(
        (written.others, &written.left),
        (3, &theirs.map(|name| format!(".ucupdate-export/{name}")).to_vec())
    );
    assert!(theirs.iter().all(|name| staging.join(name).is_file()));
    assert!(!staging.join(unfinished).exists());
}

#[tokio::test]
async fn what_is_gone_or_damaged_in_the_store_is_named_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("data");
    let service = with_sample(LocalStore::open(&store).unwrap()).await;
    let snapshot = service.snapshot();
    let stone = "OCInterim/ENU/CPE.nbt";
    let key = &snapshot.files().find(stone).unwrap().key;
    service.store().put_bytes(key, vec![0; IMAGE_BYTES]).await.unwrap();
    service.store().delete(&snapshot.files().find(IMAGE).unwrap().key).await.unwrap();
    for options in [TreeOptions::default(), TreeOptions::default().with_links_from(&store)] {
        let tree = tempfile::tempdir().unwrap();
        let written = service.export_tree(tree.path(), &options, |_| {}).await.unwrap();
        assert_eq!(written.missing, [stone, IMAGE]);
        assert_eq!(files(tree.path()).len(), snapshot.files().iter().len() - 2);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_outside_the_folder_is_written_and_links_are_refused() {
    use std::os::unix::fs::symlink;
    let service = with_sample(MemoryStore::default()).await;
    for link in ["UCPhone", "UCPhone/LG-Nortel/IP8540", "OCInterim/ENU/CPE.nbt", ".ucupdate-export", IMAGE] {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        let tree = folder.path().join("tree");
        let at = tree.join(link);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::create_dir_all(&outside).unwrap();
        let target = if link.ends_with(".nbt") { outside.join("file") } else { outside.clone() };
        symlink(&target, &at).unwrap();
        let refused = service.export_tree(&tree, &TreeOptions::default(), |_| {}).await.unwrap_err();
        let source = std::error::Error::source(&refused).unwrap().to_string();
        assert!(source.contains("is a symbolic link, expected a "), "{link}: {source}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{link}");

        // A link inside the tree is not followed either.
        fs::remove_file(&at).unwrap();
        fs::create_dir_all(tree.join("elsewhere")).unwrap();
        symlink("elsewhere", &at).unwrap();
        assert!(service.export_tree(&tree, &TreeOptions::default(), |_| {}).await.is_err(), "{link}");
        assert_eq!(fs::read_dir(tree.join("elsewhere")).unwrap().count(), 0, "{link}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_nobody_may_look_into_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let service = with_sample(MemoryStore::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("lost+found");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read_dir(&closed).is_ok();
    let written = service.export_tree(folder.path(), &TreeOptions::default(), |_| {}).await.unwrap();
    assert_eq!((written.others, written.missing.len()), (u64::from(!is_root), 0));
}

#[tokio::test]
async fn one_export_at_a_time_writes_into_a_folder_and_what_a_killed_one_left_is_cleared() {
    let service = with_sample(MemoryStore::default()).await;
    let tree = tempfile::tempdir().unwrap();
    let staging = tree.path().join(".ucupdate-export");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join(".ucupdate-00000000000000af-7.partial"), "half").unwrap();
    let lock = fs::File::create(staging.join("lock")).unwrap();
    fs4::FileExt::try_lock(&lock).unwrap();
    let refused = service.export_tree(tree.path(), &TreeOptions::default(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, TreeError::InUse { .. }));
    drop(lock);
    service.export_tree(tree.path(), &TreeOptions::default(), |_| {}).await.unwrap();
    assert_eq!(files(tree.path()), served(&service).await);
}
