//! Captures: the bodies of requests that could not be read, and the logs of devices.

use crate::api::call::Call;
use crate::api::page::page;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::json;
use ucupdate::{Capture, CaptureId};

/// Returns a page of captures, the newest first.
pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let captures = call.side.service.captures().await?;
    let value = |capture: &Capture| report::capture(capture);
    let page = page(call, captures.into_iter(), |capture| capture.id.to_string(), value)?;
    Ok(Answer::json(json!({ "captures": page.values, "next": page.next })))
}

pub(crate) async fn one(call: &Call<'_>) -> Result<Answer, Problem> {
    let text = call.parameters.first().map_or("", String::as_str);
    let missing = || Problem::not_found(format!("no capture {text}"));
    let id: CaptureId = text.parse().map_err(|_| missing())?;
    let (_, body) = call.side.service.capture(&id).await?.ok_or_else(missing)?;
    Ok(Answer::document("application/octet-stream", body))
}
