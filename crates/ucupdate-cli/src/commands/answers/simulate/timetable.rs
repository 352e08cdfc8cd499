//! Reads a timetable: a file with the changes that administrators make during a simulation. Each
//! line is a change, such as `3d percent RULE ROLLOUT 50%`.

use crate::failure::Failure;
use crate::suggest::check_names;
use std::str::{FromStr, SplitAsciiWhitespace};
use ucupdate::book::{
    Audience, BookCommand, GroupName, Guard, Percent, Ramp, Rollout, RolloutName, RuleBook, RuleKey, Share,
    StopScope,
};
use ucupdate::value::UnixTime;
use ucupdate::version::ReportedVersion;

/// The largest number of lines of a timetable.
const MAX_LINES: usize = 10_000;

/// A change in a timetable, with the number of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    /// The time of the change in seconds after the start.
    pub(super) after: u32,
    pub(super) command: BookCommand,
}

/// Fails if the timetable names a rule, a group, a version or a rollout that is not in the rule
/// book. A rollout may also be started by the timetable. The failure names the line.
pub(super) fn check(table: &[Line], book: &RuleBook) -> Result<(), Failure> {
    let started = table.iter().filter_map(|line| match &line.command {
        BookCommand::StartRollout { rule, rollout, .. } => Some((rule.clone(), rollout.name.clone())),
        _ => None,
    });
    let started: Vec<(RuleKey, RolloutName)> = started.collect();
    for line in table {
        check_names(&line.command, book, &started).map_err(|failure| match failure {
            Failure::Explained(kind, reason) => {
                Failure::Explained(kind, format!("line {}: {reason}", line.number))
            }
            failure => failure,
        })?;
    }
    Ok(())
}

/// Parses a timetable. Blank lines and lines that begin with `#` are skipped. A ramp starts at the
/// time of its line. The error names the line.
pub(super) fn read(text: &str, start: UnixTime) -> Result<Vec<Line>, String> {
    let mut table = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if number > MAX_LINES {
            return Err(format!("has more than {MAX_LINES} lines"));
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (after, command) = entry(line, start).map_err(|why| format!("line {number}: {why}"))?;
        table.push(Line { number, after, command });
    }
    Ok(table)
}

fn entry(line: &str, start: UnixTime) -> Result<(u32, BookCommand), String> {
    let mut words = line.split_ascii_whitespace();
    let after = after(words.next().unwrap_or_default())?;
    let verb = words.next().unwrap_or_default();
    let command = match verb {
        "approve" => BookCommand::Approve(vec![next(&mut words, "RULE")?]),
        "reject" => BookCommand::Reject(next(&mut words, "RULE")?),
        "rollback" => {
            let rule = next(&mut words, "RULE")?;
            match words.clone().next() {
                Some("to-nothing") => {
                    words.next();
                    BookCommand::RollBackToNothing(rule)
                }
                _ => BookCommand::RollBack(rule),
            }
        }
        "rollout" => rollout(&mut words, start, after)?,
        "percent" => BookCommand::SetShare(
            next(&mut words, "RULE")?,
            next(&mut words, "ROLLOUT")?,
            Share::Percent(next(&mut words, "P")?),
        ),
        "pause" => {
            let (rule, name) = named(&mut words)?;
            let why: Vec<&str> = words.by_ref().collect();
            BookCommand::PauseRollout(rule, name, why.join(" ").into())
        }
        "resume" | "finish" | "stop" => {
            let (rule, name) = named(&mut words)?;
            match verb {
                "resume" => BookCommand::ResumeRollout(rule, name),
                "finish" => BookCommand::FinishRollout(rule, name),
                _ => BookCommand::EndRollout(rule, name),
            }
        }
        "kill" => {
            let rule = words.next().map(str::parse).transpose();
            let rule: Option<RuleKey> = rule.map_err(|error| format!("RULE: {error}"))?;
            let scope = rule.map_or(StopScope::All, StopScope::Rule);
            BookCommand::Kill { scope, reason: "".into() }
        }
        _ => {
            return Err(format!(
                "expected approve, reject, rollback, rollout, percent, pause, resume, finish, stop or kill, found {verb:?}"
            ));
        }
    };
    match words.next() {
        Some(more) => Err(format!("{verb} does not take {more:?}")),
        None => Ok((after, command)),
    }
}

/// Parses the words after the verb in
/// `rollout RULE ROLLOUT VERSION (all | 10% | 10%@0d,50%@3d | group=NAME)... [failures=N] [share=P]`.
fn rollout(words: &mut SplitAsciiWhitespace<'_>, start: UnixTime, after: u32) -> Result<BookCommand, String> {
    let (rule, name) = named(words)?;
    let version = ReportedVersion::new(words.next().ok_or("expected VERSION")?);
    let (mut rollout, mut audience) = (Rollout::new(name), Audience::Everybody);
    let (mut guard, mut has_audience): (Option<Guard>, bool) = (None, false);
    for word in words {
        has_audience |= !word.starts_with("failures=") && !word.starts_with("share=");
        match word.split_once('=') {
            Some(("group", group)) => audience = Audience::Group(parsed::<GroupName>(group, "group")?),
            Some(("failures", count)) => {
                let failures = Some(parsed(count, "failures")?);
                let known = guard.unwrap_or_else(|| unguarded(Guard::default()));
                guard = Some(with(known, |guard| guard.failures = failures));
            }
            Some(("share", share)) => {
                let share = Some(parsed::<Percent>(share, "share")?);
                let known = guard.unwrap_or_else(|| unguarded(Guard::default()));
                guard = Some(with(known, |guard| guard.share = share));
            }
            Some((other, _)) => return Err(format!("expected group, failures or share, found {other:?}")),
            None if word == "all" => rollout.share = Share::All,
            None if word.contains('@') => {
                let start = start.as_millis().saturating_add(i64::from(after) * 1000);
                let stages = parsed(word, "stages")?;
                rollout.share = Share::Ramp(Ramp::new(UnixTime::from_millis(start), stages));
            }
            None => rollout.share = Share::Percent(parsed(word, "P")?),
        }
    }
    if !has_audience {
        return Err(
            "expected the devices of the rollout: all, a share as 10%, stages as 10%@0d,100%@7d, or group=NAME"
                .to_owned(),
        );
    }
    rollout.guard = guard;
    Ok(BookCommand::StartRollout { rule, audience, version, rollout })
}

