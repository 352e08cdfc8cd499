//! Tests which images are kept, and that garbage collection deletes nothing that a server needs.

use crate::fixtures::*;
use crate::meanwhile::Meanwhile;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a service whose clock is `days` days ahead. It keeps three revisions, and those of a day.
async fn on_day(store: impl ImageStore, days: i64) -> UpdateService {
    let options = Options::default()
        .with_clock(Arc::new(SettableClock::at(in_days(days))))
        .with_retention(Retention::default().with_revisions(3).with_time(DAY));
    UpdateService::open(Arc::new(store), options).await.unwrap()
}

async fn change_something(service: &UpdateService, times: u32) {
    for _ in 0..times {
        let number = service.snapshot().revision();
        service.admin("ann").add_test_device(tester(number)).await.unwrap();
    }
}

/// Makes a store in which versions 1, 2 and 3 were approved ten days ago, and other changes followed. No kept revision
/// needs version 1.
async fn with_three_versions(store: &Meanwhile) -> PackageId {
    let service = on_day(store.clone(), -10).await;
    let mut first = None;
    for version in ["1.0", "2.0", "3.0"] {
        let ingested = ingest(&service, package_with(version)).await.unwrap();
        service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
        first.get_or_insert(ingested.id());
    }
    change_something(&service, 3).await;
    store.age().await;
    first.unwrap()
}

async fn three_versions() -> (Meanwhile, UpdateService, PackageId) {
    let store = Meanwhile::default();
    let first = with_three_versions(&store).await;
    let service = on_day(store.clone(), 0).await;
    (store, service, first)
}

fn garbage() -> GarbageOptions {
    GarbageOptions::default().with_grace(DAY)
}

async fn collect(service: &UpdateService) -> Garbage {
    service.admin("gc").collect_unkept(&garbage()).await.unwrap()
}

/// Checks that every file of the rule book exists, and that there are no other files.
async fn assert_sound(store: &Meanwhile) -> RuleBook {
    let service = on_day(store.clone(), 0).await;
    let found = service.check(false).await.unwrap();
    assert_eq!(found.problems, []);
    assert_eq!(found.orphans, 0);
    service.snapshot().book().clone()
}

#[tokio::test]
async fn what_a_kept_revision_is_of_stays_and_the_rest_leaves_the_book_before_the_store() {
    let (store, service, first) = three_versions().await;
    let before = keys(&service, "").await;
    let found = service.admin("gc").collect_unkept(&garbage().with_dry_run(true)).await.unwrap();
    assert_eq!((&found.packages[..], found.kept_from, found.objects.len()), (&[first][..], 7, 4));
    assert_eq!(keys(&service, "").await, before, "finding changes nothing");

    let removed = collect(&service).await;
    assert_eq!((removed.packages, &removed.objects), (found.packages, &found.objects));
    let last = service.history(10, 1).await.unwrap().remove(0);
    assert_eq!((last.author.as_str(), last.command), ("gc", BookCommand::Retire(vec![first]).into()));
    assert_eq!(service.snapshot().book().packages().len(), 2);
    let left = keys(&service, "images/").await;
    assert!(removed.objects.iter().all(|gone| !left.contains(&gone.to_string())));
    assert_sound(&store).await;
    assert_eq!(collect(&service).await.packages, [], "and there is no more");
}

#[tokio::test]
async fn a_collection_for_a_revision_is_refused_at_another_one_however_late_it_moves() {
    let (store, service, first) = three_versions().await;
    let seen = service.snapshot().revision();
    let collect =
        async |revision| service.admin("gc").collect_unkept(&garbage().with_revision(revision)).await;
    let stale = collect(seen - 1).await.unwrap_err();
    let conflict = |expected, found| Refusal::RevisionConflict { expected, found };
    assert!(
        matches!(&stale, ChangeError::Refused(refusal) if *refusal == conflict(seen - 1, seen)),
        "{stale}"
    );
    // Another server changes the book after the packages were chosen.
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        let other = on_day(store, 0).await;
        other.admin("ann").kill(StopScope::All, "a test").await.unwrap();
    });
    let late = collect(seen).await.unwrap_err();
    assert!(matches!(&late, ChangeError::Refused(refusal) if *refusal == conflict(seen, seen + 1)), "{late}");
    assert!(store.has_happened());
    assert_eq!(service.snapshot().book().packages().len(), 3, "nothing was removed");
    assert_eq!(collect(seen + 1).await.unwrap().packages, [first]);
}

