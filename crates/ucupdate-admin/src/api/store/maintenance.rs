//! The check of the store, and its garbage collection.

use crate::access::role::AdminRole;
use crate::api::book::change;
use crate::api::call::Call;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::json;
use std::time::Duration;
use ucupdate::{CheckOptions, GarbageOptions, check_store};

/// Checks the store. The check is quick unless the request has `quick=false`.
pub(crate) async fn verify(call: &Call<'_>) -> Result<Answer, Problem> {
    let is_quick = call.query.text("quick").is_none() || call.query.flag("quick")?;
    if !is_quick {
        call.side.require(AdminRole::Operator, call.administrator, call.request)?;
    }
    let Ok(_place) = call.side.places.try_acquire() else {
        return Err(Problem::unavailable("other uploads or checks are running; try again"));
    };
    let service = &call.side.service;
    let options = CheckOptions::default().with_quick(is_quick);
    let found = check_store(&**service.store(), &options, service.now()).await?;
    Ok(Answer::json(report::check(&found, is_quick)))
}

/// Removes packages that no kept revision needs, and the files of ingests that ended early.
pub(crate) async fn collect_garbage(call: &Call<'_>) -> Result<Answer, Problem> {
    let dry_run = call.query.flag("dry_run")?;
    let seen = match dry_run {
        true => None,
        false => {
            call.side.require(AdminRole::Approver, call.administrator, call.request)?;
            Some(change::required_revision(call)?)
        }
    };
    let Ok(_place) = call.side.places.try_acquire() else {
        return Err(Problem::unavailable("other uploads or checks are running; try again"));
    };
    let hours = call.query.parsed::<u32>("grace_hours")?.unwrap_or(24);
    if !(1..=8760).contains(&hours) {
        return Err(Problem::bad_request(format!(
            "the parameter `grace_hours` is {hours}, expected 1 to 8760"
        )));
    }
    let mut options = GarbageOptions::default()
        .with_grace(Duration::from_secs(u64::from(hours) * 3600))
        .with_dry_run(dry_run)
        .with_any_share(call.query.flag("any_share")?);
    if let Some(seen) = seen {
        options = options.with_revision(seen);
    }
    let service = &call.side.service;
    let found = match service.admin(&call.administrator.name).collect_unkept(&options).await {
        Ok(found) => found,
        Err(error) => return Err(change::conflict(call, error.into(), seen.unwrap_or_default()).await),
    };
    let mut value = report::garbage(&found, dry_run);
    let revision = service.snapshot().revision();
    value["revision"] = json!(revision);
    Ok(Answer::json(value).at_revision(revision))
}