fn unguarded(guard: Guard) -> Guard {
    with(guard, |guard| (guard.failures, guard.share) = (None, None))
}

fn with(mut guard: Guard, change: impl FnOnce(&mut Guard)) -> Guard {
    change(&mut guard);
    guard
}

fn named(words: &mut SplitAsciiWhitespace<'_>) -> Result<(RuleKey, RolloutName), String> {
    Ok((next(words, "RULE")?, next(words, "ROLLOUT")?))
}

fn next<T: FromStr<Err: ToString>>(words: &mut SplitAsciiWhitespace<'_>, what: &str) -> Result<T, String> {
    parsed(words.next().ok_or_else(|| format!("expected {what}"))?, what)
}

fn parsed<T: FromStr<Err: ToString>>(word: &str, what: &str) -> Result<T, String> {
    word.parse().map_err(|error: T::Err| format!("{what}: {}", error.to_string()))
}

/// Parses a time such as `3d`, `12h` or `90m`. Returns seconds.
fn after(word: &str) -> Result<u32, String> {
    let seconds = |unit: u32, count: &str| {
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        count.parse::<u32>().ok().filter(|_| digits)?.checked_mul(unit)
    };
    let found = match (word.strip_suffix('d'), word.strip_suffix('h'), word.strip_suffix('m')) {
        (Some(days), ..) => seconds(86_400, days),
        (_, Some(hours), _) => seconds(3600, hours),
        (.., Some(minutes)) => seconds(60, minutes),
        _ => None,
    };
    found.ok_or_else(|| format!("expected a time, as 3d, 12h or 90m, found {word:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";

    fn read_line(line: &str) -> Result<(u32, BookCommand), String> {
        let table = read(line, UnixTime::from_seconds(1000));
        table.map(|mut table| table.remove(0)).map(|line| (line.after, line.command))
    }

    #[test]
    fn a_line_is_a_time_and_what_is_done_then() {
        let rule: RuleKey = RULE.parse().unwrap();
        let name: RolloutName = "wave".parse().unwrap();
        let share = Share::Percent("50".parse().unwrap());
        for (line, after, command) in [
            ("0d approve RULE", 0, BookCommand::Approve(vec![rule.clone()])),
            ("90m percent RULE wave 50%", 5400, BookCommand::SetShare(rule.clone(), name.clone(), share)),
            (
                "2h pause RULE wave it is late",
                7200,
                BookCommand::PauseRollout(rule.clone(), name.clone(), "it is late".into()),
            ),
            ("1d finish RULE wave", 86_400, BookCommand::FinishRollout(rule.clone(), name)),
            ("5d kill", 432_000, BookCommand::Kill { scope: StopScope::All, reason: "".into() }),
        ] {
            assert_eq!(read_line(&line.replace("RULE", RULE)), Ok((after, command)), "{line}");
        }
        let (_, started) = read_line(&format!("1m rollout {RULE} wave 4.0.7577.0 10%@0d,all@1d share=5%"))
            .or_else(|_| read_line(&format!("1m rollout {RULE} wave 4.0.7577.0 10%@0d,100%@1d share=5%")))
            .unwrap();
        let BookCommand::StartRollout { rollout, .. } = started else { panic!("{started:?}") };
        let Share::Ramp(ramp) = rollout.share else { panic!("a ramp") };
        assert_eq!(ramp.start, UnixTime::from_seconds(1060));
        let guard = rollout.guard.unwrap();
        assert_eq!((guard.failures, guard.share.unwrap().to_string()), (None, "5%".to_owned()));
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        let refused = |text: &str| read(text, UnixTime::default()).unwrap_err();
        assert_eq!(
            refused("# a note\n\nsoon kill"),
            "line 3: expected a time, as 3d, 12h or 90m, found \"soon\""
        );
        assert!(refused("1d fly").starts_with("line 1: expected approve, "));
        assert_eq!(refused("1d approve"), "line 1: expected RULE");
        assert_eq!(refused(&format!("1d approve {RULE} now")), "line 1: approve does not take \"now\"");
        assert_eq!(
            refused(&format!("1d percent {RULE} wave 101")),
            "line 1: P: percentage is out of range, expected 0 to 100"
        );
        assert_eq!(refused(&"#\n".repeat(10_001)), "has more than 10000 lines");
        for line in ["99999999999d kill", "-1d kill", "1d approve a/b", "1d rollout", "1d kill everything"] {
            assert!(read(line, UnixTime::default()).is_err(), "{line}");
        }
    }
}