#[tokio::test]
async fn rolling_back_further_than_is_kept_is_refused_and_names_what_is_missing() {
    let (store, service, first) = three_versions().await;
    collect(&service).await;
    let refused = service.admin("bob").roll_back_to(2).await.unwrap_err().to_string();
    let phone = sample::ip8540();
    assert_eq!(
        refused,
        format!(
            "revision 2 cannot be restored: 1.0 for {phone} is no longer kept, ingest package {first} again"
        )
    );
    assert_eq!(service.snapshot().revision(), 10);

    // After another ingest the package is stored again, so a roll back is possible.
    ingest(&service, package_with("1.0")).await.unwrap();
    service.admin("bob").roll_back_to(2).await.unwrap();
    let book = assert_sound(&store).await;
    assert_eq!(book.rule(&phone).unwrap().approved().unwrap().version.as_str(), "1.0");
}

#[tokio::test]
async fn revisions_are_kept_by_number_or_by_time_whichever_is_more() {
    for (revisions, is_old, is_kept) in
        [(50, true, true), (3, true, false), (3, false, true), (1, true, false)]
    {
        let store = Meanwhile::default();
        with_three_versions(&store).await;
        if !is_old {
            store.be_young();
        }
        let options =
            Options::default().with_retention(Retention::default().with_revisions(revisions).with_time(DAY));
        let service = UpdateService::open(Arc::new(store), options).await.unwrap();
        let found = service
            .admin("gc")
            .collect_unkept(&garbage().with_grace(Duration::ZERO).with_dry_run(true))
            .await
            .unwrap();
        assert_eq!(found.packages.is_empty(), is_kept, "{revisions} revisions, old: {is_old}");
    }
}

#[tokio::test]
async fn two_that_collect_at_once_remove_the_same() {
    for _ in 0..5 {
        let store = Meanwhile::default();
        let first = with_three_versions(&store).await;
        let (one, two) = (on_day(store.clone(), 0).await, on_day(store.clone(), 0).await);
        let (one, two) = tokio::join!(collect(&one), collect(&two));
        assert!(one.packages == [first] || two.packages == [first]);
        assert_eq!(assert_sound(&store).await.packages().len(), 2);
    }
    let (store, service, _) = three_versions().await;
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        collect(&on_day(store, 0).await).await;
    });
    assert_eq!(collect(&service).await.packages, [], "the other was quicker");
    assert!(store.has_happened());
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_package_that_is_ingested_again_just_before_it_would_leave_stays() {
    let (store, service, _) = three_versions().await;
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        ingest(&on_day(store, 0).await, package_with("1.0")).await.unwrap();
    });
    assert_eq!(collect(&service).await.packages, []);
    assert!(store.has_happened());
    let book = assert_sound(&store).await;
    assert_eq!(book.rule(&sample::ip8540()).unwrap().pending().unwrap().version.as_str(), "1.0");
}

#[tokio::test]
async fn a_package_that_is_ingested_again_while_its_files_are_deleted_is_stored_anew() {
    let (store, service, first) = three_versions().await;
    store.before(StoreCall::Delete, "images/", |store| async move {
        ingest(&on_day(store, 0).await, package_with("1.0")).await.unwrap();
    });
    assert_eq!(collect(&service).await.packages, [first]);
    assert!(store.has_happened());
    assert!(assert_sound(&store).await.package(first).is_some());
}

#[tokio::test]
async fn an_ingest_that_counts_on_files_stored_before_stores_them_itself_when_they_leave_meanwhile() {
    let (store, service, first) = three_versions().await;
    store.before(StoreCall::Create, "state/revisions/", move |store| async move {
        assert_eq!(collect(&on_day(store, 0).await).await.packages, [first]);
    });
    ingest(&service, package_with("1.0")).await.unwrap();
    assert!(store.has_happened());
    assert!(assert_sound(&store).await.package(first).is_some());
}

