//! Tests the rule book at earlier revisions, and dry runs.

use crate::fixtures::*;

#[tokio::test]
async fn every_earlier_book_is_there_with_checkpoints_and_without() {
    let store = MemoryStore::default();
    let service = open(store.clone()).await;
    let mut books = vec![RuleBook::of_new_store()];
    let (add, remove) = (
        BookCommand::AddTestDevice(lab_phone()),
        BookCommand::RemoveTestDevice("lab phone".parse().unwrap()),
    );
    for number in 0..70 {
        let command = if number % 2 == 0 { &add } else { &remove };
        service.admin("ann").command(command).await.unwrap();
        books.push(service.snapshot().book().clone());
    }
    let late = open(store).await;
    for (revision, book) in (0..).zip(&books) {
        assert_eq!(late.book_at(revision).await.unwrap(), *book, "{revision}");
        assert_eq!(late.snapshot_at(revision).await.unwrap().revision(), revision);
    }
    let refused = late.book_at(71).await.unwrap_err();
    assert_eq!(refused.to_string(), "no revision 71: the rule book is at revision 70");
}

#[tokio::test]
async fn a_recorded_decision_replays_to_the_same_bytes_after_the_book_has_moved_on() {
    let service = with_sample(MemoryStore::default()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let request = request(&sample::ip8540(), "1.0.522.34");
    let question = Question::all_of(&request, AskedFrom::default()).next().unwrap();
    let record = TraceRecord::of(service.snapshot().index(), &question, NOW);
    service.admin("ann").roll_back_to_nothing(sample::ip8540()).await.unwrap();

    let then = service.snapshot_at(record.revision).await.unwrap();
    let text = |record: &TraceRecord| serde_json::to_string(record).unwrap();
    assert_eq!(text(&record.replay(then.index())), text(&record));
    assert_ne!(record.replay(service.snapshot().index()).decision, record.decision);
}

#[tokio::test]
async fn a_dry_run_says_whose_answer_would_change_and_changes_nothing() {
    let service = with_sample(MemoryStore::default()).await;
    let command = BookCommand::Approve(vec![sample::ip8540()]);
    let would = service.admin("ann").dry_run(&command).await.unwrap();
    assert_eq!(would.change.notes.len(), 2, "the release and the interim image on its way");
    let requests = [request(&sample::ip8540(), "1.0.522.103"), request(&sample::ip8540(), "3.5.6907.0")];
    let questions = || requests.iter().flat_map(|request| Question::all_of(request, AskedFrom::default()));
    let changes: Vec<_> = diff(would.before.index(), would.after.index(), questions(), NOW).collect();
    assert_eq!(changes.len(), 1, "the other has it");
    assert_eq!(changes[0].after.offer().unwrap().version.as_str(), "3.5.6907.0");
    assert_eq!((would.before.revision(), would.after.revision()), (1, 2));
    assert_eq!(
        (service.refresh().await.unwrap(), offered(&service, &sample::ip8540(), "2.0").as_str()),
        (1, "-")
    );

    let made = service.admin("ann").command(&command).await.unwrap();
    assert_eq!((made.revision, &made.notes), (Some(2), &would.change.notes));
    assert_eq!(service.snapshot().book(), would.after.book());
    let again = service.admin("ann").dry_run(&command).await.unwrap_err();
    assert!(matches!(again, ChangeError::Refused(_)), "{again}");
}

#[tokio::test]
async fn rolling_the_whole_book_back_can_be_tried_too() {
    let service = with_sample(MemoryStore::default()).await;
    service.admin("ann").approve(vec![sample::ip8540()]).await.unwrap();
    let would = service.admin("ann").dry_run_roll_back_to(1).await.unwrap();
    assert_eq!((would.after.revision(), service.refresh().await.unwrap()), (3, 2));
    assert_eq!(*would.after.book(), service.book_at(1).await.unwrap());
    let made = service.admin("ann").roll_back_to(1).await.unwrap();
    assert_eq!((made.revision, &made.notes), (Some(3), &would.change.notes));
    let refused = service.admin("ann").dry_run_roll_back_to(9).await.unwrap_err();
    assert_eq!(refused.to_string(), service.admin("ann").roll_back_to(9).await.unwrap_err().to_string());
}

#[tokio::test]
async fn a_window_in_a_time_zone_that_is_none_is_refused_when_it_is_written() {
    let service = with_sample(MemoryStore::default()).await;
    let window = "daily 22:00-05:00 Europe/Atlantis".parse().unwrap();
    let mut policy = OfferPolicy::default();
    policy.window = Some(window);
    let rollout = Rollout::new("wave-1".parse().unwrap()).within(policy.window.clone().unwrap());
    let rule = sample::ip8540();
    for command in [
        BookCommand::SetPolicy(rule.clone(), policy),
        BookCommand::StartRollout {
            rule,
            audience: Audience::Everybody,
            version: ReportedVersion::new("3.5.6907.0"),
            rollout,
        },
    ] {
        for refused in [
            service.admin("ann").command(&command).await.unwrap_err(),
            service.admin("ann").dry_run(&command).await.unwrap_err(),
        ] {
            assert!(matches!(&refused, ChangeError::Refused(Refusal::UnknownZone { .. })));
            assert_eq!(
                refused.to_string(),
                "no time zone `Europe/Atlantis`, expected an IANA name such as `Europe/Lisbon` or `UTC`"
            );
        }
    }
    assert_eq!(service.refresh().await.unwrap(), 1);
}
