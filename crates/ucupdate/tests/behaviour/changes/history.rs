use crate::fixtures::*;
use crate::meanwhile::Meanwhile;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn servers_that_change_one_store_at_once_lose_no_change() {
    let store = MemoryStore::default();
    let mut servers = Vec::new();
    for server in 0..4_u32 {
        let service = open(store.clone()).await;
        servers.push(tokio::spawn(async move {
            for number in 0..10 {
                service.admin("ann").add_test_device(tester(server * 100 + number)).await.unwrap();
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
    one.admin("ann").add_test_device(tester(1)).await.unwrap();
    let refused = two.admin("bob").add_test_device(tester(1)).await.unwrap_err();
    assert_eq!(refused.to_string(), "phone 1 is a test device already, known by its serial number S1");
    assert!(matches!(refused, ChangeError::Refused(_)));
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made_once() {
    for lost in [StoreFault::LostAnswer, StoreFault::Unavailable] {
        let store = Faulty::new(MemoryStore::default());
        store.on(StoreCall::Create).once(lost);
        let service = open(store).await;
        let changed = service.admin("ann").add_test_device(tester(1)).await.unwrap();
        assert_eq!(changed.revision, Some(1));
        assert_eq!(service.history(1, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_change_of_which_nobody_knows_whether_it_was_made_says_so() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    store.on(StoreCall::Create).once(StoreFault::LostAnswer);
    store.on(StoreCall::Create).always(StoreFault::Unavailable);
    // The change looks for the next revision twice before it creates it.
    store
        .on(StoreCall::Get)
        .below("state/revisions/00000000000000000001.json")
        .after(2)
        .always(StoreFault::Unavailable);
    let failed = service.admin("ann").add_test_device(tester(1)).await.unwrap_err();
    assert!(matches!(failed, ChangeError::Unclear { revision: 1, .. }), "{failed:?}");
    assert!(failed.to_string().contains("look at the history before you repeat the change"), "{failed}");
    store.heal();
    assert_eq!(service.history(1, 10).await.unwrap().len(), 1, "it was made");

    store.on(StoreCall::Create).once(StoreFault::LostAnswer);
    store.on(StoreCall::Create).always(StoreFault::Backend);
    store
        .on(StoreCall::Get)
        .below("state/revisions/00000000000000000002.json")
        .after(3)
        .always(StoreFault::Backend);
    let package = sample::uc_updates(500);
    let failed = service.admin("ann").ingest("UCUpdates.cab", stream_of(package), |_| {}).await.unwrap_err();
    assert!(matches!(failed, IngestError::Change(ChangeError::Unclear { .. })), "{failed:?}");
    store.heal();
    service.refresh().await.unwrap();
    assert!(service.check(false).await.unwrap().problems.is_empty(), "the files stay");
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_creation_never_ends_may_have_been_made() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    store.on(StoreCall::Create).once(StoreFault::Hangs);
    let failed = service.admin("ann").add_test_device(tester(1)).await.unwrap_err();
    assert!(matches!(failed, ChangeError::Unclear { revision: 1, .. }), "{failed:?}");
    store.on(StoreCall::Get).once(StoreFault::Hangs);
    let failed = service.admin("ann").add_test_device(tester(1)).await.unwrap_err();
    assert!(matches!(failed, ChangeError::State(_)), "nothing was created: {failed:?}");
}

#[tokio::test]
async fn a_store_that_stays_down_is_an_error_and_the_next_change_goes_on() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    store.on(StoreCall::Create).always(StoreFault::Unavailable);
    let failed = service.admin("ann").add_test_device(tester(1)).await.unwrap_err();
    assert!(matches!(failed, ChangeError::State(_)), "{failed}");
    store.heal();
    assert_eq!(service.admin("ann").add_test_device(tester(1)).await.unwrap().revision, Some(1));
}

#[tokio::test]
async fn a_start_from_a_checkpoint_reads_only_what_came_after() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    for number in 0..70 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    let before = store.calls(StoreCall::Get);
    let late = open(Arc::clone(&store)).await;
    assert!(store.calls(StoreCall::Get) - before <= 10, "{} reads", store.calls(StoreCall::Get) - before);
    assert_eq!(late.snapshot().book(), service.snapshot().book());

    let checkpoint = StoreKey::parse("state/checkpoints/00000000000000000064.json").unwrap();
    for damage in ["", "{\"format\":\"1.0.0\"}", "not json"] {
        store.put_bytes(&checkpoint, damage).await.unwrap();
        assert_eq!(open(Arc::clone(&store)).await.snapshot().book(), service.snapshot().book(), "{damage}");
    }
    store.delete_all_below("state/checkpoints/").await;
    let before = store.calls(StoreCall::Get);
    assert_eq!(open(Arc::clone(&store)).await.snapshot().book(), service.snapshot().book());
    assert_eq!(
        store.calls(StoreCall::Get) - before,
        70 + 1,
        "without one, each revision once, and the next that is not there"
    );
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
    service.admin("ann").add_test_device(tester(1)).await.unwrap();
    let newer = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    store.put_bytes(&newer, r#"{"format":"2.0.0"}"#).await.unwrap();

    let message = format!(
        "`{newer}` has format 2.0.0, but this program reads formats up to 1.4.0; use a newer program"
    );
    assert_eq!(service.admin("ann").add_test_device(tester(2)).await.unwrap_err().to_string(), message);
    let refused = UpdateService::open(Arc::new(store.clone()), options()).await.unwrap_err();
    assert_eq!(refused.to_string(), message);
    assert_eq!(store.get_bytes(&newer, 100).await.unwrap(), r#"{"format":"2.0.0"}"#);
}

#[tokio::test]
async fn a_history_that_was_tampered_with_is_not_read_on() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    for number in 1..=3 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    let second = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    let whole = store.get_bytes(&second, 1 << 20).await.unwrap();
    store.put_bytes(&second, forged(&whole, "\"ann\"", "\"eve\"")).await.unwrap();
    let refused = UpdateService::open(Arc::new(store), options()).await.unwrap_err().to_string();
    assert!(refused.starts_with("`state/revisions/00000000000000000003.json` names "), "{refused}");
}

#[tokio::test]
async fn the_newest_revision_is_refused_too_when_a_byte_of_it_changed() {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let newest = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    let text = String::from_utf8(store.get_bytes(&newest, 1 << 20).await.unwrap().to_vec()).unwrap();
    store.put_bytes(&newest, text.replace("3.5.6907.0", "3.5.6907.1")).await.unwrap();
    let refused = UpdateService::open(Arc::new(store), options()).await.unwrap_err().to_string();
    assert_eq!(refused, format!("`{newest}` is damaged: its SHA-256 differs from its seal"));
}

#[tokio::test]
async fn what_somebody_else_put_beside_the_revisions_is_no_gap() {
    let store = MemoryStore::default();
    open(store.clone()).await.admin("ann").add_test_device(tester(1)).await.unwrap();
    for stray in ["00000000000000000001.json~", "Thumbs.db", "99999999999999999999.json"] {
        store.put_bytes(&format!("state/revisions/{stray}").parse().unwrap(), "{}").await.unwrap();
    }
    let service = open(store.clone()).await;
    assert_eq!(service.admin("ann").add_test_device(tester(2)).await.unwrap().revision, Some(2));
    assert_eq!(open(store).await.snapshot().revision(), 2);
}

#[tokio::test]
async fn other_servers_see_a_change_within_the_probe_period() {
    let store = MemoryStore::default();
    let changing = open(store.clone()).await;
    let probing = options().with_probe(Some(Duration::from_millis(20)));
    let answering = UpdateService::open(Arc::new(store), probing).await.unwrap();
    changing.admin("ann").add_test_device(tester(1)).await.unwrap();
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
    let command = BookCommand::DeployAtIngest("RoundTable".parse().unwrap(), true);
    assert_eq!(service.admin("ann").command(&command).await.unwrap().revision, None);
    assert_eq!(service.snapshot().revision(), 0);
}

#[tokio::test]
async fn revisions_before_one_that_cannot_be_read_hold_all_the_same() {
    let store = MemoryStore::default();
    let (one, two) = (open(store.clone()).await, open(store.clone()).await);
    two.admin("ann").add_test_device(tester(1)).await.unwrap();
    let newer = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    store.put_bytes(&newer, r#"{"format":"2.0.0"}"#).await.unwrap();
    assert!(one.refresh().await.is_err());
    assert_eq!(one.snapshot().revision(), 1);
}

/// Returns a store with 64 revisions, an approved version and one checkpoint, and the key and the text of the
/// checkpoint.
async fn with_checkpoint(store: &MemoryStore) -> (UpdateService, StoreKey, String) {
    let service = with_sample(store.clone()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    for number in 0..62 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    let key = StoreKey::parse("state/checkpoints/00000000000000000064.json").unwrap();
    let bytes = store.get_bytes(&key, 1 << 20).await.unwrap();
    (service, key, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_checkpoint_that_was_damaged_and_still_parses_is_not_believed() {
    let store = MemoryStore::default();
    let (service, key, text) = with_checkpoint(&store).await;
    store.put_bytes(&key, text.replacen("\"everybody\"", "\"test-devices\"", 1)).await.unwrap();
    assert_eq!(open(store).await.snapshot().book(), service.snapshot().book());
}

/// Returns a checkpoint with another rule book, whose digests are those of this book.
fn with_forged_book(text: &str) -> String {
    let (head, book) = text.split_once(",\"book\":").unwrap();
    let book = book.strip_suffix('}').unwrap();
    let other = book.replacen("3.5.6907.0", "9.9.9.9", 2);
    assert_ne!(other, book);
    let digest = |book: &str| Sha256Digest::of(book.as_bytes()).to_string();
    assert!(head.contains(&digest(book)));
    format!("{},\"book\":{other}}}", head.replace(&digest(book), &digest(&other)))
}

/// Takes the digest of the rule book out of a revision, as programs wrote it that knew none, and seals all again.
async fn as_older_programs_wrote(store: &MemoryStore, newest: u64) {
    let mut previous: Option<String> = None;
    for number in 1..=newest {
        let key = StoreKey::parse(&format!("state/revisions/{number:020}.json")).unwrap();
        let text = store.get_bytes(&key, 1 << 23).await.unwrap();
        let mut text = String::from_utf8(text.to_vec()).unwrap();
        text.truncate(text.find(",\"seal\":").unwrap());
        if let Some((at, _)) = text.match_indices(",\"book_sha256\":").next() {
            text.replace_range(at..at + 81, "");
        }
        if let Some(previous) = previous {
            let at = text.find("\"previous\":\"").unwrap() + 12;
            text.replace_range(at..at + 64, &previous);
        }
        let seal = Sha256Digest::of(format!("{text}}}").as_bytes());
        let text = format!("{text},\"seal\":\"{seal}\"}}");
        previous = Some(Sha256Digest::of(text.as_bytes()).to_string());
        store.put_bytes(&key, text).await.unwrap();
    }
}

#[tokio::test]
async fn a_checkpoint_that_approves_what_the_history_never_approved_is_not_believed() {
    let store = MemoryStore::default();
    let (service, key, text) = with_checkpoint(&store).await;
    assert_ne!(with_forged_book(&text), text);
    store.put_bytes(&key, with_forged_book(&text)).await.unwrap();
    let late = open(store.clone()).await;
    assert_eq!(late.snapshot().book(), service.snapshot().book());
    // The forgery stands at a revision that no program makes a checkpoint of.
    store.delete(&key).await.unwrap();
    service.admin("ann").add_test_device(tester(70)).await.unwrap();
    let revision = StoreKey::parse("state/revisions/00000000000000000065.json").unwrap();
    let newest = Sha256Digest::of(store.get_bytes(&revision, 1 << 20).await.unwrap()).to_string();
    let at = text.find("\"sha256\":\"").unwrap() + 10;
    let mut moved = with_forged_book(&text).replacen("\"revision\":64", "\"revision\":65", 1);
    moved.replace_range(at..at + 64, &newest);
    let elsewhere = StoreKey::parse("state/checkpoints/00000000000000000065.json").unwrap();
    store.put_bytes(&elsewhere, moved).await.unwrap();
    assert_eq!(open(store).await.snapshot().book(), service.snapshot().book());
}

#[tokio::test]
async fn a_forged_checkpoint_of_an_older_program_is_not_believed_in_a_short_history() {
    let store = MemoryStore::default();
    let (service, key, text) = with_checkpoint(&store).await;
    as_older_programs_wrote(&store, 64).await;
    let revision = StoreKey::parse("state/revisions/00000000000000000064.json").unwrap();
    let sha256 = Sha256Digest::of(store.get_bytes(&revision, 1 << 20).await.unwrap()).to_string();
    let at = text.find("\"sha256\":\"").unwrap() + 10;
    let mut text = text;
    text.replace_range(at..at + 64, &sha256);
    for text in [text.clone(), with_forged_book(&text)] {
        store.put_bytes(&key, text).await.unwrap();
        assert_eq!(open(store.clone()).await.snapshot().book(), service.snapshot().book());
    }
}

#[tokio::test]
async fn a_damaged_checkpoint_never_makes_garbage_of_live_images() {
    let store = MemoryStore::default();
    let (service, key, text) = with_checkpoint(&store).await;
    let ingest_id = service.snapshot().book().packages().next().unwrap().ingest.to_string();
    let flipped = if ingest_id.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{flipped}", &ingest_id[..31]);
    assert!(text.contains(&ingest_id));
    store.put_bytes(&key, text.replace(&ingest_id, &other)).await.unwrap();
    let late = open(store.clone()).await;
    late.collect_garbage(&GarbageOptions::default().with_grace(Duration::ZERO)).await.unwrap();
    for file in service.snapshot().files().iter() {
        assert!(store.exists(&file.key).await.unwrap(), "{} is gone", file.path);
    }
}

#[tokio::test]
async fn only_the_newest_checkpoints_are_kept() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    for number in 0..200 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    let kept = keys(&service, "state/checkpoints/").await;
    assert_eq!(
        kept,
        ["state/checkpoints/00000000000000000128.json", "state/checkpoints/00000000000000000192.json"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_an_error_in_the_end() {
    let store = Arc::new(Faulty::new(MemoryStore::default()));
    let service = open(Arc::clone(&store)).await;
    store.on(StoreCall::Get).always(StoreFault::Hangs);
    let failed = service.refresh().await.unwrap_err();
    assert!(failed.to_string().starts_with("store unavailable: looking for changes"), "{failed}");
    store.heal();
    assert_eq!(service.admin("ann").add_test_device(tester(1)).await.unwrap().revision, Some(1));
}

#[tokio::test]
async fn a_revision_removed_by_hand_is_missed_and_never_written_over() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    for number in 1..=3 {
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
    let second = StoreKey::parse("state/revisions/00000000000000000002.json").unwrap();
    let whole = store.get_bytes(&second, 1 << 20).await.unwrap();
    store.delete(&second).await.unwrap();
    let message =
        format!("`{second}` is missing, but later revisions exist; restore it from a copy of the store");
    let refused = UpdateService::open(Arc::new(store.clone()), options()).await.unwrap_err();
    assert_eq!(refused.to_string(), message);
    store.put_bytes(&second, whole).await.unwrap();
    assert_eq!(open(store.clone()).await.snapshot().revision(), 3);

    // The server was running when two revisions were made. Only the second of them exists now.
    let fourth = StoreKey::parse("state/revisions/00000000000000000004.json").unwrap();
    let other = open(store.clone()).await;
    other.admin("ann").add_test_device(tester(4)).await.unwrap();
    other.admin("ann").add_test_device(tester(5)).await.unwrap();
    store.delete(&fourth).await.unwrap();
    let refused = service.admin("bob").add_test_device(tester(6)).await.unwrap_err().to_string();
    assert!(refused.starts_with(&format!("`{fourth}` is missing")), "{refused}");
    assert!(!store.exists(&fourth).await.unwrap());
}

#[tokio::test]
async fn a_change_answers_before_the_store_is_asked_for_the_next_one() {
    let store = Meanwhile::default();
    let service = with_sample(store.clone()).await;
    let other = open(store.store.clone()).await;
    other.admin("ann").add_test_device(tester(1)).await.unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let (answering, revision) = (service.clone(), Arc::clone(&seen));
    // The next request after the one that found revision 2.
    store.before(StoreCall::Get, "state/revisions/00000000000000000003", move |_| async move {
        revision.store(answering.snapshot().revision(), Ordering::Relaxed);
    });
    assert_eq!(service.refresh().await.unwrap(), 2);
    assert_eq!((store.has_happened(), seen.load(Ordering::Relaxed)), (true, 2));
}

#[tokio::test]
async fn an_answer_tells_the_revision_it_is_of() {
    let service = with_sample(MemoryStore::default()).await;
    let phone = sample::ip8540();
    let asker = Asker { side: Side::Internal, host: "10.1.1.123" };
    let before = service.answered(&request(&phone, "1.0.522.103"), asker).unwrap();
    assert_eq!((before.revision, before.response.modules.len()), (1, 0));
    service.admin("ann").approve(vec![phone.clone()]).await.unwrap();
    let after = service.answered(&request(&phone, "1.0.522.103"), asker).unwrap();
    assert_eq!((after.revision, after.response.modules.len()), (2, 1));
    assert_eq!(after.response, service.answer(&request(&phone, "1.0.522.103"), asker).unwrap());
}

/// Returns a store whose calls take some time, like a remote bucket.
fn far(store: MemoryStore) -> Faulty<MemoryStore> {
    let store = Faulty::new(store);
    for call in [StoreCall::Create, StoreCall::Put, StoreCall::Get, StoreCall::Head] {
        store.on(call).always(StoreFault::Slow(Duration::from_millis(40)));
    }
    store
}

#[tokio::test(start_paused = true)]
#[ignore = "slow; .ci/run runs it"]
async fn of_servers_that_change_one_far_store_all_the_time_none_is_starved() {
    let store = MemoryStore::default();
    let mut servers = Vec::new();
    for server in 0..8_u32 {
        let service = open(far(store.clone())).await;
        servers.push(tokio::spawn(async move {
            for number in 0..20 {
                service.admin("ann").add_test_device(tester(server * 100 + number)).await.unwrap();
            }
        }));
    }
    for server in servers {
        server.await.unwrap();
    }
    assert_eq!(open(store).await.snapshot().revision(), 160);
}

#[tokio::test(start_paused = true)]
async fn a_server_answers_by_what_others_changed_while_its_own_change_waits_for_its_turn() {
    let store = MemoryStore::default();
    let service = open(far(store.clone())).await;
    let rival = open(store).await;
    tokio::spawn(async move {
        // There are too many changes for a server with a slow store to be first.
        for number in 0..100 {
            rival.admin("ann").add_test_device(tester(number)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    });
    tokio::select! {
        changed = service.admin("bob").add_test_device(tester(1000)) => panic!("{changed:?}"),
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    // The number of changes it saw depends on its random pauses.
    assert!(service.snapshot().revision() > 1, "{service:?}");
}

#[tokio::test]
async fn a_change_is_written_in_the_oldest_format_that_can_say_it() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    let admin = service.admin("ann");
    admin.kill(StopScope::All, "calls drop").await.unwrap();
    let ban = Ban::new("UCPhone/Polycom 1.0.522.101".parse().unwrap(), "it bricks phones");
    admin.ban(ban).await.unwrap();
    let numeric = VersionScheme::Numeric;
    let rules: RulePattern = "UCPhone/AudioCodes/*".parse().unwrap();
    admin.put_scheme(PatternScheme::new(rules.clone(), numeric.clone())).await.unwrap();
    admin.remove_scheme(rules).await.unwrap();
    let name = "audiocodes".parse().unwrap();
    let (below, by) = (numeric.read("3.0.0.459.1").unwrap(), numeric.read("3.0.0.459.1").unwrap());
    let mut stone = SteppingStone::new(name, "UCPhone/AudioCodes/420HD/*/*".parse().unwrap(), below, by);
    stone.image = StoneImage::Interim;
    admin.add_stone(stone).await.unwrap();
    admin.remove_stone("audiocodes".parse().unwrap()).await.unwrap();
    let mut predicate = Predicate::default();
    predicate.installed = Some("<2.0.1.44.9".parse().unwrap());
    let name: GroupName = "old".parse().unwrap();
    admin.put_group(Group { name: name.clone(), predicate: Some(predicate.clone()) }).await.unwrap();
    predicate.installed = Some("<2.0.1.44".parse().unwrap());
    admin.put_group(Group { name: name.clone(), predicate: Some(predicate) }).await.unwrap();
    admin.remove_group(name).await.unwrap();
    let formats = ["1.2", "1.3", "1.4", "1.4", "1.3", "1.2", "1.3", "1.2", "1.2"];
    let formats = (1..).zip(formats.map(|format| format!("{format}.0")));
    for (revision, format) in formats {
        let key = StoreKey::parse(&format!("state/revisions/{revision:020}.json")).unwrap();
        let bytes = store.get_bytes(&key, 1 << 20).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["format"], format, "revision {revision}");
    }
}
