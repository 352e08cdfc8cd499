//! The check of the store.

use super::Call;
use crate::access::role::Role;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use ucupdate::{CheckOptions, check_store};

/// Checks the store. It is quick unless the request says otherwise.
pub(crate) async fn verify(call: &Call<'_>) -> Result<Answer, Problem> {
    let is_quick = call.query.text("quick").is_none() || call.query.flag("quick")?;
    if !is_quick {
        call.site.require(Role::Operator, call.administrator, call.request)?;
    }
    let Ok(_place) = call.site.places.try_acquire() else {
        return Err(Problem::unavailable("other uploads or checks are running; try again"));
    };
    let service = &call.site.service;
    let options = CheckOptions::default().with_quick(is_quick);
    let found = check_store(&**service.store(), &options, service.now()).await?;
    Ok(Answer::json(report::check(&found, is_quick)))
}
