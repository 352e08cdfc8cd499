use crate::fixtures::*;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::core::{Command, TestDevice, TestDeviceId};
use ucupdate::store::{ImageStoreExt as _, MemoryStore, StoreKey};
use ucupdate::{ChangeError, UpdateService};
use ucupdate_testkit::faulty::{Call, Fault, Faulty};

fn tester(number: u32) -> TestDevice {
    TestDevice {
        name: format!("phone {number}").parse().unwrap(),
        id: TestDeviceId::Serial(format!("S{number}").parse().unwrap()),
    }
}

#[tokio::test]
async fn servers_that_change_one_store_at_once_lose_no_change() {
    let store = MemoryStore::default();
    let mut servers = Vec::new();
    for server in 0..4_u32 {
        let service = open(store.clone()).await;
        servers.push(tokio::spawn(async move {
            for number in 0..10 {
                service.add_test_device(tester(server * 100 + number), "ann").await.unwrap();
            }
        }));
    }
    for server in servers {
        server.await.unwrap();
    }
    let late = open(store).await;
    assert_eq!(late.snapshot().revision(), 40, "dense: one revision for each change");
    assert_eq!(late.snapshot().book().test_devices().len(), 40);
    let numbers: Vec<u64> =
        late.history(1, 100).await.unwrap().iter().map(|revision| revision.number).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_two_servers_that_want_the_same_name_one_is_refused_with_what_changed() {
    let store = MemoryStore::default();
    let (one, two) = (open(store.clone()).await, open(store).await);
    one.add_test_device(tester(1), "ann").await.unwrap();
    let refused = two.add_test_device(tester(1), "bob").await.unwrap_err();
    assert_eq!(refused.to_string(), "phone 1 is a test device already, known by its serial number S1");
    assert!(matches!(refused, ChangeError::Refused(_)));
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made_once() {
    for lost in [Fault::LostAnswer, Fault::Unavailable] {
        let store = Faulty::new(MemoryStore::default());
        store.on(Call::Create).once(lost);
        let service = open(store).await;
        let changed = service.add_test_device(tester(1), "ann").await.unwrap();
        assert_eq!(changed.revision, Some(1));
        assert_eq!(service.history(1, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_store_that_stays_down_is_an_error_and_the_next_change_goes_on() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    store.on(Call::Create).always(Fault::Unavailable);
    let failed = service.add_test_device(tester(1), "ann").await.unwrap_err();
    assert!(matches!(failed, ChangeError::State(_)), "{failed}");
    store.heal();
    assert_eq!(service.add_test_device(tester(1), "ann").await.unwrap().revision, Some(1));
}

#[tokio::test]
async fn a_start_from_a_checkpoint_reads_only_what_came_after() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    for number in 0..70 {
        service.add_test_device(tester(number), "ann").await.unwrap();
    }
    let before = store.calls(Call::Get);
    let late = open(Arc::clone(&store)).await;
    assert!(store.calls(Call::Get) - before <= 10, "{} reads", store.calls(Call::Get) - before);
    assert_eq!(late.snapshot().book(), service.snapshot().book());

    let checkpoint = StoreKey::parse("state/checkpoints/00000000000000000064.json").unwrap();
    for damage in ["", "{\"format\":\"1.0.0\"}", "not json"] {
        store.put_bytes(&checkpoint, damage).await.unwrap();
        assert_eq!(open(Arc::clone(&store)).await.snapshot().book(), service.snapshot().book(), "{damage}");
    }
    store.delete_all_below("state/checkpoints/").await;
    assert_eq!(open(store).await.snapshot().book(), service.snapshot().book());
}

trait DeleteAll {
    async fn delete_all_below(&self, prefix: &str);
}

impl<S: ucupdate::store::ImageStore> DeleteAll for S {
    async fn delete_all_below(&self, prefix: &str) {
        for meta in self.list_all(prefix, 1000).await.unwrap() {
            self.delete(&meta.key).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_revision_of_a_newer_program_is_refused_by_its_number_and_never_overwritten() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    service.add_test_device(tester(1), "ann").await.unwrap();
    let newer = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    store.put_bytes(&newer, r#"{"format":"2.0.0"}"#).await.unwrap();
    let message = format!("`{newer}` has format 2.0.0, and this program reads up to 1.0.0");
    assert_eq!(service.add_test_device(tester(2), "ann").await.unwrap_err().to_string(), message);
    let refused = UpdateService::open(Arc::new(store.clone()), options()).await.unwrap_err();
    assert_eq!(refused.to_string(), message);
    assert_eq!(store.get_bytes(&newer, 100).await.unwrap(), r#"{"format":"2.0.0"}"#);
}

#[tokio::test]
async fn a_history_that_was_tampered_with_is_not_read_on() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    for number in 1..=3 {
        service.add_test_device(tester(number), "ann").await.unwrap();
    }
    let second = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    let text = String::from_utf8(store.get_bytes(&second, 1 << 20).await.unwrap().to_vec()).unwrap();
    store.put_bytes(&second, text.replace("\"ann\"", "\"eve\"")).await.unwrap();
    let refused = UpdateService::open(Arc::new(store), options()).await.unwrap_err().to_string();
    assert!(refused.starts_with("`state/revisions/00000000000000000003.json` says it follows "), "{refused}");
}

#[tokio::test]
async fn other_servers_see_a_change_within_the_probe_period() {
    let store = MemoryStore::default();
    let changing = open(store.clone()).await;
    let mut probing = options();
    probing.probe = Some(Duration::from_millis(20));
    let answering = UpdateService::open(Arc::new(store), probing).await.unwrap();
    changing.add_test_device(tester(1), "ann").await.unwrap();
    let seen = async {
        while answering.snapshot().revision() < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the change is seen");
}

#[tokio::test]
async fn a_command_that_changes_nothing_makes_no_revision() {
    let service = open(MemoryStore::default()).await;
    let command = Command::DeployAtIngest("RoundTable".parse().unwrap(), true);
    assert_eq!(service.command(&command, "ann").await.unwrap().revision, None);
    assert_eq!(service.snapshot().revision(), 0);
}
