//! Checks that every command has a method on the administrator's handle, and is recorded with its author.

use crate::fixtures::*;
use std::collections::BTreeSet;

/// Returns the stored name of the command of each revision.
async fn recorded(service: &ucupdate::UpdateService) -> BTreeSet<String> {
    let revisions = service.history(1, 100).await.unwrap();
    assert!(revisions.iter().all(|revision| revision.author == "ann" || revision.author == "bob"));
    let name = |revision: &ucupdate::Revision| match serde_json::to_value(&revision.command).unwrap() {
        serde_json::Value::Object(command) => command.keys().next().unwrap().clone(),
        other => panic!("{other}"),
    };
    revisions.iter().map(name).collect()
}

#[tokio::test]
async fn every_command_has_a_method_that_records_it() {
    let service = with_sample(MemoryStore::default()).await;
    let (ann, bob) = (service.admin("ann"), service.admin("bob"));
    let (phone, other) = (sample::ip8540(), sample::cx700());
    let package = service.snapshot().book().packages().next().unwrap().id();
    let version = ReportedVersion::new("3.5.6907.0");
    let lab: DeviceId = DeviceId::Mac("0021630F207B".parse().unwrap());

    ann.reject(phone.clone()).await.unwrap();
    ann.unreject(phone.clone(), version.clone()).await.unwrap();
    ann.remove(phone.clone()).await.unwrap();
    ann.propose(package).await.unwrap();
    ann.approve(vec![phone.clone()]).await.unwrap();
    ann.approve_all_of(package).await.unwrap();
    ann.roll_back_to_nothing(phone.clone()).await.unwrap();
    ann.approve_version(phone.clone(), version.clone()).await.unwrap();
    ann.roll_back_to_nothing(phone.clone()).await.unwrap();

    ann.add_test_device(lab_phone()).await.unwrap();
    ann.remove_test_device(lab_phone().name).await.unwrap();
    let mut policy = OfferPolicy::default();
    policy.floor = Some("1.0".parse().unwrap());
    ann.set_policy(phone.clone(), policy).await.unwrap();
    ann.deploy_at_ingest("UCPhone".parse().unwrap(), true).await.unwrap();

    let group: ucupdate::book::GroupName = "lab".parse().unwrap();
    ann.put_group(Group { name: group.clone(), predicate: None }).await.unwrap();
    ann.change_members(group.clone(), vec![lab.clone()], vec![]).await.unwrap();
    let audience = Audience::Device(lab.clone());
    ann.pin(phone.clone(), audience.clone(), version.clone()).await.unwrap();
    ann.unpin(phone.clone(), audience).await.unwrap();

    let wave = || "wave".parse().unwrap();
    let share = |percent: &str| Share::Percent(percent.parse().unwrap());
    let start = || Rollout::new(wave()).to_share(share("10"));
    ann.start_rollout(phone.clone(), Audience::Everybody, version.clone(), start()).await.unwrap();
    ann.set_share(phone.clone(), wave(), share("20")).await.unwrap();
    ann.pause_rollout(phone.clone(), wave(), "it rings twice").await.unwrap();
    ann.resume_rollout(phone.clone(), wave()).await.unwrap();
    ann.end_rollout(phone.clone(), wave()).await.unwrap();
    ann.start_rollout(phone.clone(), Audience::Everybody, version.clone(), start()).await.unwrap();
    ann.finish_rollout(phone.clone(), wave()).await.unwrap();
    ann.remove_group(group).await.unwrap();

    let (name, on) = ("lobby".parse().unwrap(), HeldDevices::Device(lab));
    let hold = Hold { name, on, until: None, reason: "it is used".into() };
    ann.add_hold(hold.clone()).await.unwrap();
    ann.remove_hold(hold.name).await.unwrap();
    let stone = service.snapshot().book().settings().stones[0].clone();
    ann.remove_stone(stone.name.clone()).await.unwrap();
    ann.add_stone(stone).await.unwrap();
    let banned: BanScope = "UCPhone/Polycom/* 1.0.522.101".parse().unwrap();
    ann.ban(Ban::new(banned.clone(), "it loses its settings")).await.unwrap();
    ann.lift_ban(banned).await.unwrap();
    let alias = Alias::new(AliasField::Model, "CX 700".parse().unwrap(), "CX700".parse().unwrap());
    let numeric = PatternScheme::new("UCPhone/AudioCodes".parse().unwrap(), VersionScheme::Numeric);
    ann.put_scheme(numeric.clone()).await.unwrap();
    ann.remove_scheme(numeric.rules).await.unwrap();
    ann.put_alias(alias.clone()).await.unwrap();
    ann.remove_alias(alias.reported).await.unwrap();
    ann.kill(StopScope::All, "phones ring").await.unwrap();
    ann.ask_restart(StopScope::All).await.unwrap();
    bob.approve_restart(StopScope::All).await.unwrap();

    ann.remove(other).await.unwrap();
    ann.roll_back_to(1).await.unwrap();
    let refused = ann.retire(vec![package]).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(Refusal::PackageInUse { .. })), "{refused:?}");
    let found = recorded(&service).await;
    // There are 38 commands of the rule book and the roll back to a revision. One command was refused, and one is
    // stored under another name.
    assert_eq!(found.len(), 37, "{found:?}");
}

