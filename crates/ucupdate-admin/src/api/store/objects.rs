//! The objects of the store, for a command that works on the store from another machine.
//!
//! A viewer may read the rule books, packages, inventories and server logs. An operator may also read the bodies of
//! requests and the logs of devices, because they show what people did. An approver may also read the objects of
//! other programs.
//!
//! A client can write two things: files of an ingest that the rule book does not name yet, and revisions. A client
//! [submits](ucupdate::Admin::submit) a revision with its command. This service executes the command itself, and
//! makes the revision only if the result is the same.

use crate::access::role::AdminRole;
use crate::api::book::change::role_of;
use crate::api::book::four_eyes;
use crate::api::call::Call;
use crate::request::body::RequestBody;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use std::ops::Range;
use std::time::SystemTime;
use ucupdate::store::{ObjectMeta, StoreError, StoreKey, error_chain};
use ucupdate::{RecordedCommand, SubmitError, SubmittedRevision};

/// The header field with the size of a whole object in bytes.
const SIZE: HeaderName = HeaderName::from_static("ucupdate-size");

/// The header field with the time of the last write, in nanoseconds since 1970.
const MODIFIED: HeaderName = HeaderName::from_static("ucupdate-modified");

/// Returns a page of the objects below a prefix, as the store lists them.
pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let after = call.query.text("after").map(key).transpose()?;
    let prefix = call.query.text("prefix").unwrap_or_default();
    let page = call.side.service.store().list(prefix, after.as_ref()).await.map_err(problem)?;
    let objects: Vec<Value> = page.iter().map(meta_json).collect();
    let next = page.last().map(|last| last.key.to_string());
    Ok(Answer::json(json!({ "objects": objects, "next": next, "now": nanos(now(call)) })))
}

fn now(call: &Call<'_>) -> SystemTime {
    SystemTime::UNIX_EPOCH
        + std::time::Duration::from_millis(u64::try_from(call.side.service.now().as_millis()).unwrap_or(0))
}

/// Returns an object, or the part of it from `from` to `to`. `HEAD` returns only the header fields.
pub(crate) async fn read(call: &Call<'_>) -> Result<Answer, Problem> {
    let (key, store) = (named(call)?, call.side.service.store());
    call.side.require(reader(&key), call.administrator, call.request)?;
    if call.request.method == Method::HEAD {
        let meta = store.head(&key).await.map_err(problem)?;
        return Ok(with_meta(Answer::document("application/octet-stream", ""), &meta));
    }
    let from = call.query.parsed::<u64>("from")?;
    let range = match (from, call.query.parsed::<u64>("to")?) {
        (None, None) => None,
        (from, to) => Some(Range { start: from.unwrap_or(0), end: to.unwrap_or(u64::MAX) }),
    };
    let object = store.get(&key, range).await.map_err(problem)?;
    let length = object.range.end.saturating_sub(object.range.start);
    let answer = Answer::stream("application/octet-stream", object.bytes, Some(length));
    Ok(with_meta(answer, &object.meta))
}

/// Writes a file of an ingest that the rule book does not name yet.
pub(crate) async fn write(call: &Call<'_>, body: &mut RequestBody) -> Result<Answer, Problem> {
    let key = named(call)?;
    let limits = &call.side.options.limits;
    let Ok(_place) = call.side.places.try_acquire() else {
        return Err(Problem::unavailable("other uploads or checks are running; try again"));
    };
    let (bytes, end) = body.package(limits)?;
    let admin = call.side.service.admin(&call.administrator.name);
    let written = admin.put_file(&key, bytes).await;
    let meta = written.map_err(|error| end.problem(limits).unwrap_or_else(|| Problem::from(error)))?;
    Ok(Answer::json(meta_json(&meta)))
}

/// Deletes a file of an ingest that the rule book does not name.
pub(crate) async fn delete(call: &Call<'_>) -> Result<Answer, Problem> {
    let key = named(call)?;
    call.side.service.admin(&call.administrator.name).delete_file(&key).await?;
    Ok(Answer::json(json!({ "key": key.as_str() })))
}

/// Makes a revision that the client computed, if this service computes the same revision from its command.
pub(crate) async fn submit(call: &Call<'_>, body: &mut RequestBody) -> Result<Answer, Problem> {
    let bytes = body.whole(&call.request.headers, &call.side.options.limits).await?;
    let submitted = SubmittedRevision::read(bytes).map_err(|error| {
        Problem::not_understood(format!("the body is not a revision: {}", error_chain(&error)))
    })?;
    let role = match submitted.command() {
        RecordedCommand::Book(command) => role_of(command),
        _ => AdminRole::Approver,
    };
    call.side.require(role, call.administrator, call.request)?;
    match submitted.command() {
        RecordedCommand::Book(command) => four_eyes::check(call, command).await?,
        RecordedCommand::RollBackTo(revision) => four_eyes::check_roll_back(call, *revision).await?,
        // A rebuild gives no version to anyone but test devices.
        _ => {}
    }
    let number = submitted.number();
    call.side.service.admin(&call.administrator.name).submit(submitted).await?;
    Ok(Answer::json(json!({ "revision": number })).at_revision(number))
}

/// Returns the smallest role that may read an object. The case of the key is ignored, because some
/// stores do not distinguish upper from lower case.
fn reader(key: &StoreKey) -> AdminRole {
    let key = key.as_str().to_ascii_lowercase();
    let is_below = |folders: &[&str]| folders.iter().any(|folder| key.starts_with(folder));
    match () {
        () if is_below(&["state/", "images/", "inventory/", "logs/server/"]) => AdminRole::Viewer,
        () if is_below(&["logs/client/"]) => AdminRole::Operator,
        () => AdminRole::Approver,
    }
}

fn named(call: &Call<'_>) -> Result<StoreKey, Problem> {
    key(call.parameters.first().map_or("", String::as_str))
}

fn key(text: &str) -> Result<StoreKey, Problem> {
    StoreKey::parse(text).map_err(|error| Problem::bad_request(format!("`{text}` is not a key: {error}")))
}

fn problem(error: StoreError) -> Problem {
    let detail = error_chain(&error);
    match error {
        StoreError::NotFound { .. } => Problem::not_found(detail),
        StoreError::InvalidRange { .. } => {
            Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "invalid-range", detail)
        }
        error => Problem::from(error),
    }
}

fn with_meta(answer: Answer, meta: &ObjectMeta) -> Answer {
    let modified = HeaderValue::from_str(&nanos(meta.modified));
    let answer = answer.with(SIZE, HeaderValue::from(meta.size));
    match modified {
        Ok(modified) => answer.with(MODIFIED, modified),
        Err(_) => answer,
    }
}

fn meta_json(meta: &ObjectMeta) -> Value {
    json!({ "key": meta.key.as_str(), "size": meta.size, "modified": nanos(meta.modified) })
}

/// Returns a time in nanoseconds since 1970, as a text because many programs read numbers inexactly.
fn nanos(at: SystemTime) -> String {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let detail = error_chain(&error);
        match error {
            SubmitError::Exists { .. } => Self::new(StatusCode::CONFLICT, "revision-exists", detail),
            SubmitError::Author { .. } | SubmitError::NotRemote { .. } => {
                Self::new(StatusCode::FORBIDDEN, "not-remote", detail)
            }
            SubmitError::Change(error) => error.into(),
            _ => Self::not_understood(detail),
        }
    }
}
