//! The operations of the API.

mod book;
pub(crate) mod call;
mod devices;
mod events;
mod idempotency;
pub(crate) mod openapi;
mod overview;
mod page;
pub(crate) mod route;
mod store;

use self::book::{change, diff, history, lists, rules};
use self::devices::{attention, captures, device, explain, list, rollouts};
use self::store::{maintenance, objects, packages};
use crate::api::call::Call;
use crate::api::route::ApiOperation;
use crate::request::body::RequestBody;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use futures_util::future::BoxFuture;

/// Runs an operation and returns its answer.
///
/// The future is boxed, because the compiler cannot show that the nested futures are `Send` otherwise.
pub(crate) fn answer<'a>(
    operation: ApiOperation,
    call: Call<'a>,
    body: &'a mut RequestBody,
) -> BoxFuture<'a, Result<Answer, Problem>> {
    Box::pin(answer_operation(operation, call, body))
}

async fn answer_operation(
    operation: ApiOperation,
    call: Call<'_>,
    body: &mut RequestBody,
) -> Result<Answer, Problem> {
    match operation {
        ApiOperation::Overview => overview::overview(&call),
        ApiOperation::Rules => rules::list(&call),
        ApiOperation::Rule => rules::one(&call),
        ApiOperation::Decide(action) => rules::decide(action, &call, body).await,
        ApiOperation::List(what) => lists::list(what, &call),
        ApiOperation::Group => lists::group(&call),
        ApiOperation::Packages => packages::list(&call),
        ApiOperation::Upload => packages::upload(&call, body).await,
        ApiOperation::Change => change::change(&call, body).await,
        ApiOperation::RollBackTo => change::roll_back_to(&call).await,
        ApiOperation::History => history::list(&call).await,
        ApiOperation::Explain => explain::explain(&call).await,
        ApiOperation::Devices => list::list(&call).await,
        ApiOperation::Device => device::one(&call).await,
        ApiOperation::Inventory => device::inventory(&call).await,
        ApiOperation::Attention => attention::attention(&call).await,
        ApiOperation::RolloutStatus => rollouts::status(&call).await,
        ApiOperation::Captures => captures::list(&call).await,
        ApiOperation::Capture => captures::one(&call).await,
        ApiOperation::Diff => diff::diff(&call).await,
        ApiOperation::Verify => maintenance::verify(&call).await,
        ApiOperation::CollectGarbage => maintenance::collect_garbage(&call).await,
        ApiOperation::Events => events::events(&call),
        ApiOperation::Objects => objects::list(&call).await,
        ApiOperation::Object => objects::read(&call).await,
        ApiOperation::WriteObject => objects::write(&call, body).await,
        ApiOperation::DeleteObject => objects::delete(&call).await,
        ApiOperation::Submit => objects::submit(&call, body).await,
    }
}
