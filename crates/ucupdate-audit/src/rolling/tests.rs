//! Tests each transition of the state machine alone. The law in `law.rs` checks that the log keeps
//! every row.

use super::*;
use crate::audit::row::AuditRow;
use crate::log_name::{RetentionDays, expired};
use std::time::Duration;

const NOON: UnixTime = UnixTime::from_seconds(1_236_340_800);

fn log(options: RollOptions) -> RollingLog {
    RollingLog::audit("ocs".parse().unwrap(), &AuditFormat::new(), options)
}

fn line(text: &str, at: UnixTime) -> LogLine {
    AuditFormat::new().line(&AuditRow::device_log_upload(text, at))
}

fn seconds(seconds: i64) -> UnixTime {
    after(NOON, seconds * 1000)
}

/// Returns an effect as text: its kind, the name of the file without its folder, and the hosts of
/// its rows.
fn shown(effect: Option<Effect>) -> String {
    let Some(effect) = effect else { return "nothing".to_owned() };
    let verb = match effect {
        Effect::Create { .. } => "create",
        Effect::Put { .. } => "put",
        Effect::Append { .. } => "append to",
        Effect::ReadBack { .. } => "read back",
    };
    let text = std::str::from_utf8(effect.bytes()).unwrap();
    let titles = usize::from(verb != "append to");
    let hosts: Vec<&str> = text.lines().skip(titles).filter_map(|row| row.split(',').nth(2)).collect();
    let file = effect.key().rsplit('_').take_while(|part| *part != "ocs").collect::<Vec<_>>();
    let file = file.into_iter().rev().collect::<Vec<_>>().join("_");
    format!("{verb} {file}: {}", hosts.join(" "))
}

#[test]
fn rows_wait_for_the_interval_and_then_go_together() {
    let mut log = log(RollOptions::default());
    assert_eq!(log.next_deadline(), None);
    assert_eq!(log.push(line("a", NOON), NOON), Some(0));
    log.push(line("b", NOON), after(NOON, 900));
    assert_eq!(log.next_deadline(), Some(seconds(1)));
    assert_eq!(shown(log.poll(after(NOON, 999))), "nothing");
    assert_eq!(shown(log.poll(seconds(1))), "create 2009-03-06.log: a b");
    assert_eq!((log.next_deadline(), log.acknowledged(), log.pending()), (None, 0, 2));
    log.push(line("c", NOON), seconds(1));
    log.done(EffectOutcome::Stored, seconds(2));
    assert_eq!((log.acknowledged(), log.pending(), log.next_deadline()), (2, 1, Some(seconds(2))));
    assert_eq!(shown(log.poll(seconds(2))), "put 2009-03-06.log: a b c");
    log.done(EffectOutcome::Stored, seconds(2));
    assert!(log.is_flushed());
}

#[test]
fn enough_bytes_do_not_wait() {
    let mut log = log(RollOptions::default().with_flush_bytes(80).unwrap());
    log.push(line("a", NOON), NOON);
    assert_eq!(shown(log.poll(NOON)), "nothing");
    log.push(line("b", NOON), NOON);
    assert_eq!(log.next_deadline(), Some(NOON));
    assert_eq!(shown(log.poll(NOON)), "create 2009-03-06.log: a b");
}

#[test]
fn where_the_store_can_append_only_new_rows_are_written() {
    let mut log = log(RollOptions::default().with_append(true));
    log.push(line("a", NOON), NOON);
    let Some(Effect::Create { bytes, .. }) = log.poll(seconds(1)) else { panic!("a file to create") };
    log.done(EffectOutcome::Stored, seconds(1));
    log.push(line("b", NOON), seconds(1));
    let appended = log.poll(seconds(2)).unwrap();
    assert!(matches!(&appended, Effect::Append { at, .. } if *at == bytes.len() as u64));
    assert_eq!(shown(Some(appended)), "append to 2009-03-06.log: b");
    log.done(EffectOutcome::Stored, seconds(2));
    assert!(log.is_flushed());
    log.push(line("c", NOON), seconds(2));
    assert_eq!(shown(log.poll(seconds(3))), "append to 2009-03-06.log: c");
}

