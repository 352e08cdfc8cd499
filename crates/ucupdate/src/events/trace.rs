//! Reports events to `tracing`. This module alone chooses the levels of this crate's events.

use crate::events::event::Event;
use std::error::Error;

/// Returns whether a subscriber of `tracing` receives the events of answers, which have the level
/// `DEBUG`.
pub(crate) fn takes_answers() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// Reports an event. An event that an administrator should look at has the level of a warning.
pub(crate) fn event(event: &Event<'_>) {
    match event {
        Event::RequestAnswered { request, decisions, revision, asker } => {
            for decision in *decisions {
                tracing::debug!(
                    host = asker.host,
                    mac = request.device.mac_address.raw(),
                    serial = request.device.serial_number.raw(),
                    revision,
                    %decision,
                    "decided"
                );
            }
        }
        Event::RequestRefused { host, method, path, status, reason } => {
            tracing::debug!(host, method, path, status, reason, "request refused");
        }
        Event::RequestUnreadable { host, error, body, is_first: true, capture } => tracing::warn!(
            host,
            error = *error as &dyn Error,
            bytes = body.len(),
            capture = capture.map(|id| id.as_str()),
            "request cannot be read; further ones of this shape are reported at debug level"
        ),
        Event::RequestUnreadable { host, error, body, .. } => {
            tracing::debug!(host, error = *error as &dyn Error, bytes = body.len(), "request cannot be read");
        }
        Event::ExchangeFinished { row, sent, .. } => tracing::debug!(
            method = row.method.as_logged(),
            path = row.uri_stem.as_logged(),
            status = row.status,
            taken_ms = row.time_taken_ms,
            sent,
            "answered"
        ),
        Event::FetchStarted { .. } => {}
        Event::FileFetched { file, host, outcome, bytes, .. } => {
            tracing::debug!(host, file = &*file.path, outcome = outcome.name(), bytes, "fetched");
        }
        Event::ChangeMade { revision } => {
            tracing::info!(revision = revision.number, author = revision.author, "rule book changed");
        }
        Event::RolloutPaused { paused } => {
            let (rule, rollout) = (&paused.rule, &paused.rollout);
            tracing::warn!(%rule, %rollout, reason = &*paused.reason, "rollout paused");
        }
        Event::RolloutAlreadyPaused { paused } => {
            let (rule, rollout) = (&paused.rule, &paused.rollout);
            tracing::info!(%rule, %rollout, reason = &*paused.reason, "rollout is paused already");
        }
        Event::PackageIngested { ingested, file_name, author } => {
            tracing::info!(package = %ingested.id(), file_name, author, "package ingested");
        }
        Event::LogRowsWaiting { log, rows, cause } => {
            tracing::warn!(?log, rows, cause, "log rows wait: the store does not take them");
        }
        Event::LogRowsWritten { log } => tracing::warn!(?log, "log rows are written again"),
        Event::LogRowsDropped { log, rows, cause } => {
            tracing::warn!(?log, rows, cause, "log rows are lost; `rows` counts them since the start");
        }
        Event::CapturesLost { captures, cause } => {
            tracing::warn!(captures, cause, "captures are lost; `captures` counts them since the start");
        }
        Event::LoopFound { found } => {
            let (kind, device) = (found.kind, &found.device);
            tracing::warn!(%device, ?kind, asks = found.asks, "device is offered updates in a circle");
        }
        Event::DeviceSilent { device, last_seen } => {
            tracing::info!(%device, %last_seen, "device is silent");
        }
        Event::FleetCounted { states, .. } => {
            let devices: u64 = states.values().sum();
            tracing::debug!(devices, ?states, "devices are counted");
        }
        Event::LoginRefused { host, name, method, path, reason } => {
            tracing::warn!(host, name, method, path, reason, "login refused");
        }
        // `state/health.rs` reports a failing store, and repeats the report while the failure lasts.
        Event::StoreUnreachable { .. } | Event::HistoryReplaced { .. } | Event::StoreReachable { .. } => {}
    }
}
