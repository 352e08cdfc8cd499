//! One device: its installed versions, the offer that it would get now, and its timeline.

use super::fleet::{device_json, id_of};
use crate::api::call::Call;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use ucupdate::audit::{AccessRow, AuditRow};
use ucupdate::device::DeviceId;
use ucupdate::inventory::{DeviceStanding, InventoryDevice, StateOptions};
use ucupdate::request::AskedFrom;
use ucupdate::store::error_chain;
use ucupdate::timeline::{DeviceStory, PeerDownloads, StoryOptions, Timeline, host_key};
use ucupdate::value::Zone;
use ucupdate::{AccessLogs, AuditLogs, Logged};

/// The largest number of audit rows, and of access rows, that a timeline is made of.
const MAX_ROWS: usize = 20_000;

pub(crate) async fn one(call: &Call<'_>) -> Result<Answer, Problem> {
    let side = call.side;
    let text = call.parameters.first().map_or("", String::as_str);
    let missing = || Problem::not_found(format!("no device {text} is in the audit logs"));
    let id = device_id(text).ok_or_else(missing)?;
    let fleet = side.fleets.read(&side.service, &side.options.limits).await.map_err(Problem::unavailable)?;
    let number = fleet.number(&id).ok_or_else(missing)?;
    let device = fleet.inventory.device(number);
    let (snapshot, now) = (side.service.snapshot(), side.service.now());
    let histories = fleet.inventory.histories(number);
    let standing = DeviceStanding::of(&device, &histories, Some(snapshot.index()), &StateOptions::new(now));
    let mut value = json!({
        "device": device_json(&device),
        "state": standing.state.name(),
        "meaning": standing.state.meaning(),
        "first_asked": report::iso(device.first_asked),
        "asks": device.asks,
        "test_device": snapshot.book().test_device(&id).map(|known| known.name.to_string()),
        "now": Value::Null,
        "text": Value::Null,
    });
    if let Some(request) = device.request() {
        let from = AskedFrom { side: None, address: device.user_host.parse().ok() };
        let explanation = snapshot.explain(&request, from, now);
        value["now"] = report::explanation(&explanation, &[], &[]);
        value["text"] = explanation.to_string().into();
    }
    let Ok(_place) = side.readings.try_acquire() else {
        return Err(Problem::unavailable("other timelines are being read; try again"));
    };
    let read = read_story(call, &id, &device).await.map_err(Problem::unavailable)?;
    value["timeline"] = read.story.as_ref().map_or(Value::Null, report::story);
    value["left_out"] = read.left_out.into();
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}

/// Reads a MAC address or a serial number. `None` if the text is neither.
pub(crate) fn device_id(text: &str) -> Option<DeviceId> {
    let mac = text.parse().ok().map(DeviceId::Mac);
    mac.or_else(|| text.parse().ok().map(DeviceId::Serial))
}

struct ReadStory {
    story: Option<DeviceStory>,
    /// The number of audit rows and access rows that were left out, because there were more than [`MAX_ROWS`].
    left_out: u64,
}

/// Reads the timeline of a device from the logs of the store.
async fn read_story(call: &Call<'_>, id: &DeviceId, device: &InventoryDevice) -> Result<ReadStory, String> {
    let service = &call.side.service;
    let is_it = |row: &AuditRow| DeviceId::of(&row.mac_address, &row.serial_number).as_ref() == Some(id);
    let mut hosts: HashSet<String> = HashSet::from([host_key(&device.user_host)]);
    let mut rows: Vec<AuditRow> = Vec::new();
    let (mut read, mut left_out) = (0, 0);
    let mut logs = AuditLogs::new(Zone::utc(), None);
    logs.add_store(Arc::clone(service.store())).await.map_err(|error| error_chain(&error))?;
    while let Some(logged) = logs.next().await.map_err(|error| error_chain(&error))? {
        let Logged::Row(logged) = logged else { continue };
        read += 1;
        if read > call.side.options.limits.log_rows {
            return Err("the audit logs have too many rows; `ucupdate timeline` reads them all".to_owned());
        }
        let is_there = hosts.contains(&host_key(&logged.row.user_host));
        if is_it(&logged.row) {
            hosts.insert(host_key(&logged.row.user_host));
        }
        if is_there || is_it(&logged.row) {
            push(&mut rows, logged.row, &mut left_out);
        }
    }
    let (mut access, mut peers) = (Vec::<AccessRow>::new(), PeerDownloads::default());
    let mut logs = AccessLogs::new(None);
    logs.add_store(Arc::clone(service.store())).await.map_err(|error| error_chain(&error))?;
    while let Some(logged) = logs.next().await.map_err(|error| error_chain(&error))? {
        let Logged::Row(row) = logged else { continue };
        read += 1;
        if read > call.side.options.limits.log_rows {
            return Err("the access logs have too many rows; `ucupdate timeline` reads them all".to_owned());
        }
        if !row.is_of_update_service() {
            continue;
        }
        peers.observe(&row);
        if hosts.contains(&host_key(&row.client_ip.decoded())) {
            push(&mut access, *row, &mut left_out);
        }
    }
    let timeline = Timeline::join(rows, access);
    let snapshot = service.snapshot();
    let sizes = snapshot.files().iter().flat_map(|file| {
        let folders = ["/DeviceUpdateFiles_Int/", "/DeviceUpdateFiles_Ext/"];
        folders.map(|folder| (format!("{folder}{}", file.path), file.size))
    });
    let options = StoryOptions::default().with_peers(&peers).with_book(snapshot.book());
    let mut stories = timeline.stories(&options.with_sizes(sizes).with_now(service.now()));
    stories.retain(|story| story.device.as_ref() == Some(id));
    // The reasons are for people. If the history cannot be read, they are left out.
    let _without = report::add_reasons(&mut stories, &timeline, service).await;
    Ok(ReadStory { story: stories.into_iter().next(), left_out })
}

/// Adds a row to `rows`. If `rows` has [`MAX_ROWS`] rows already, first removes the older half of them and adds
/// their number to `left_out`.
fn push<T>(rows: &mut Vec<T>, row: T, left_out: &mut u64) {
    if rows.len() >= MAX_ROWS {
        let half = rows.len() / 2;
        rows.drain(..half);
        *left_out += half as u64;
    }
    rows.push(row);
}

/// Returns the numbers of devices by state, model and version, and the silent devices.
pub(crate) async fn inventory(call: &Call<'_>) -> Result<Answer, Problem> {
    let side = call.side;
    let fleet = side.fleets.read(&side.service, &side.options.limits).await.map_err(Problem::unavailable)?;
    let (snapshot, now) = (side.service.snapshot(), side.service.now());
    let counted = tokio::task::spawn_blocking(move || {
        let states = fleet.states(&snapshot, now);
        let versions = fleet.inventory.versions_in(snapshot.index());
        let versions = versions.into_iter().map(|count| {
            json!({
                "vendor": count.vendor, "model": count.model, "file_name": count.file_name, "version": count.version,
                "devices": count.devices,
            })
        });
        let silent = states.silent.iter().map(|number| {
            let device = fleet.inventory.device(*number);
            json!({ "id": id_of(&device), "last_asked": report::iso(device.last_asked) })
        });
        json!({
            "known": fleet.inventory.len(),
            "left_out": fleet.left_out,
            "states": states.json(),
            "versions": versions.collect::<Vec<_>>(),
            "silent": silent.collect::<Vec<_>>(),
            "read_at": report::iso(fleet.read_at),
        })
    });
    let value = counted.await.map_err(|_| Problem::unavailable("the devices could not be counted"))?;
    Ok(Answer::json(value))
}