#[test]
fn after_an_append_without_success_the_file_is_written_whole_at_once_and_appended_to_again() {
    for outcome in
        [EffectOutcome::Failed, EffectOutcome::Unclear, EffectOutcome::Absent, EffectOutcome::Exists]
    {
        let mut log = log(RollOptions::default().with_append(true));
        log.push(line("a", NOON), NOON);
        log.poll(seconds(1)).unwrap();
        log.done(EffectOutcome::Stored, seconds(1));
        log.push(line("b", NOON), seconds(1));
        assert_eq!(shown(log.poll(seconds(2))), "append to 2009-03-06.log: b");
        log.done(outcome, seconds(2));
        log.push(line("c", NOON), seconds(2));
        assert_eq!(shown(log.poll(seconds(2))), "put 2009-03-06.log: a b");
        log.done(EffectOutcome::Failed, seconds(2));
        assert_eq!((log.acknowledged(), log.next_deadline()), (1, Some(after(seconds(2), 100))));
        assert_eq!(shown(log.poll(seconds(3))), "put 2009-03-06.log: a b");
        log.done(EffectOutcome::Stored, seconds(3));
        assert_eq!(shown(log.poll(seconds(4))), "append to 2009-03-06.log: c");
    }
}

#[test]
fn a_file_of_someone_else_is_never_continued() {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    log.flush_now();
    assert_eq!(shown(log.poll(NOON)), "create 2009-03-06.log: a");
    log.done(EffectOutcome::Exists, NOON);
    assert_eq!(shown(log.poll(NOON)), "create 2009-03-06_2.log: a");
    log.done(EffectOutcome::Stored, NOON);
    log.push(line("b", NOON), NOON);
    assert_eq!(shown(log.poll(seconds(1))), "put 2009-03-06_2.log: a b");
}

#[test]
fn a_number_that_was_mentioned_is_not_tried() {
    let mut log = log(RollOptions::default());
    let folder = LogKind::Audit.folder();
    log.mention(&format!("{folder}RequestHandlerAuditLog_ocs_2009-03-06_41.log"));
    log.mention(&format!("{folder}RequestHandlerAuditLog_ocs_2009-03-06_7.log"));
    log.mention(&format!("{folder}RequestHandlerAuditLog_other_2009-03-06_99.log"));
    log.push(line("a", NOON), NOON);
    assert_eq!(shown(log.poll(seconds(1))), "create 2009-03-06_42.log: a");
    log.mention(&format!("{folder}RequestHandlerAuditLog_ocs_2009-03-06_50.log"));
    log.done(EffectOutcome::Exists, seconds(1));
    assert_eq!(shown(log.poll(seconds(1))), "create 2009-03-06_51.log: a");
}

#[test]
fn a_file_whose_name_another_server_has_taken_is_left_and_the_new_rows_go_to_the_next() {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    log.flush_now();
    log.poll(NOON).unwrap();
    log.done(EffectOutcome::Stored, NOON);
    log.push(line("b", NOON), NOON);
    assert_eq!(shown(log.poll(seconds(1))), "put 2009-03-06.log: a b");
    log.done(EffectOutcome::Exists, seconds(1));
    assert_eq!(shown(log.poll(seconds(1))), "create 2009-03-06_2.log: b");
    log.done(EffectOutcome::Stored, seconds(1));
    assert!(log.is_flushed());
}

#[test]
fn the_number_of_a_compressed_log_or_of_a_zone_alone_is_taken() {
    for (ending, next) in [("_3.log.gz", "_4"), (".log.gz", "_2"), ("_5.zone", "_6"), ("_2.log.bz2", "")] {
        let mut log = log(RollOptions::default());
        log.mention(&format!("{}RequestHandlerAuditLog_ocs_2009-03-06{ending}", LogKind::Audit.folder()));
        log.push(line("a", NOON), NOON);
        assert_eq!(shown(log.poll(seconds(1))), format!("create 2009-03-06{next}.log: a"));
    }
}

#[test]
fn the_numbers_do_not_run_out_when_a_file_has_the_highest_number() {
    for number in [u32::MAX, u32::MAX - 1] {
        let mut log = log(RollOptions::default());
        log.mention(&format!(
            "{}RequestHandlerAuditLog_ocs_2009-03-06_{number}.log",
            LogKind::Audit.folder()
        ));
        log.push(line("a", NOON), NOON);
        assert_eq!(shown(log.poll(seconds(1))), "create 2009-03-06.log: a");
        log.done(EffectOutcome::Exists, seconds(1));
        assert_eq!(shown(log.poll(seconds(1))), "create 2009-03-06_2.log: a");
    }
}