#[tokio::test]
async fn a_roll_back_whose_package_leaves_meanwhile_is_refused() {
    let (store, service, first) = three_versions().await;
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        collect(&on_day(store, 0).await).await;
    });
    let refused = service.admin("bob").roll_back_to(2).await.unwrap_err().to_string();
    assert!(store.has_happened());
    assert_eq!(refused, format!("package {first} was removed from the rule book; ingest it again"));
    let book = assert_sound(&store).await;
    assert_eq!(book.rule(&sample::ip8540()).unwrap().approved().unwrap().version.as_str(), "3.0");
}

#[tokio::test]
async fn a_package_that_is_rolled_back_to_just_before_it_would_leave_stays() {
    let (store, service, _) = three_versions().await;
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        on_day(store, 0).await.admin("bob").roll_back_to(2).await.unwrap();
    });
    assert_eq!(collect(&service).await.packages, []);
    assert!(store.has_happened());
    let book = assert_sound(&store).await;
    assert_eq!(book.rule(&sample::ip8540()).unwrap().approved().unwrap().version.as_str(), "1.0");
}

#[tokio::test]
async fn a_package_that_was_wanted_and_given_up_meanwhile_stays_for_rolling_back() {
    let (store, service, _) = three_versions().await;
    store.before(StoreCall::Create, "state/revisions/", |store| async move {
        let other = on_day(store, 0).await;
        ingest(&other, package_with("1.0")).await.unwrap();
        other.admin("bob").reject(sample::ip8540()).await.unwrap();
    });
    assert_eq!(collect(&service).await.packages, [], "no rule is of it now, and a kept revision is");
    assert!(store.has_happened());
    service.admin("bob").roll_back_to(10).await.unwrap();
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_collecting_that_broke_off_is_gone_on_with() {
    for (call, fault) in [
        (StoreCall::Create, StoreFault::LostAnswer),
        (StoreCall::Create, StoreFault::Unavailable),
        (StoreCall::Delete, StoreFault::LostAnswer),
        (StoreCall::Delete, StoreFault::Unavailable),
        (StoreCall::List, StoreFault::Unavailable),
        (StoreCall::Get, StoreFault::Unavailable),
    ] {
        let inner = Meanwhile::default();
        with_three_versions(&inner).await;
        let store = Arc::new(Faulty::new(inner.clone()));
        let service = on_day(Arc::clone(&store), 0).await;
        for after in 0..4 {
            store.on(call).after(after).once(fault);
            let _broken = service.admin("gc").collect_unkept(&garbage()).await;
            store.heal();
        }
        collect(&service).await;
        assert_eq!(assert_sound(&inner).await.packages().len(), 2, "{call:?} {fault:?}");
    }
}

#[tokio::test]
async fn garbage_collection_makes_room_on_a_full_disk_before_the_revision_that_needs_it() {
    let inner = Meanwhile::default();
    with_three_versions(&inner).await;
    let orphan = format!("images/{:032x}/0-cpe.nbt", 7);
    inner.put_bytes(&orphan.parse().unwrap(), "of an ingest that was killed").await.unwrap();
    inner.age_one(&orphan);
    change_something(&on_day(inner.clone(), 0).await, 1).await;
    let store = Arc::new(Faulty::new(inner.clone()));
    let service = on_day(Arc::clone(&store), 0).await;
    store.on(StoreCall::Put).always(StoreFault::Unavailable);
    store.on(StoreCall::Create).always(StoreFault::Unavailable);
    let full = service.admin("gc").collect_unkept(&garbage()).await.unwrap_err();
    assert!(matches!(full, ChangeError::State(_)), "{full}");
    assert!(!keys(&service, "images/").await.contains(&orphan));
    store.heal();
    assert_eq!(collect(&service).await.packages.len(), 1);
    assert_sound(&inner).await;
}

#[tokio::test]
async fn images_of_a_store_that_lost_its_history_are_swept_up_only_by_who_asks() {
    let store = Meanwhile::default();
    with_three_versions(&store).await;
    let images = store.list_all("images/", 100).await.unwrap();
    for meta in store.list_all("state/", 100).await.unwrap() {
        store.delete(&meta.key).await.unwrap();
    }
    let found = collect(&on_day(store.clone(), 0).await).await;
    assert_eq!((found.objects.len(), found.before_history), (0, images.len()), "there is no history");
    // One server ingests without knowing of the loss. Days later another server ingests, which collects garbage.
    ingest(&on_day(store.clone(), 0).await, sample::round_table(IMAGE_BYTES)).await.unwrap();
    ingest(&on_day(store.clone(), 9).await, sample::round_table(2 * IMAGE_BYTES)).await.unwrap_err();
    for meta in &images {
        assert!(store.exists(&meta.key).await.unwrap());
    }
    store.set_ahead(9 * DAY);
    let found = collect(&on_day(store.clone(), 9).await).await;
    assert!(images.iter().all(|meta| found.objects.contains(&meta.key)), "somebody asked");
    assert_eq!(found.before_history, 0);
}

#[tokio::test]
async fn what_a_first_ingest_left_that_was_killed_is_swept_up_once_it_was_done_again() {
    let store = Meanwhile::default();
    with_sample(store.clone()).await;
    // All files were stored, but no revision was made.
    for meta in store.list_all("state/", 100).await.unwrap() {
        store.delete(&meta.key).await.unwrap();
    }
    store.age().await;
    let left = store.list_all("images/", 100).await.unwrap().len();
    let service = on_day(store.clone(), 0).await;
    assert_eq!(collect(&service).await.before_history, left, "it may be all that is left of a history");
    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    let found = collect(&on_day(store.clone(), 0).await).await;
    assert_eq!((found.objects.len(), found.before_history), (left, 0));
    assert_sound(&store).await;
}

#[tokio::test]
async fn the_clock_of_a_server_ends_no_retention() {
    for days in [-4000, -10, 30, 4000] {
        let store = Meanwhile::default();
        with_three_versions(&store).await;
        store.be_young();
        // One revision is made with a wrong time. A server with the same wrong clock collects garbage.
        let service = on_day(store.clone(), days).await;
        change_something(&service, 1).await;
        assert_eq!(collect(&service).await.packages, [], "{days} days");
        assert_eq!(collect(&on_day(store.clone(), 0).await).await.packages, [], "{days} days");
        assert_eq!(assert_sound(&store).await.packages().len(), 3);
    }
}

#[tokio::test]
async fn one_revision_that_looks_old_does_not_end_the_retention() {
    let store = Meanwhile::default();
    with_three_versions(&store).await;
    store.be_young();
    // One revision was restored from a copy with an old time.
    store.age_one("state/revisions/00000000000000000006.json");
    assert_eq!(collect(&on_day(store.clone(), 0).await).await.packages, []);
}

#[tokio::test]
async fn more_than_half_of_the_packages_leave_only_when_that_is_allowed() {
    let (store, service, _) = three_versions().await;
    for version in ["4.0", "5.0", "6.0"] {
        ingest(&service, package_with(version)).await.unwrap();
        service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    }
    change_something(&service, 5).await;
    store.age().await;
    let options = Options::default().with_retention(Retention::default().with_revisions(1).with_time(DAY));
    let service = UpdateService::open(Arc::new(store.clone()), options).await.unwrap();
    let admin = service.admin("gc");
    service.admin("ann").command(&BookCommand::DeployAtIngest("X".parse().unwrap(), true)).await.unwrap();
    store.age().await;
    let before = keys(&service, "").await;
    let shown = admin.collect_unkept(&garbage().with_dry_run(true)).await.unwrap();
    let found = shown.packages.len();
    assert!(found * 2 > 6, "{found}");
    let refused = admin.collect_unkept(&garbage()).await.unwrap_err().to_string();
    assert!(refused.starts_with(&format!("{found} of 6 packages would leave")), "{refused}");
    assert_eq!(keys(&service, "").await, before, "nothing has changed");
    let removed = admin.collect_unkept(&garbage().with_any_share(true)).await.unwrap();
    assert_eq!(removed.packages.len(), found);
    assert_sound(&store).await;
}
