//! Tests that two authors are needed to undo the kill switch. The author of a change is the one of the handle.

use crate::fixtures::*;

#[tokio::test]
async fn nobody_approves_their_own_restart_however_the_name_is_spelled() {
    let service = open(MemoryStore::default()).await;
    let scope = || StopScope::All;
    service.admin("cid").kill(scope(), "phones ring").await.unwrap();
    service.admin("Ann Lee").ask_restart(scope()).await.unwrap();
    for author in ["Ann Lee", " ann lee ", "ANN\u{a0}LEE", "Ann\u{200b} Lee", "\u{feff}Ann Lee", "AnnLee"] {
        let as_method = service.admin(author).approve_restart(scope()).await.unwrap_err();
        let as_value = BookCommand::ApproveRestart { scope: scope() };
        let as_value = service.admin(author).command(&as_value).await.unwrap_err();
        for refused in [as_method, as_value] {
            let message = "Ann Lee requested the restart of all offers, so another person must approve it";
            assert_eq!(refused.to_string(), message, "{author:?}");
        }
    }
    assert_eq!(service.snapshot().book().stops().len(), 1);
    service.admin("bob").approve_restart(scope()).await.unwrap();
    assert_eq!(service.snapshot().book().stops().len(), 0);
}

#[tokio::test]
async fn who_asks_for_a_restart_again_under_another_spelling_changes_nothing() {
    let service = open(MemoryStore::default()).await;
    service.admin("cid").kill(StopScope::All, "").await.unwrap();
    service.admin("Ann Lee").ask_restart(StopScope::All).await.unwrap();
    for author in ["Ann Lee", " ann lee", "AnnLee"] {
        let again = service.admin(author).ask_restart(StopScope::All).await.unwrap();
        assert_eq!((again.revision, again.notes), (None, vec![]), "{author:?}");
    }
    let snapshot = service.snapshot();
    assert_eq!(snapshot.book().stop(&StopScope::All).unwrap().restart_asked_by.as_deref(), Some("Ann Lee"));
}

#[tokio::test]
async fn the_author_of_a_change_is_who_threw_the_switch_and_who_asked() {
    let service = open(MemoryStore::default()).await;
    service.admin("cid").kill(StopScope::All, "").await.unwrap();
    service.admin("ann").ask_restart(StopScope::All).await.unwrap();
    let snapshot = service.snapshot();
    let stop = snapshot.book().stop(&StopScope::All).unwrap();
    assert_eq!((&*stop.by, stop.restart_asked_by.as_deref()), ("cid", Some("ann")));
    let history = service.history(1, 9).await.unwrap();
    let asked = RecordedCommand::Book(BookCommand::AskRestart { scope: StopScope::All });
    assert_eq!((history[1].author.as_str(), &history[1].command), ("ann", &asked));
}
