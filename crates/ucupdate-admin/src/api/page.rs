//! Pages of lists, with a cursor and a bound.

use super::call::Call;
use crate::response::problem::Problem;
use serde_json::Value;

pub(crate) struct Page {
    pub(crate) values: Vec<Value>,
    /// The cursor of the next page. `None` at the end.
    pub(crate) next: Option<String>,
}

/// The number of entries of a page if the request has no `limit`.
const DEFAULT: usize = 100;

/// Returns the number of entries that a request asks for.
pub(crate) fn limit(call: &Call<'_>) -> Result<usize, Problem> {
    let most = call.side.options.limits.page;
    match call.query.parsed::<usize>("limit")? {
        None => Ok(DEFAULT.min(most)),
        Some(0) => Err(Problem::bad_request("the parameter `limit` is 0, expected at least 1")),
        Some(limit) => Ok(limit.min(most)),
    }
}

/// Returns the page of `entries` that a request asks for. `key` returns the name by which a cursor finds an entry,
/// and `value` returns the entry as JSON. The order of `entries` must be the same for every page.
///
/// A cursor is the text `number.name`. The name is that of the last entry of the page before, and the number is the
/// position of the next entry, counted from 0. If no entry has this name any more, the next page begins at the
/// position, which is about the same place.
pub(crate) fn page<T>(
    call: &Call<'_>,
    entries: impl Iterator<Item = T>,
    key: impl Fn(&T) -> String,
    value: impl Fn(&T) -> Value,
) -> Result<Page, Problem> {
    let limit = limit(call)?;
    let entries: Vec<T> = entries.collect();
    let first = match call.query.text("after") {
        None => 0,
        Some(after) => {
            let (number, name) = after.split_once('.').unwrap_or((after, ""));
            let number: usize = number.parse().map_err(|_| {
                Problem::bad_request("the parameter `after` is no cursor, expected `next` of a page")
            })?;
            let there = entries.iter().position(|entry| key(entry) == name);
            there.map_or(number, |there| there + 1).min(entries.len())
        }
    };
    let shown = &entries[first..entries.len().min(first.saturating_add(limit))];
    let end = first + shown.len();
    let next = shown.last().filter(|_| end < entries.len()).map(|last| format!("{end}.{}", key(last)));
    Ok(Page { values: shown.iter().map(value).collect(), next })
}
