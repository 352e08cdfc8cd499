//! OpenAPI links: from an answer to later requests that use its values.

use crate::api::route::{Listed, Operation};
use serde_json::{Map, Value, json};

/// Returns the links of the answer to an operation, by name. `id` is the id of the operation itself.
pub(super) fn of(operation: Operation, id: &str) -> Map<String, Value> {
    let mut links = Map::new();
    let mut link = |name: &str, to: &str, parameters: Value| {
        let known = links.insert(name.to_owned(), json!({ "operationId": to, "parameters": parameters }));
        debug_assert!(known.is_none(), "{name}");
    };
    match operation {
        Operation::Rules
        | Operation::Packages
        | Operation::List(_)
        | Operation::Devices
        | Operation::RolloutStatus
        | Operation::Captures
        | Operation::Objects => link("next page", id, json!({ "after": "$response.body#/next" })),
        Operation::History => link("earlier", id, json!({ "before": "$response.body#/next" })),
        _ => {}
    }
    match operation {
        Operation::List(Listed::Groups) => {
            link("group", "get-groups-one", json!({ "name": "$response.body#/groups/0/name" }));
        }
        Operation::Devices => {
            link("device", "get-devices-one", json!({ "id": "$response.body#/devices/0/id" }));
            link("answer", "get-explain", json!({ "id": "$response.body#/devices/0/id" }));
        }
        Operation::Captures => {
            link("bytes", "get-captures-one", json!({ "id": "$response.body#/captures/0/id" }));
        }
        Operation::Objects => {
            link("bytes", "get-objects-one", json!({ "key": "$response.body#/objects/0/key" }));
            link("delete", "delete-objects-one", json!({ "key": "$response.body#/objects/0/key" }));
        }
        Operation::History => {
            let first = "$response.body#/revisions/0/revision";
            link("differences", "get-diff", json!({ "from": first }));
            link(
                "restore",
                "post-history-restore",
                json!({ "revision": first, "If-Match": "$response.header.ETag" }),
            );
        }
        Operation::Rules | Operation::Overview | Operation::RolloutStatus => {
            link("change", "post-changes", json!({ "If-Match": "$response.header.ETag" }));
        }
        Operation::Change | Operation::Decide(_) => {
            link(
                "restore",
                "post-history-restore",
                json!({ "revision": "$response.body#/revision", "If-Match": "$response.header.ETag" }),
            );
            link("differences", "get-diff", json!({ "from": 0, "to": "$response.body#/revision" }));
        }
        _ => {}
    }
    links
}
