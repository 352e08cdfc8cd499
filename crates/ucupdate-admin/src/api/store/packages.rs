//! Packages: the list, and the upload.

use super::parts::parts_of;
use crate::access::role::AdminRole;
use crate::api::book::change::{differences, extend, made_json};
use crate::api::call::Call;
use crate::api::idempotency::KeyState;
use crate::api::page::page;
use crate::report::{self, ProblemReport};
use crate::request::body::RequestBody;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use http::{StatusCode, header};
use serde_json::{Value, json};
use ucupdate::book::{IngestedPackage, RuleBook};

/// The file name of an upload without a name, as the history shows it.
const DEFAULT_NAME: &str = "upload.cab";

/// The largest number of bytes of the file name of an upload, and of an `Idempotency-Key`.
const MAX_NAME_BYTES: usize = 255;

/// The media types of a package. A client that knows no better type sends the last one.
const MEDIA_TYPES: [&str; 3] =
    ["application/vnd.ms-cab-compressed", "application/x-cab", "application/octet-stream"];

pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let snapshot = call.side.service.snapshot();
    let book = snapshot.book();
    let value = |package: &&IngestedPackage| package_json(book, package);
    let page = page(call, book.packages(), |package| package.id().to_string(), value)?;
    let value = json!({ "revision": snapshot.revision(), "packages": page.values, "next": page.next });
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}

fn package_json(book: &RuleBook, package: &IngestedPackage) -> Value {
    let id = package.id();
    let releases = package.releases.iter().map(|release| {
        let rule = book.rule(&release.rule);
        let is = |candidate: Option<&ucupdate::book::Candidate>| {
            candidate.is_some_and(|candidate| candidate.package == id && candidate.version == release.version)
        };
        let state = match rule {
            Some(rule) if is(rule.approved()) => "approved",
            Some(rule) if is(rule.pending()) => "pending",
            Some(rule) if is(rule.rollback()) => "rollback",
            Some(rule) if rule.is_rejected(&release.version) => "rejected",
            _ => "unused",
        };
        let bytes: u64 = release.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        json!({ "rule": release.rule, "version": release.version, "bytes": bytes, "state": state })
    });
    json!({
        "package": id,
        "file_name": package.file_name,
        "sha256": package.sha256,
        "ingested_at": report::iso(package.ingested_at),
        "releases": releases.collect::<Vec<_>>(),
        "interim": package.interim.iter().map(|image| json!({
            "locale": image.locale, "update_type": image.update_type, "version": image.version,
        })).collect::<Vec<_>>(),
    })
}

/// Ingests the body, or returns what ingesting it would do.
pub(crate) async fn upload(call: &Call<'_>, body: &mut RequestBody) -> Result<Answer, Problem> {
    let dry_run = call.query.flag("dry_run")?;
    if !dry_run {
        call.side.require(AdminRole::Approver, call.administrator, call.request)?;
    }
    check_media_type(call)?;
    let file_name = file_name(call)?;
    let key = call.request.headers.get("idempotency-key").map(|key| key.as_bytes());
    let Some(key) = key else { return ingest(call, body, file_name, dry_run).await };
    if key.is_empty() || key.len() > MAX_NAME_BYTES {
        return Err(Problem::bad_request(format!(
            "the field Idempotency-Key has {} bytes, expected 1 to {MAX_NAME_BYTES}",
            key.len()
        )));
    }
    let sizes = call.query.text("part_sizes").unwrap_or_default();
    // Another file may have the same name. The bytes themselves are not read again.
    let length = call.request.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let what = format!("{dry_run} {} {sizes} {file_name}", length.unwrap_or_default());
    match call.side.idempotency.begin(&call.administrator.name, key, &what) {
        KeyState::Answered(answer) => Ok(answer),
        KeyState::Running => Err(Problem::new(
            StatusCode::CONFLICT,
            "key-in-use",
            "a request with this Idempotency-Key is running; wait for its answer",
        )),
        KeyState::OtherRequest => Err(Problem::not_understood(
            "another request had this Idempotency-Key; expected a new key for each upload",
        )),
        KeyState::First(place) => {
            let answer = ingest(call, body, file_name, dry_run).await;
            // An answer that depends on the state of the store is not kept: a request with the same key tries again.
            match answer {
                Ok(answer) => Ok(place.answered(answer)),
                Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
                    Ok(place.answered(problem.into_answer()))
                }
                Err(problem) => Err(problem),
            }
        }
    }
}

async fn ingest(
    call: &Call<'_>,
    body: &mut RequestBody,
    file_name: &str,
    dry_run: bool,
) -> Result<Answer, Problem> {
    let (side, limits) = (call.side, &call.side.options.limits);
    let Ok(_place) = side.places.try_acquire() else {
        return Err(Problem::unavailable("other uploads or checks are running; try again"));
    };
    let sizes = part_sizes(call)?;
    let (bytes, end) = body.package(limits)?;
    let parts = parts_of(bytes, &sizes);
    let admin = side.service.admin(&call.administrator.name);
    let refused = |error| end.problem(limits).unwrap_or_else(|| Problem::from(error));
    if dry_run {
        let would = admin.dry_run_ingest(file_name, parts).await.map_err(refused)?;
        let mut value = made_json(true, Some(would.run.before.revision()), &would.run.change.notes);
        value["package"] = json!(would.package.id);
        value["warnings"] =
            would.package.warnings().map(|problem| json!(ProblemReport::of(problem))).collect();
        extend(&mut value, differences(call, &would.run).await);
        return Ok(Answer::json(value).at_revision(would.run.before.revision()));
    }
    let ingested = admin.ingest_parts(file_name, parts, |_| {}).await.map_err(refused)?;
    let mut value = made_json(false, ingested.revision, &ingested.notes);
    value["package"] = json!(ingested.id());
    value["warnings"] =
        ingested.package.warnings().map(|problem| json!(ProblemReport::of(problem))).collect();
    Ok(Answer::json(value).at_revision(side.service.snapshot().revision()))
}

/// Reads the parameter `part_sizes`: the size in bytes of each cabinet of a set. Returns an empty list if the
/// parameter is missing, because the body is one cabinet then.
fn part_sizes(call: &Call<'_>) -> Result<Vec<u64>, Problem> {
    let Some(text) = call.query.text("part_sizes") else { return Ok(Vec::new()) };
    let most = call.side.options.limits.parts;
    let sizes: Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
    match sizes {
        Ok(sizes) if sizes.len() <= most && sizes.iter().all(|size| *size > 0) => Ok(sizes),
        _ => Err(Problem::bad_request(format!(
            "the parameter `part_sizes` is `{text}`, expected 1 to {most} numbers of bytes as 1048576,20480"
        ))),
    }
}

fn check_media_type(call: &Call<'_>) -> Result<(), Problem> {
    let found = call.request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let found = found.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(found)) {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            format!("the body has another media type, expected one of {}", MEDIA_TYPES.join(", ")),
        )),
    }
}

/// Returns the file name of an uploaded package without its folders. The history shows this name.
fn file_name<'a>(call: &'a Call<'_>) -> Result<&'a str, Problem> {
    let name = call.query.text("file_name").unwrap_or(DEFAULT_NAME);
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    match name.len() {
        1..=MAX_NAME_BYTES => Ok(name),
        length => Err(Problem::bad_request(format!(
            "the parameter `file_name` has {length} bytes, expected 1 to {MAX_NAME_BYTES}"
        ))),
    }
}
