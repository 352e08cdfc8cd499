//! [`event`]: an event of the service as JSON, as the API sends it and the command logs it.

use serde_json::{Map, Value, json};
use ucupdate::Event;
use ucupdate::audit::LogKind;
use ucupdate::inventory::DeviceState;
use ucupdate::request::{Side, UpdateRequest};
use ucupdate::store::error_chain;
use ucupdate::value::UnixTime;

/// The largest number of bytes of an unreadable body in an event.
const SHOWN_BYTES: usize = 64;

/// Returns an event as a JSON object, with the fields that all events have and the fields of this kind of event.
pub fn event(event: &Event<'_>, server: &str, now: UnixTime) -> Value {
    let mut object = Map::new();
    object.insert("format".to_owned(), json!(1));
    object.insert("event".to_owned(), json!(event.kind().name()));
    object.insert("at".to_owned(), json!(now.to_string()));
    object.insert("server".to_owned(), json!(server));
    if let Value::Object(own) = own_fields(event) {
        object.extend(own);
    }
    Value::Object(object)
}

fn own_fields(event: &Event<'_>) -> Value {
    match event {
        Event::RequestAnswered { request, asker, decisions, revision } => {
            let modules = request.modules.iter().zip(*decisions).map(|(module, decision)| {
                json!({
                    "file_name": module.file_name, "version": module.version.to_string(), "decision": decision.word(),
                    "because": decision.to_string(),
                    "offered": decision.offer().map(|offer| offer.version.to_string()),
                })
            });
            json!({
                "host": asker.host, "side": side(asker.side), "device": device(request),
                "modules": modules.collect::<Vec<_>>(), "revision": revision,
            })
        }
        Event::RequestRefused { host, method, path, status, reason } => {
            json!({ "host": host, "method": method, "path": path, "status": status, "reason": reason })
        }
        Event::RequestUnreadable { host, error, body, is_first, capture } => {
            let start = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]);
            json!({
                "host": host, "reason": error.to_string(), "bytes": body.len(), "start": start, "first": is_first,
                "capture": capture.map(|id| id.as_str()),
            })
        }
        Event::ExchangeFinished { row, sent, .. } => json!({
            "host": row.client_ip.decoded(), "method": row.method.decoded(), "path": row.uri_stem.decoded(),
            "status": row.status, "bytes": sent, "taken_ms": row.time_taken_ms,
            "user_agent": row.user_agent.decoded(),
        }),
        Event::FetchStarted { file, host } => json!({ "host": host, "file": file.path, "size": file.size }),
        Event::FileFetched { file, host, outcome, bytes, taken } => json!({
            "host": host, "file": file.path, "size": file.size, "outcome": outcome.name(), "bytes": bytes,
            "taken_ms": u64::try_from(taken.as_millis()).unwrap_or(u64::MAX),
        }),
        Event::ChangeMade { revision } => json!({
            "revision": revision.number, "changed_at": revision.at.to_string(), "author": revision.author,
            "notes": revision.notes,
        }),
        Event::RolloutPaused { paused } | Event::RolloutAlreadyPaused { paused } => json!({
            "rule": paused.rule.to_string(), "rollout": paused.rollout.to_string(), "version": paused.version.to_string(),
            "reason": paused.reason,
        }),
        Event::PackageIngested { ingested, file_name, author } => json!({
            "package": ingested.id().to_string(), "file_name": file_name, "author": author, "revision": ingested.revision,
        }),
        Event::LogRowsWaiting { log, rows, cause } => {
            json!({ "log": log_name(*log), "rows": rows, "cause": cause })
        }
        Event::LogRowsWritten { log } => json!({ "log": log_name(*log) }),
        Event::LogRowsDropped { log, rows, cause } => {
            json!({ "log": log_name(*log), "rows": rows, "cause": cause })
        }
        Event::CapturesLost { captures, cause } => json!({ "captures": captures, "cause": cause }),
        Event::StoreUnreachable { error } | Event::HistoryReplaced { error } => {
            json!({ "cause": error_chain(*error) })
        }
        Event::StoreReachable { after } => {
            json!({ "after_ms": u64::try_from(after.as_millis()).unwrap_or(u64::MAX) })
        }
        Event::LoopFound { found } => json!({
            "device": found.device.to_string(), "rule": found.rule.as_ref().map(ToString::to_string),
            "update_type": found.update_type.to_string(),
            "versions": found.versions.iter().map(ToString::to_string).collect::<Vec<_>>(), "asks": found.asks,
            "first": found.first.to_string(), "last": found.last.to_string(),
        }),
        Event::LoginRefused { host, name, method, path, reason } => {
            json!({ "host": host, "name": name, "method": method, "path": path, "reason": reason })
        }
        Event::DeviceSilent { device, last_seen } => {
            json!({ "device": device.to_string(), "last_seen": last_seen.to_string() })
        }
        Event::FleetCounted { states, at } => {
            let counts = DeviceState::ALL.iter().map(|state| {
                let count = states.get(state).copied().unwrap_or(0);
                (state.name().to_owned(), json!(count))
            });
            json!({ "counted_at": at.to_string(), "states": counts.collect::<Map<_, _>>() })
        }
        _ => json!({}),
    }
}

fn device(request: &UpdateRequest) -> Value {
    let device = &request.device;
    json!({
        "kind": device.kind.to_string(), "mac": device.mac_address.raw(), "serial": device.serial_number.raw(),
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Internal => "internal",
        Side::External => "external",
    }
}

fn log_name(log: LogKind) -> &'static str {
    match log {
        LogKind::Audit => "audit",
        LogKind::Access => "access",
    }
}