#[tokio::test]
async fn nobody_approves_a_restart_that_they_asked_for() {
    let service = open(MemoryStore::default()).await;
    let ann = service.admin("ann");
    ann.kill(StopScope::All, "phones ring").await.unwrap();
    ann.ask_restart(StopScope::All).await.unwrap();
    ann.approve_restart(StopScope::All).await.unwrap_err();
    service.admin("bob").approve_restart(StopScope::All).await.unwrap();
}

#[tokio::test]
async fn a_roll_back_to_nothing_is_a_method_of_its_own_and_is_stored_so_that_earlier_programs_read_it() {
    let store = MemoryStore::default();
    let service = with_sample(store.clone()).await;
    let (ann, phone) = (service.admin("ann"), sample::ip8540());
    ann.approve(vec![phone.clone()]).await.unwrap();
    let refused = ann.roll_back(phone.clone()).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "{phone}: no version earlier than 3.5.6907.0 is kept, so nothing would be offered; if that is \
             intended, roll back to nothing"
        )
    );
    let changed = ann.roll_back_to_nothing(phone.clone()).await.unwrap();
    let text = format!("{phone}: rolled back from 3.5.6907.0 to nothing: nothing is offered");
    assert_eq!(changed.notes[0].to_string(), text);
    let key = format!("state/revisions/{:020}.json", changed.revision.unwrap());
    let bytes = store.get_bytes(&StoreKey::parse(&key).unwrap(), 1 << 20).await.unwrap();
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (&document["format"], &document["command"]["roll-back"]),
        (&"1.2.0".into(), &phone.to_string().into())
    );
}

#[tokio::test]
async fn a_command_at_a_revision_is_refused_when_the_book_has_moved() {
    let service = with_sample(MemoryStore::default()).await;
    let rule = sample::ip8540();
    let approve = BookCommand::Approve(vec![rule.clone()]);
    let seen = service.snapshot().revision();
    service.admin("bob").reject(sample::cx700()).await.unwrap();
    let refused = service.admin("ann").command_at(&approve, seen).await.unwrap_err();
    let ChangeError::Refused(refusal) = &refused else { panic!("{refused}") };
    assert_eq!(refusal.kind(), "book-moved");
    service.admin("ann").command_at(&approve, seen + 1).await.unwrap();
}

#[tokio::test]
async fn a_stale_caller_rejects_and_removes_nothing_that_it_did_not_see() {
    let service = with_sample(MemoryStore::default()).await;
    let (rule, seen) = (sample::ip8540(), service.snapshot());
    ingest(&service, newer_package()).await.unwrap();
    for command in [BookCommand::Reject(rule.clone()), BookCommand::Remove(rule.clone())] {
        let refused = service.admin("ann").command_if_unchanged(&command, seen.book()).await.unwrap_err();
        let ChangeError::Refused(refusal) = &refused else { panic!("{refused}") };
        assert_eq!(refusal.kind(), "changed-meanwhile");
    }
    let seen = service.snapshot();
    service.admin("ann").command_if_unchanged(&BookCommand::Reject(rule), seen.book()).await.unwrap();
}
