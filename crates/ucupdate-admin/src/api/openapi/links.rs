//! OpenAPI links: from an answer to later requests that use its values.

use crate::api::route::{ApiOperation, ListKind};
use serde_json::{Map, Value, json};

/// Returns the links of the answer to an operation, by name. `id` is the id of the operation itself.
pub(super) fn of(operation: ApiOperation, id: &str) -> Map<String, Value> {
    let mut links = Map::new();
    let mut link = |name: &str, to: &str, parameters: Value| {
        let known = links.insert(name.to_owned(), json!({ "operationId": to, "parameters": parameters }));
        debug_assert!(known.is_none(), "{name}");
    };
    match operation {
        ApiOperation::Rules
        | ApiOperation::Packages
        | ApiOperation::List(_)
        | ApiOperation::Devices
        | ApiOperation::RolloutStatus
        | ApiOperation::Captures
        | ApiOperation::Objects => link("next page", id, json!({ "after": "$response.body#/next" })),
        ApiOperation::History => link("earlier", id, json!({ "before": "$response.body#/next" })),
        _ => {}
    }
    match operation {
        ApiOperation::List(ListKind::Groups) => {
            link("group", "get-groups-one", json!({ "name": "$response.body#/groups/0/name" }));
        }
        ApiOperation::Devices => {
            link("device", "get-devices-one", json!({ "id": "$response.body#/devices/0/id" }));
            link("answer", "get-explain", json!({ "id": "$response.body#/devices/0/id" }));
        }
        ApiOperation::Captures => {
            link("bytes", "get-captures-one", json!({ "id": "$response.body#/captures/0/id" }));
        }
        ApiOperation::Objects => {
            link("bytes", "get-objects-one", json!({ "key": "$response.body#/objects/0/key" }));
            link("delete", "delete-objects-one", json!({ "key": "$response.body#/objects/0/key" }));
        }
        ApiOperation::History => {
            let first = "$response.body#/revisions/0/revision";
            link("differences", "get-diff", json!({ "from": first }));
            link(
                "restore",
                "post-history-restore",
                json!({ "revision": first, "If-Match": "$response.header.ETag" }),
            );
        }
        ApiOperation::Rules | ApiOperation::Overview | ApiOperation::RolloutStatus => {
            link("change", "post-changes", json!({ "If-Match": "$response.header.ETag" }));
        }
        ApiOperation::Change | ApiOperation::Decide(_) => {
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
