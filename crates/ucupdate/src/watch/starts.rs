//! The times at which rollouts started, from the history.

use crate::error::StateError;
use crate::state::document::RevisionDocument;
use crate::state::rule_history::read_revision;
use std::collections::{BTreeMap, BTreeSet};
use ucupdate_core::RuleBook;
use ucupdate_core::book::{Rollout, RolloutName, Rule, RuleKey};
use ucupdate_core::value::UnixTime;
use ucupdate_store::ImageStore;

pub(crate) type RolloutKey = (RuleKey, RolloutName);

/// The times at which rollouts started, or were resumed last. For a paused rollout, this is the
/// start of the period that ended with the pause.
pub(crate) type Starts = BTreeMap<RolloutKey, UnixTime>;

/// The largest number of revisions that are read.
const MAX_REVISIONS: u64 = 4096;

/// An earlier rule book, and the starts of its rollouts.
pub(crate) struct KnownStarts<'a> {
    pub(crate) revision: u64,
    pub(crate) book: &'a RuleBook,
    pub(crate) starts: &'a Starts,
}

/// Finds the start of each rollout of `book`. Reads the revisions backwards, until the revision of
/// `known`, a revision before `since`, or [`MAX_REVISIONS`] is reached. A rollout that has run
/// without a break since `known` gets its start from `known`. For another rollout that started
/// before `since`, the result is `since`.
///
/// A rollout may seem to start at each revision that changed its rule, also if that revision only
/// added a pin. Only an earlier revision that has the rollout shows that the rollout did not start
/// there. In this case revisions before `since` are read too.
pub(crate) async fn starts(
    store: &dyn ImageStore,
    book: &RuleBook,
    revision: u64,
    known: Option<KnownStarts<'_>>,
    since: UnixTime,
) -> Result<Starts, StateError> {
    let mut open: BTreeSet<RolloutKey> = rollouts(book).map(|(rule, rollout)| key(rule, rollout)).collect();
    let mut found = Starts::new();
    let last = known.as_ref().map_or(0, |known| known.revision).max(revision.saturating_sub(MAX_REVISIONS));
    let mut number = revision;
    while number > last && !open.is_empty() {
        let Some((document, _)) = read_revision(store, number).await? else { break };
        if document.at < since && !open.iter().any(|key| found.contains_key(key)) {
            break;
        }
        open.retain(|key| is_running_on(key, &document, book, since, &mut found));
        number -= 1;
    }
    for key in open {
        let earlier = known.as_ref().and_then(|known| {
            let rollout = same(known.book, book, &key)?;
            let start = *known.starts.get(&key)?;
            // A rollout that was paused then, and runs now, was resumed.
            (rollout.paused.is_none() || !found.contains_key(&key)).then_some(start)
        });
        if let Some(start) = earlier {
            found.insert(key, start);
        } else {
            found.entry(key).or_insert(since);
        }
    }
    Ok(found)
}

/// Looks for the start of one rollout in one revision. If the rollout was running after this
/// revision, writes the time of the revision to `found`. Returns whether the rollout may have
/// started in an earlier revision.
fn is_running_on(
    key: &RolloutKey,
    document: &RevisionDocument,
    book: &RuleBook,
    since: UnixTime,
    found: &mut Starts,
) -> bool {
    let Some(entry) = document.delta.rules.iter().find(|entry| entry.key == key.0) else { return true };
    let then = entry.now.as_ref().and_then(|then| same_in_rule(then, book.rule(&key.0)?, &key.1));
    match then {
        Some(rollout) if rollout.paused.is_none() => {
            found.insert(key.clone(), document.at.max(since));
            document.at >= since
        }
        // Paused now, or paused before it was resumed.
        Some(_) => !found.contains_key(key),
        None => false,
    }
}

pub(crate) fn rollouts(book: &RuleBook) -> impl Iterator<Item = (&Rule, &Rollout)> {
    book.rules().flat_map(|rule| rule.rollouts().map(move |(_, rollout)| (rule, rollout)))
}

pub(crate) fn key(rule: &Rule, rollout: &Rollout) -> RolloutKey {
    (rule.key().clone(), rollout.name.clone())
}

/// Returns a rollout as it was in an earlier book. `None` if it did not exist, or offered another
/// release.
fn same<'a>(then: &'a RuleBook, now: &RuleBook, key: &RolloutKey) -> Option<&'a Rollout> {
    same_in_rule(then.rule(&key.0)?, now.rule(&key.0)?, &key.1)
}

fn same_in_rule<'a>(then: &'a Rule, now: &Rule, name: &RolloutName) -> Option<&'a Rollout> {
    let (before, rollout) = then.rollout(name)?;
    let (after, _) = now.rollout(name)?;
    let scheme = &now.policy().scheme;
    scheme.is_same_release(&before.candidate.version, &after.candidate.version).then_some(rollout)
}
