//! The inventory that servers keep in the store: silent devices do not vanish with old logs.

use std::sync::Arc;
use ucupdate::inventory::Inventory;
use ucupdate::store::{ImageStore, ImageStoreExt as _, MemoryStore, StoreKey};
use ucupdate::value::{UnixTime, Zone};
use ucupdate::{CheckOptions, InventoryKeeper, KeptError, check_store, read_kept_inventory};

const FOLDER: &str = "Logs/Server/Audit/imageUpdates/";

/// The time of 2009-03-06 12:00:00 UTC, some days later.
fn day(days: i64) -> UnixTime {
    UnixTime::from_seconds(1_236_340_800 + days * 86_400)
}

fn keeper(server: &str) -> InventoryKeeper {
    InventoryKeeper::new(server.parse().unwrap(), Zone::utc())
}

/// Writes the log of a server and a day of March 2009, with one request of each device.
async fn put_log(store: &dyn ImageStore, server: &str, day: u32, devices: &[u32]) -> StoreKey {
    let rows = devices.iter().map(|device| {
        format!("03-{day:02}-2009 08:00:00,0021630F{device:04X},Polycom,CX700,A,cpe.nbt;1.0.522.34;\n")
    });
    let log =
        format!("Logging DateTime,Mac Address,Vendor,Model,Revision,Requested\n{}", rows.collect::<String>());
    let key = format!("{FOLDER}RequestHandlerAuditLog_{server}_2009-03-{day:02}.log").parse().unwrap();
    store.put_bytes(&key, log).await.unwrap();
    key
}

async fn devices(store: &dyn ImageStore) -> Vec<String> {
    let mut fleet = Inventory::default();
    let kept = read_kept_inventory(store, &mut fleet).await.unwrap();
    assert_eq!(kept.unusable, []);
    fleet.devices().map(|(id, _)| id.to_string()[8..].to_owned()).collect()
}

#[tokio::test]
async fn a_silent_device_stays_in_the_inventory_when_its_log_is_gone() {
    let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    let old = put_log(&*store, "ocs01", 6, &[1, 2]).await;
    let mut keeper = keeper("ocs01");
    let report = keeper.refresh(&store, day(0)).await.unwrap();
    assert_eq!((report.rows, report.devices, report.left_out), (2, 2, 0));
    store.delete(&old).await.unwrap();
    put_log(&*store, "ocs01", 7, &[2, 3]).await;
    let report = keeper.refresh(&store, day(1)).await.unwrap();
    assert_eq!((report.rows, report.devices), (2, 3));
    assert_eq!(devices(&*store).await, ["0001", "0002", "0003"]);
    assert_eq!(self::keeper("ocs01").refresh(&store, day(2)).await.unwrap().devices, 3);
}

#[tokio::test]
async fn several_servers_keep_their_own_and_no_device_is_lost() {
    let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    let first = put_log(&*store, "ocs01", 6, &[1]).await;
    keeper("ocs01").refresh(&store, day(0)).await.unwrap();
    store.delete(&first).await.unwrap();
    put_log(&*store, "ocs02", 7, &[2]).await;
    // The first server never came back. Its devices are taken over, and its inventory is deleted when it is a week old.
    assert_eq!(keeper("ocs02").refresh(&store, day(1)).await.unwrap().deleted, 0);
    assert_eq!(devices(&*store).await, ["0001", "0002"]);
    assert_eq!(keeper("ocs02").refresh(&store, day(8)).await.unwrap().deleted, 1);
    assert_eq!(store.list_all("inventory/", 9).await.unwrap().len(), 1);
    assert_eq!(devices(&*store).await, ["0001", "0002"]);
}

#[tokio::test]
async fn a_damaged_inventory_is_made_anew_and_a_newer_one_is_never_overwritten() {
    let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    put_log(&*store, "ocs01", 6, &[1, 2]).await;
    let key: StoreKey = "inventory/ocs01.jsonl".parse().unwrap();
    for damaged in ["", "{}", "{\"format\":1}", "not text \u{0}"] {
        store.put_bytes(&key, damaged).await.unwrap();
        let mut fleet = Inventory::default();
        assert_eq!(read_kept_inventory(&*store, &mut fleet).await.unwrap().unusable.len(), 1, "{damaged}");
        let check = check_store(&*store, &CheckOptions::default(), day(0)).await.unwrap();
        assert_eq!(check.problems[0].kind(), "inventory-damaged");
        keeper("ocs01").refresh(&store, day(0)).await.unwrap();
        assert_eq!(devices(&*store).await, ["0001", "0002"]);
    }
    let newer = "{\"format\":9,\"read_to\":\"text\"}\n";
    store.put_bytes(&key, newer).await.unwrap();
    let refused = keeper("ocs01").refresh(&store, day(0)).await.unwrap_err();
    assert!(matches!(refused, KeptError::Newer { .. }), "{refused}");
    let check = check_store(&*store, &CheckOptions::default(), day(0)).await.unwrap();
    assert_eq!(
        check.problems[0].to_string(),
        "a newer program wrote `inventory/ocs01.jsonl`: it has format 9, expected at most 1"
    );
    assert_eq!(store.get_bytes(&key, 99).await.unwrap(), newer);
}

#[cfg(unix)]
#[tokio::test]
async fn a_linked_inventory_is_named_and_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = ucupdate::local::LocalStore::open(folder.path()).unwrap();
    std::fs::create_dir(folder.path().join("inventory")).unwrap();
    std::os::unix::fs::symlink("/elsewhere", folder.path().join("inventory/ocs01.jsonl")).unwrap();
    let kept = read_kept_inventory(&store, &mut Inventory::default()).await.unwrap();
    let unusable = kept.unusable.first().unwrap();
    assert_eq!(unusable.key, "inventory/ocs01.jsonl");
    assert_eq!(unusable.what, "it is a link, a pipe or a folder, which is not read");
}

#[tokio::test]
async fn of_too_many_devices_the_longest_silent_are_left_out_and_counted() {
    let store: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    put_log(&*store, "ocs01", 6, &[1, 2]).await;
    put_log(&*store, "ocs01", 7, &[2, 3]).await;
    let report = keeper("ocs01").with_devices(2).refresh(&store, day(2)).await.unwrap();
    assert_eq!((report.devices, report.left_out), (2, 1));
    assert_eq!(devices(&*store).await, ["0002", "0003"]);
}
