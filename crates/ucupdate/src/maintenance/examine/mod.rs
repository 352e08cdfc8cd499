//! Examines a store and its rules for an administrator: rights, clock, history, images, and rules that need attention.

#[cfg(feature = "local")]
pub(crate) mod disk;
pub(crate) mod finding;
pub(crate) mod near_equal;
mod rules;
mod store_use;

use crate::error::StateError;
use crate::maintenance::access::check_access;
use crate::maintenance::check::{CheckOptions, StoreCheck, check_store};
use crate::service::UpdateService;
use finding::{Finding, FindingSeverity};
use rules::LastChanges;
use store_use::use_each_operation;
use ucupdate_core::value::UnixTime;
use ucupdate_store::{ImageStore, StoreError, error_chain};

/// The largest difference between the clock of the store and the clock of this process that is not
/// a finding.
const MAX_CLOCK_DIFFERENCE_MILLIS: i64 = 2 * 60 * 1000;

/// The number of the newest revisions in which the last changes of rollouts are looked for.
const REVISIONS_LOOKED_AT: u64 = 1000;

/// One check of an examination, such as [`UpdateService::examine`], and its findings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The name of the check, for people. Example: `store rights`.
    pub name: &'static str,
    /// The findings. Empty if nothing is wrong.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Creates the result of a check.
    pub fn new(name: &'static str, findings: Vec<Finding>) -> Self {
        Self { name, findings }
    }
}

impl UpdateService {
    /// Examines the store and the rules for an administrator:
    ///
    /// - whether each operation of the store works for this process;
    /// - how much the clock of the store differs from the clock of this service;
    /// - whether [`check`](Self::check) finds problems;
    /// - which rules need attention.
    ///
    /// It writes an object to a scratch key and removes it. With `quick`, images are not read, and only their sizes are
    /// compared.
    ///
    /// ```
    /// use ucupdate::{Options, UpdateService, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let service = UpdateService::open(std::sync::Arc::new(MemoryStore::default()), Options::default()).await?;
    /// let checks = service.examine(true).await;
    /// let kinds: Vec<_> = checks.iter().flat_map(|check| &check.findings).map(|finding| finding.kind).collect();
    /// assert_eq!(kinds, ["no-rules"]);
    /// # Ok::<(), ucupdate::StateError>(())
    /// # }).unwrap();
    /// ```
    pub async fn examine(&self, quick: bool) -> Vec<Checked> {
        let used = use_each_operation(&**self.store()).await;
        let mut rights = used.findings;
        if rights.is_empty() {
            let access = check_access(&**self.store()).await;
            let refused = access.refused.iter().chain(&access.failed);
            rights.extend(refused.map(|(folder, reason)| Finding::folder_not_writable(folder, reason)));
        }
        let mut checks = vec![Checked::new("store rights", rights)];
        if let Some(store_time) = used.store_time {
            checks.push(Checked::new("clock", clock_findings(store_time, self.now())));
        }
        checks.push(Checked::new(HISTORY, findings_of(self.check(quick).await)));
        let snapshot = self.snapshot();
        let touched = self.rollouts_touched().await;
        checks.extend(rules::checks(snapshot.book(), &touched, self.now()));
        checks
    }

    /// Returns the time of the last change of each rollout that the newest [`REVISIONS_LOOKED_AT`]
    /// revisions changed.
    async fn rollouts_touched(&self) -> LastChanges {
        let newest = self.snapshot().revision();
        let first = newest.saturating_sub(REVISIONS_LOOKED_AT) + 1;
        let revisions = self.history(first, usize::MAX).await.unwrap_or_default();
        LastChanges::of(&revisions)
    }
}

/// The name of the check that reads the revisions, the checkpoints and the files of the packages.
const HISTORY: &str = "history and images";

/// Examines a store on which no service can be opened, because its rule book cannot be read. `unread` is the error of
/// [`UpdateService::open`]. With `quick`, images are not read, and only their sizes are compared.
pub async fn examine_unreadable(
    store: &dyn ImageStore,
    unread: &StateError,
    quick: bool,
    now: UnixTime,
) -> Checked {
    let mut findings = vec![Finding::new(
        "rule-book-unreadable",
        FindingSeverity::Problem,
        "store",
        format!("the rule book cannot be read: {}", error_chain(unread)),
        "a history that can be read".to_owned(),
        "repair the history as the other findings say, then run this again".to_owned(),
    )];
    let options = CheckOptions::default().with_quick(quick);
    findings.extend(findings_of(check_store(store, &options, now).await));
    Checked::new(HISTORY, findings)
}

/// Returns the problems of a store as findings. If the store cannot be read, this is the only
/// finding.
fn findings_of(checked: Result<StoreCheck, impl std::error::Error + 'static>) -> Vec<Finding> {
    match checked {
        Ok(found) => found.problems.iter().map(Finding::from).collect(),
        Err(error) => vec![Finding::store_unreadable(&error_chain(&error))],
    }
}

/// Returns a finding if the clocks of the store and of this process differ by more than
/// [`MAX_CLOCK_DIFFERENCE_MILLIS`].
fn clock_findings(store_time: UnixTime, now: UnixTime) -> Vec<Finding> {
    let ahead = store_time.as_millis().saturating_sub(now.as_millis());
    if ahead.abs() <= MAX_CLOCK_DIFFERENCE_MILLIS {
        return Vec::new();
    }
    let (minutes, way) = (ahead.unsigned_abs() / 60_000, if ahead > 0 { "ahead of" } else { "behind" });
    vec![Finding::new(
        "clocks-differ",
        FindingSeverity::Problem,
        "store",
        format!(
            "the clock of the store says {store_time}, {minutes} minutes {way} the clock of this machine"
        ),
        "less than 2 minutes between the clocks".to_owned(),
        "synchronise both clocks (NTP): ramps, windows and the ages of packages are reckoned by them"
            .to_owned(),
    )]
}

fn failed_operation(operation: &str, error: &StoreError) -> Finding {
    Finding::new(
        "store-operation-failed",
        FindingSeverity::Problem,
        "store",
        format!("{operation} failed: {}", error_chain(error)),
        "a store in which this user may create, replace, read, list and delete objects".to_owned(),
        "give this user the right, make room on the disk, or run the command as the user of the server"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_by_minutes_are_a_finding() {
        let at = UnixTime::from_seconds;
        assert_eq!(clock_findings(at(1000), at(1100)), []);
        let ahead = clock_findings(at(100_000), at(0));
        assert!(ahead[0].found.contains("1666 minutes ahead of"), "{ahead:?}");
        let behind = clock_findings(at(0), at(200));
        assert!(behind[0].found.contains("3 minutes behind"), "{behind:?}");
    }
}