#[test]
fn what_failed_is_tried_again_later_with_the_same_bytes() {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    let first = log.poll(seconds(1));
    log.done(EffectOutcome::Failed, seconds(1));
    log.push(line("b", NOON), seconds(1));
    assert_eq!(log.next_deadline(), Some(after(seconds(1), 100)));
    assert_eq!(log.poll(after(seconds(1), 99)), None);
    assert_eq!(log.poll(after(seconds(1), 100)), first);
    log.done(EffectOutcome::Failed, seconds(2));
    assert_eq!(log.next_deadline(), Some(after(seconds(2), 200)));
    log.flush_now();
    assert_eq!(log.poll(seconds(2)), first);
    for _ in 0..40 {
        log.done(EffectOutcome::Failed, seconds(2));
        log.flush_now();
        assert_eq!(log.poll(seconds(2)), first);
    }
    log.done(EffectOutcome::Failed, seconds(2));
    assert_eq!(log.next_deadline(), Some(seconds(32)));
}

/// Returns a log that tried twice to create the same file. The outcome of the first try was
/// unclear. At the second try a file with this name existed already.
fn log_of_unclear_create() -> RollingLog {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    log.poll(seconds(1));
    log.done(EffectOutcome::Unclear, seconds(1));
    assert_eq!(shown(log.poll(seconds(2))), "create 2009-03-06.log: a");
    log.done(EffectOutcome::Exists, seconds(2));
    log
}

#[test]
fn a_create_whose_answer_was_lost_is_tried_again_then_read_back_and_left_alone() {
    let mut log = log_of_unclear_create();
    let back = log.poll(seconds(2)).unwrap();
    assert_eq!(shown(Some(back.clone())), "read back 2009-03-06.log: a");
    log.done(back.compare(Some(back.bytes())), seconds(2));
    assert_eq!(log.acknowledged(), 1);
    log.push(line("b", NOON), seconds(2));
    assert_eq!(shown(log.poll(seconds(3))), "create 2009-03-06_2.log: b");
}

#[test]
fn a_create_that_never_came_about_is_made_again_and_may_be_met_by_itself() {
    let mut log = log_of_unclear_create();
    let back = log.poll(seconds(2)).unwrap();
    log.done(back.compare(None), seconds(2));
    assert_eq!(shown(log.poll(seconds(3))), "create 2009-03-06.log: a");
    log.done(EffectOutcome::Exists, seconds(3));
    assert_eq!(shown(log.poll(seconds(3))), "read back 2009-03-06.log: a");
    log.done(back.compare(Some(b"another's")), seconds(3));
    assert_eq!(shown(log.poll(seconds(3))), "create 2009-03-06_2.log: a");
}

#[test]
fn a_file_whose_put_was_unclear_is_closed_once_it_is_settled() {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    log.poll(seconds(1));
    log.done(EffectOutcome::Stored, seconds(1));
    log.push(line("b", NOON), seconds(1));
    log.poll(seconds(2));
    log.done(EffectOutcome::Unclear, seconds(2));
    assert_eq!(shown(log.poll(seconds(3))), "put 2009-03-06.log: a b");
    log.done(EffectOutcome::Stored, seconds(3));
    log.push(line("c", NOON), seconds(3));
    assert_eq!(shown(log.poll(seconds(4))), "create 2009-03-06_2.log: c");
}

#[test]
fn files_roll_by_the_rows_day_in_the_zone_and_stragglers_stay() {
    let format = AuditFormat::new().with_zone(Zone::named("Asia/Tokyo").unwrap());
    let mut log = RollingLog::audit("ocs".parse().unwrap(), &format, RollOptions::default());
    let midnight = seconds(3 * 3600);
    for (host, at) in [("a", after(midnight, -1)), ("b", midnight), ("c", after(midnight, -1))] {
        log.push(format.line(&AuditRow::device_log_upload(host, at)), midnight);
    }
    log.flush_now();
    assert_eq!(shown(log.poll(midnight)), "create 2009-03-06.log: a");
    log.done(EffectOutcome::Stored, midnight);
    assert_eq!(shown(log.poll(midnight)), "create 2009-03-07.log: b c");
}

#[test]
fn files_roll_by_size_and_a_row_longer_than_a_file_is_dropped() {
    let mut log = log(RollOptions::default().with_roll_bytes(4096).unwrap());
    let long = "x".repeat(2000);
    for _ in 0..3 {
        log.push(line(&long, NOON), NOON);
    }
    assert_eq!(log.push(line(&"x".repeat(4096), NOON), NOON), None);
    assert_eq!(log.dropped(), 1);
    let mut files = Vec::new();
    while let Some(effect) = log.poll(seconds(1)) {
        assert!(effect.bytes().len() <= 4096);
        files.push(effect.key().to_owned());
        log.done(EffectOutcome::Stored, seconds(1));
    }
    assert_eq!((files.len(), log.acknowledged()), (3, 3));
    assert!(files[2].ends_with("_2009-03-06_3.log"), "{files:?}");
    let old =
        expired(files.iter().map(String::as_str), "2009-03-17".parse().unwrap(), RetentionDays::default());
    assert_eq!(old, files);
}

