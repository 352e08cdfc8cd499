//! The reasons of answers. Logs do not contain reasons. So each request is decided again with the rule book that
//! the service had at the time of the request.

use std::collections::HashMap;
use std::sync::Arc;
use ucupdate::audit::LoggedRow;
use ucupdate::decide::Decision;
use ucupdate::device::DeviceId;
use ucupdate::inventory::InventoryDevice;
use ucupdate::request::{AskedFrom, UpdateRequest};
use ucupdate::timeline::{DeviceEventKind, DeviceStory, Timeline};
use ucupdate::value::UnixTime;
use ucupdate::{Snapshot, StateError, UpdateService};

/// The maximum number of requests whose reasons are computed. The latest requests are used.
const MAX_REQUESTS: usize = 1000;

/// The maximum number of rule books (revisions) that are read to compute reasons.
const MAX_REVISIONS: usize = 64;

/// Adds the reason to each answer in the stories. For that, each request is decided again with the rule book that
/// the service had at the time of the request. If this gives another answer than the logged one, the reason is
/// `None`. The latest 1,000 requests and at most 64 rule books are used.
///
/// # Errors
/// When the history cannot be read.
pub async fn add_reasons(
    stories: &mut [DeviceStory],
    timeline: &Timeline,
    service: &UpdateService,
) -> Result<(), StateError> {
    let revisions = service.history(1, usize::MAX).await?;
    let mut requests: HashMap<(DeviceId, UnixTime), (UpdateRequest, AskedFrom)> = HashMap::new();
    for row in timeline.entries().iter().rev().map(|entry| &entry.audit).take(MAX_REQUESTS) {
        let request = InventoryDevice::of(&LoggedRow::new(row.clone(), None)).request();
        if let Some((device, request)) = DeviceId::of(&row.mac_address, &row.serial_number).zip(request) {
            let from = AskedFrom { side: None, address: row.user_host.parse().ok() };
            requests.insert((device, row.logged_at), (request, from));
        }
    }
    let mut snapshots: HashMap<u64, Arc<Snapshot>> = HashMap::new();
    for story in stories {
        let Some(device) = story.device.clone() else { continue };
        for event in &mut story.events {
            let DeviceEventKind::Asked { modules, .. } = &mut event.kind else { continue };
            let Some((request, from)) = requests.get(&(device.clone(), event.at)) else { continue };
            let known = revisions.iter().take_while(|revision| revision.at <= event.at).last();
            let Some(revision) = known.map(|revision| revision.number) else { continue };
            if !snapshots.contains_key(&revision) {
                if snapshots.len() >= MAX_REVISIONS {
                    continue;
                }
                snapshots.insert(revision, service.snapshot_at(revision).await?);
            }
            let Some(snapshot) = snapshots.get(&revision) else { continue };
            let explanation = snapshot.explain(request, *from, event.at);
            for module in modules {
                let mut traces = explanation.modules.iter();
                let trace = traces.find(|trace| *trace.file_name == *module.file_name);
                module.because = trace.and_then(|trace| because(&trace.decision, module.offered.as_ref()));
            }
        }
    }
    Ok(())
}

/// Returns the reason of a decision. `None` if another answer was logged.
fn because(decision: &Decision<'_>, logged: Option<&ucupdate::version::ReportedVersion>) -> Option<Box<str>> {
    let decided = decision.offer().map(|offer| offer.version.as_str());
    if decided != logged.map(|version| version.as_str()) {
        return None;
    }
    let text = decision.to_string();
    let reason = text.split_once("because ").or_else(|| text.split_once("nothing: "));
    reason.map(|(_, reason)| reason.into())
}
