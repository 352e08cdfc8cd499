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
use crate::api::route::Operation;
use crate::request::body::RequestBody;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use futures_util::future::BoxFuture;

/// Runs an operation and returns its answer.
///
/// The future is boxed, because the compiler cannot show that the nested futures are `Send` otherwise.
pub(crate) fn answer<'a>(
    operation: Operation,
    call: Call<'a>,
    body: &'a mut RequestBody,
) -> BoxFuture<'a, Result<Answer, Problem>> {
    Box::pin(answer_operation(operation, call, body))
}

async fn answer_operation(
    operation: Operation,
    call: Call<'_>,
    body: &mut RequestBody,
) -> Result<Answer, Problem> {
    match operation {
        Operation::Overview => overview::overview(&call),
        Operation::Rules => rules::list(&call),
        Operation::Rule => rules::one(&call),
        Operation::Decide(action) => rules::decide(action, &call, body).await,
        Operation::List(what) => lists::list(what, &call),
        Operation::Group => lists::group(&call),
        Operation::Packages => packages::list(&call),
        Operation::Upload => packages::upload(&call, body).await,
        Operation::Change => change::change(&call, body).await,
        Operation::RollBackTo => change::roll_back_to(&call).await,
        Operation::History => history::list(&call).await,
        Operation::Explain => explain::explain(&call).await,
        Operation::Devices => list::list(&call).await,
        Operation::Device => device::one(&call).await,
        Operation::Inventory => device::inventory(&call).await,
        Operation::Attention => attention::attention(&call).await,
        Operation::RolloutStatus => rollouts::status(&call).await,
        Operation::Captures => captures::list(&call).await,
        Operation::Capture => captures::one(&call).await,
        Operation::Diff => diff::diff(&call).await,
        Operation::Verify => maintenance::verify(&call).await,
        Operation::CollectGarbage => maintenance::collect_garbage(&call).await,
        Operation::Events => events::events(&call),
        Operation::Objects => objects::list(&call).await,
        Operation::Object => objects::read(&call).await,
        Operation::WriteObject => objects::write(&call, body).await,
        Operation::DeleteObject => objects::delete(&call).await,
        Operation::Submit => objects::submit(&call, body).await,
    }
}
