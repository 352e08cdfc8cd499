//! Tests symbolic links and other entries below the root that this store did not make.

use crate::key;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;
use ucupdate_store::{ImageStore, ImageStoreExt, StoreError, StoreKey};
use ucupdate_store_local::{Disk, LocalStore, RealDisk};

struct LinkedRoot {
    folder: TempDir,
    store: LocalStore,
}

/// Returns a root beside a folder with a secret, with links to the secret and links within the root.
async fn place() -> LinkedRoot {
    let folder = tempfile::tempdir().unwrap();
    let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    let store = LocalStore::open(&root).unwrap();
    store.put_bytes(&key("real/object"), "object").await.unwrap();
    symlink("../outside", root.join("folder-out")).unwrap();
    symlink("../outside/secret", root.join("file-out")).unwrap();
    symlink(outside.join("secret"), root.join("absolute")).unwrap();
    symlink("real", root.join("folder-in")).unwrap();
    symlink("real/object", root.join("file-in")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    LinkedRoot { folder, store }
}

const LINKED: [&str; 6] =
    ["folder-out/secret", "file-out", "absolute", "folder-in/object", "file-in", "dangling"];

fn is_refused<T: std::fmt::Debug>(end: &Result<T, StoreError>, at: &StoreKey) -> bool {
    matches!(end, Err(StoreError::Integrity { key, .. }) if key == at)
}

#[tokio::test]
async fn no_link_is_followed_to_read_or_write_or_delete() {
    let LinkedRoot { folder, store } = place().await;
    for at in LINKED.map(key) {
        let ends = [
            store.get(&at, None).await.map(drop),
            store.head(&at).await.map(drop),
            store.create(&at, "x".into()).await,
            store.put_bytes(&at, "x").await.map(drop),
            store.delete(&at).await,
            store.append(&at, 6, "x".into()).await,
        ];
        for end in ends {
            assert!(is_refused(&end, &at), "{at}: {end:?}");
        }
    }
    let refused = store.get(&key("folder-out/secret"), None).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "object at `folder-out/secret` is damaged: \
         `folder-out` is neither a file nor a folder, and links are not followed; \
         move it away, or put the file or folder itself there"
    );
    let new = store.create(&key("folder-out/new"), "x".into()).await;
    assert!(is_refused(&new, &key("folder-out/new")));
    assert_eq!(fs::read(folder.path().join("outside/secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(folder.path().join("outside")).unwrap().count(), 1);
    assert_eq!(store.get_bytes(&key("real/object"), 9).await.unwrap(), "object");
}

/// A copy of a store may be made of hard links.
#[tokio::test]
async fn an_object_with_a_second_name_is_not_appended_to() {
    let LinkedRoot { folder, store } = place().await;
    let (object, copy) = (key("real/object"), folder.path().join("copy"));
    fs::hard_link(folder.path().join("root/real/object"), &copy).unwrap();
    let refused = store.append(&object, 6, "x".into()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the store refuses it: `real/object` is not appended to: the file has a second name (a hard link)"
    );
    store.put_bytes(&object, "object!").await.unwrap();
    store.append(&object, 7, "!".into()).await.unwrap();
    assert_eq!(store.get_bytes(&object, 9).await.unwrap(), "object!!");
    assert_eq!(fs::read(copy).unwrap(), b"object");
}

#[tokio::test]
async fn no_link_is_listed() {
    let LinkedRoot { folder: _folder, store } = place().await;
    let listed = store.list_all("", 99).await.unwrap();
    assert_eq!(listed.iter().map(|meta| meta.key.as_str()).collect::<Vec<_>>(), ["real/object"]);
}

/// An empty listing would say that nothing was stored below the folder.
#[tokio::test]
async fn the_listing_of_a_folder_fails_where_a_link_is_in_its_place() {
    let LinkedRoot { folder: _folder, store } = place().await;
    for linked in ["folder-in/", "folder-out/", "folder-out/below/", "dangling/", "file-in/x"] {
        let listed = store.list(linked, None).await;
        assert!(matches!(listed, Err(StoreError::Integrity { .. })), "{linked}: {listed:?}");
    }
    for nothing in ["real/none/", "real/object/"] {
        assert!(store.list(nothing, None).await.unwrap().is_empty(), "{nothing}");
    }
}

/// Checks that the disk itself does not leave the root, even if a link appears between the check and the step.
#[tokio::test]
async fn the_disk_itself_does_not_leave_its_root() {
    let LinkedRoot { folder, .. } = place().await;
    let disk = RealDisk::open(folder.path().join("root")).unwrap();
    for out in ["folder-out/secret", "file-out", "absolute", "../outside/secret", "/etc/hostname"] {
        assert!(disk.open(out).is_err(), "{out} was opened");
    }
    assert!(disk.open("real/../../outside/secret").is_err());
    assert!(disk.create("folder-out/new").is_err());
    assert!(disk.link("real/object", "folder-out/new").is_err());
    assert!(disk.rename("real/object", "../outside/new").is_err());
    assert!(disk.unlink("folder-out/secret").is_err());
    assert_eq!(fs::read_dir(folder.path().join("outside")).unwrap().count(), 1);
    assert_eq!(disk.path(), folder.path().join("root"));
}

#[tokio::test]
async fn a_pipe_or_socket_is_neither_waited_for_nor_replaced() {
    let LinkedRoot { folder, store } = place().await;
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("root/real/socket")).unwrap();
    let at = key("real/socket");
    assert!(is_refused(&store.get(&at, None).await, &at));
    assert!(is_refused(&store.put_bytes(&at, "x").await, &at));
    assert_eq!(store.list_all("", 99).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_folder_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = LocalStore::open(&path).unwrap_err();
        assert!(error.to_string().contains(&format!("opening folder `{}`", path.display())), "{error}");
    }
    LocalStore::open(folder.path().join("made/on/the/way")).unwrap();
    assert!(folder.path().join("made/on/the/way").is_dir());
}

/// An interrupted deletion leaves empty folders, which must not prevent new objects.
#[tokio::test]
async fn empty_folders_are_no_objects_and_make_room() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b/c")).unwrap();
    fs::create_dir_all(folder.path().join("d/e")).unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    assert!(store.list_all("", 9).await.unwrap().is_empty());
    assert!(!store.exists(&key("a/b")).await.unwrap());
    store.create(&key("a/b"), "created".into()).await.unwrap();
    store.put_bytes(&key("d"), "put").await.unwrap();
    assert_eq!(store.list_all("", 9).await.unwrap().len(), 2);

    store.delete(&key("a/b")).await.unwrap();
    assert!(!folder.path().join("a").exists(), "the empty folder goes with its last object");
    let taken = store.create(&key("d/e"), "x".into()).await;
    assert!(matches!(taken, Err(StoreError::Conflict { other, .. }) if &*other == "d"));
}

#[tokio::test]
async fn a_root_that_was_removed_is_an_error_and_not_an_empty_store() {
    let LinkedRoot { folder, store } = place().await;
    fs::remove_dir_all(folder.path().join("root")).unwrap();
    assert!(matches!(
        store.list("", None).await,
        Err(StoreError::Replaced { .. } | StoreError::Backend { .. })
    ));
    assert!(matches!(
        store.head(&key("real/object")).await,
        Err(StoreError::Replaced { .. } | StoreError::Backend { .. })
    ));
    assert!(matches!(
        store.put_bytes(&key("a"), "x").await,
        Err(StoreError::Replaced { .. } | StoreError::Backend { .. })
    ));
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_was_swapped_is_an_error_of_every_call_that_would_miss_it() {
    let parent = tempfile::tempdir().unwrap();
    let (path, aside) = (parent.path().join("store"), parent.path().join("aside"));
    let store = LocalStore::open(&path).unwrap();
    store.put_bytes(&key("a"), "x").await.unwrap();
    fs::rename(&path, &aside).unwrap();
    let other = LocalStore::open(&path).unwrap();
    let is_replaced = |end: Result<(), StoreError>| matches!(end, Err(StoreError::Replaced { .. }));
    assert!(is_replaced(store.list("", None).await.map(drop)));
    assert!(is_replaced(store.head(&key("b")).await.map(drop)));
    assert!(is_replaced(store.create(&key("b"), "x".into()).await));
    assert!(is_replaced(store.put_bytes(&key("b"), "x").await.map(drop)));
    assert!(other.list("", None).await.unwrap().is_empty(), "the new folder is another store");
    drop(other);
    fs::remove_dir_all(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    store.create(&key("b"), "x".into()).await.unwrap();
}
