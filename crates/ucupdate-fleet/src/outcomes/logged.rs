//! Infers outcomes from the rows of audit logs and access logs.

use super::watch::{Offered, Outcomes};
use crate::downloads::{DownloadHash, download_of, host_mark};
use crate::inventory::InventoryDevice;
use crate::pairing::offers;
use crate::timeline::url_path;
use std::collections::BTreeMap;
use ucupdate_audit::{AccessRow, LoggedRow, OfferedCell};
use ucupdate_core::book::{Assignment, Rollout, RolloutName, Rule, RuleKey};
use ucupdate_core::decide::{Decision, EligibilityIndex, OfferKind, decide};
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::{AskedFrom, Question, Side, is_simulated};
use ucupdate_core::value::UnixTime;

/// An offer may be logged this many milliseconds before its rollout started, because rows have whole seconds and
/// clocks differ.
const START_SLACK_MILLIS: i64 = 2000;

impl Outcomes {
    /// Adds a row of the audit log of any server. The rows must come in order of time.
    ///
    /// A row does not name the rollout of its offer, so the request is decided again with `index`. The offer
    /// belongs to the rollout in this decision. If the decision has no rollout, the offer belongs to the only
    /// rollout of the rule that has the offered version. Compile `index` from a rule book in which no rollout is
    /// paused and no kill switch is on. Otherwise offers that were made before a pause might belong to no rollout.
    ///
    /// `starts` has the known times at which rollouts started or were resumed. Offers before the
    /// start of their rollout are skipped.
    pub fn take_in_audit(
        &mut self,
        index: &EligibilityIndex,
        starts: &BTreeMap<(RuleKey, RolloutName), UnixTime>,
        logged: &LoggedRow,
    ) {
        let row = &logged.row;
        if is_simulated(&row.user_name) {
            return;
        }
        let Some(identity) = DeviceId::of(&row.mac_address, &row.serial_number) else { return };
        if row.offered.is_empty() && !self.knows(&identity) {
            return;
        }
        let Some(request) = InventoryDevice::of(logged).request() else { return };
        let host = host_mark(&row.user_host);
        let offers = offers(&row.requested, &row.offered);
        let from = asked_from(logged);
        for question in Question::all_of(&request, from) {
            let Some(rule) = index.rule_of(&question) else { continue };
            if rule.rollouts().next().is_none() {
                continue;
            }
            self.asked_at(index, &question, Some(host), row.logged_at);
            let cell = row.requested.iter().position(|cell| {
                cell.file_name == question.module.file_name && cell.version == question.module.version
            });
            let Some(cell) = cell.and_then(|at| offers.get(at).copied().flatten()) else { continue };
            let decision = decide(index, &question, row.logged_at);
            let Some((assignment, rollout, is_stone)) = rollout_of(rule, &decision, cell) else { continue };
            let start = starts.get(&(rule.key().clone(), rollout.name.clone()));
            let at = row.logged_at.as_millis().saturating_add(START_SLACK_MILLIS);
            if start.is_some_and(|start| at < start.as_millis()) {
                continue;
            }
            let offer = Offered {
                rollout,
                version: &assignment.candidate.version,
                installed: &question.module.version,
                stone: is_stone.then_some(&cell.version),
            };
            let place = DownloadHash::of(&row.user_host, url_path(&cell.url));
            self.take_in_offer(rule, &offer, identity.clone(), Some(place), row.logged_at);
        }
    }

    /// Adds a row of the access log of any server. The rows of both logs must come in order of
    /// time. If times are equal, the row of the audit log must come first.
    ///
    /// A download of an image counts for one device: the device that was offered the image last at
    /// the address of the row, before the download began and within the deadline of the guard. A
    /// redirect to the store counts as a download. A download of a part counts once for each
    /// address and image, because anybody can request a single byte.
    pub fn take_in_access(&mut self, row: &AccessRow) {
        let Some((place, is_part)) = download_of(row) else { return };
        let settled = self.open.settle(place, is_part, row.started_at(), row.finished_at);
        if let Some((device, number)) = settled {
            self.downloaded(&device, number, row.finished_at);
        }
    }
}

/// Returns the origin of a request (its side and address), as far as the audit row shows it.
fn asked_from(logged: &LoggedRow) -> AskedFrom {
    let row = &logged.row;
    let is_external = |cell: &OfferedCell| {
        let path = url_path(&cell.url).to_ascii_lowercase();
        path.starts_with("/deviceupdatefiles_ext/") || path.starts_with("/requesthandlerext/")
    };
    let side = if row.offered.iter().any(is_external) { Side::External } else { Side::Internal };
    AskedFrom { side: (!row.offered.is_empty()).then_some(side), address: row.user_host.trim().parse().ok() }
}

/// Returns the rollout that the logged offer `cell` belongs to, with its assignment, and whether
/// the offer is a stepping stone. `None` if the rollout is not clear.
fn rollout_of<'a>(
    rule: &'a Rule,
    decision: &Decision<'a>,
    cell: &OfferedCell,
) -> Option<(&'a Assignment, &'a Rollout, bool)> {
    let scheme = &rule.policy().scheme;
    if let Decision::Offer { offer, kind, because } = decision
        && scheme.is_same_release(&offer.version, &cell.version)
    {
        let is_stone = matches!(kind, OfferKind::SteppingStone { .. });
        return because.rollout.as_deref().map(|rollout| (*because, rollout, is_stone));
    }
    let mut same = rule
        .rollouts()
        .filter(|(assignment, _)| scheme.is_same_release(&assignment.candidate.version, &cell.version));
    let (assignment, rollout) = same.next()?;
    same.next().is_none().then_some((assignment, rollout, false))
}