#[test]
fn beyond_what_may_wait_rows_are_dropped_and_counted() {
    let mut log = log(RollOptions::default().with_pending(2, 100).unwrap());
    assert!(!log.is_half_full());
    assert_eq!(log.push(line("a", NOON), NOON), Some(0));
    assert!(log.is_half_full());
    assert_eq!(log.push(line("b", NOON), NOON), Some(1));
    assert_eq!(log.push(line("c", NOON), NOON), None);
    log.poll(seconds(1));
    assert_eq!(log.push(line("d", NOON), NOON), None);
    log.done(EffectOutcome::Stored, seconds(1));
    assert_eq!(log.push(line(&"e".repeat(80), NOON), NOON), None);
    assert_eq!((log.push(line("f", NOON), NOON), log.dropped()), (Some(2), 3));
}

#[test]
fn a_clock_set_back_makes_no_row_wait_for_the_old_hour() {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    assert_eq!(shown(log.poll(seconds(-3600))), "create 2009-03-06.log: a");
    log.done(EffectOutcome::Failed, seconds(-3600));
    assert!(log.poll(seconds(-7200)).is_some());
}

#[test]
fn numbers_that_are_all_taken_do_not_spin() {
    let mut log = log(RollOptions::default());
    log.push(line("a", NOON), NOON);
    let mut tried = 0;
    while log.poll(seconds(1)).is_some() {
        log.done(EffectOutcome::Exists, seconds(1));
        tried += 1;
    }
    assert_eq!((tried, log.next_deadline()), (64, Some(seconds(2))));
}

#[test]
fn an_access_log_begins_with_its_own_header_and_rolls_in_utc() {
    let format = AccessFormat::new("test 1");
    let options = RollOptions::default().with_flush_interval(Duration::from_millis(100)).unwrap();
    let mut log = RollingLog::access("ocs".parse().unwrap(), &format, options);
    let row = crate::AccessRow::finished("GET", "/", 200, Duration::ZERO, NOON);
    log.push(format.line(&row), NOON);
    let effect = log.poll(after(NOON, 100)).unwrap();
    assert_eq!(effect.key(), "Logs/Server/Access/ocs_2009-03-06.log");
    let text = format.header(NOON) + format.line(&row).as_str();
    assert_eq!(std::str::from_utf8(effect.bytes()), Ok(&*text));
}

#[test]
fn an_outcome_that_nobody_waits_for_changes_nothing() {
    let mut log = log(RollOptions::default());
    log.done(EffectOutcome::Stored, NOON);
    log.push(line("a", NOON), NOON);
    log.poll(seconds(1));
    log.done(EffectOutcome::Failed, seconds(1));
    log.done(EffectOutcome::Stored, seconds(1));
    assert_eq!(log.acknowledged(), 0);
}

#[test]
fn a_row_is_dropped_with_its_reason_and_a_full_day_ends_at_midnight() {
    let row = line("a", NOON);
    let bytes = row.as_str().len();
    let day = u64::try_from(bytes * 2).unwrap();
    let roll = if cfg!(miri) { 4096 } else { 1_024_000 };
    let options = RollOptions::default().with_roll_bytes(roll).unwrap().with_day_bytes(day);
    let mut log = log(options.with_pending(3, 1 << 20).unwrap());
    for number in [Some(0), Some(1), None, None] {
        assert_eq!(log.push(line("a", NOON), NOON), number);
    }
    assert_eq!((log.dropped(), log.last_drop()), (2, Some(DropReason::DayIsFull { limit: day })));
    let tomorrow = seconds(24 * 3600);
    assert_eq!(log.push(line("a", tomorrow), tomorrow), Some(2));
    assert_eq!(log.push(line("a", tomorrow), tomorrow), None);
    let waiting = DropReason::TooManyWait { rows: 3, bytes: bytes * 3 };
    assert_eq!((log.dropped(), log.last_drop()), (3, Some(waiting)));
    assert_eq!(log.push(line(&"a".repeat(2 * roll), tomorrow), tomorrow), None);
    assert_eq!(log.last_drop(), Some(DropReason::LongerThanFile { limit: roll }));
}
