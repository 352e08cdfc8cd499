//! The OpenAPI description of the API, made from the table of routes.

mod examples;
mod links;

use super::route::{ApiOperation, BodyKind, ROUTES, Route};
use crate::response::problem::{KINDS, UNCLEAR};
use http::Method;
use serde_json::{Map, Value, json};

/// The statuses of problems that every operation has.
const COMMON: [u16; 6] = [400, 401, 403, 414, 429, 503];

pub(crate) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(format!("/{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ucupdate administration",
            "version": "1",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "Objects have the fields that the command writes with --json. A change is made in the name of the \
                            token. Moments are in UTC.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut responses = Map::new();
    responses.insert("200".to_owned(), answer(route));
    let mut statuses: Vec<u16> = COMMON.iter().chain(route.problems).copied().collect();
    if matches!(route.takes, BodyKind::Expected) {
        statuses.extend([408, 413, 415, 422]);
    }
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let kinds = KINDS.iter().filter(|(known, _)| *known == status).map(|(_, kind)| *kind);
        let kinds: Vec<&str> = kinds.filter(|kind| *kind != UNCLEAR || route.method != Method::GET).collect();
        let content =
            json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
        let description = match (status, kinds.is_empty()) {
            (404 | 409, _) => format!("{}, or a refusal of the rule book", kinds.join(", ")),
            _ => kinds.join(", "),
        };
        responses.insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "x-role": route.role.name(),
        "parameters": parameters(route),
        "responses": responses,
    });
    if let Some(body) = body(route.takes) {
        operation["requestBody"] = json!({ "required": true, "content": body });
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split('/').skip(2).filter(|word| !word.starts_with('{'));
    let words: Vec<&str> = words.collect();
    let one = if route.path.ends_with('}') { "-one" } else { "" };
    format!("{}-{}{one}", route.method.as_str().to_ascii_lowercase(), words.join("-"))
}

fn answer(route: &Route) -> Value {
    let other = match route.operation {
        ApiOperation::Events => Some(("text/event-stream", json!({ "type": "string" }))),
        ApiOperation::Object | ApiOperation::Capture => Some(("application/octet-stream", json!({}))),
        _ => None,
    };
    if let Some((media_type, schema)) = other {
        return json!({ "description": "done", "content": { media_type: { "schema": schema } } });
    }
    let links = links::of(route.operation, &operation_id(route));
    let schema = match route.takes {
        BodyKind::Nothing if route.operation != ApiOperation::RollBackTo => "Answer",
        BodyKind::Object | BodyKind::Revision => "Answer",
        _ => "Made",
    };
    json!({
        "description": "done",
        "headers": { "ETag": { "schema": { "type": "string" }, "description": "the revision of the rule book" } },
        "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
        "links": links,
    })
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let schema = if name == "revision" && route.path.contains("history") {
            json!({ "type": "integer", "minimum": 1 })
        } else {
            json!({ "type": "string", "minLength": 1, "maxLength": 128 })
        };
        with_example(json!({ "name": name, "in": "path", "required": true, "schema": schema }), name, route)
    });
    let in_query = route.query.iter().map(|name| {
        let (schema, description) = match (*name, route.operation) {
            ("from" | "to", ApiOperation::Diff) => {
                (json!({ "type": "integer", "minimum": 0 }), "the number of a revision")
            }
            ("from" | "to", ApiOperation::Object) => {
                (json!({ "type": "integer", "minimum": 0 }), "the begin or the end of the bytes")
            }
            ("after", ApiOperation::Objects) => {
                (json!({ "type": "string", "maxLength": 1024 }), "`next` of the page before")
            }
            (name, _) => query_schema(name),
        };
        let required = *name == "from" && route.operation == ApiOperation::Diff;
        let parameter =
            json!({ "name": name, "in": "query", "required": required, "schema": schema, "description": description });
        with_example(parameter, name, route)
    });
    let mut parameters: Vec<Value> = in_path.chain(in_query).collect();
    let field = |name: &str, schema: Value, description: &str| json!({ "name": name, "in": "header", "schema": schema, "description": description });
    let is_based = matches!(route.takes, BodyKind::Expected | BodyKind::Command);
    if is_based || matches!(route.operation, ApiOperation::RollBackTo | ApiOperation::CollectGarbage) {
        let tag = json!({ "type": "string", "pattern": "^\"[0-9]+\"$" });
        parameters.push(field("If-Match", tag, "the ETag that the decision is based on"));
    }
    if route.takes == BodyKind::Package {
        let key = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
        parameters.push(field("Idempotency-Key", key, "a repeated key gets the answer to the first request"));
    }
    parameters
}

fn with_example(mut parameter: Value, name: &str, route: &Route) -> Value {
    if let Some(example) = examples::parameter(name, route.operation) {
        parameter["example"] = example;
    }
    parameter
}

fn query_schema(name: &str) -> (Value, &'static str) {
    let text = json!({ "type": "string", "maxLength": 255 });
    match name {
        "dry_run" => {
            (json!({ "type": "boolean" }), "changes nothing, and lists the devices whose answer would change")
        }
        "quick" => (json!({ "type": "boolean", "default": true }), "compares only the sizes of images"),
        "limit" => (json!({ "type": "integer", "minimum": 1 }), "the largest number of entries"),
        "after" => (text, "`next` of the page before"),
        "before" => (json!({ "type": "integer", "minimum": 0 }), "`next` of the page before"),
        "revision" => (json!({ "type": "integer", "minimum": 0 }), "the rule book of this revision"),
        "side" => (json!({ "enum": ["internal", "external"] }), "the side from which the device asks"),
        "device" => (text, "the kind of the device, as UCPhone/LG-Nortel/IP8540/A/ENU"),
        "installed" => (text, "the version that the device has"),
        "file" => (text, "the file that the device asks about; cpe.nbt if it is missing"),
        "mac" => (text, "the MAC address, as 0021630F207B"),
        "serial" => (text, "the serial number"),
        "user" => (text, "the user who signed in last"),
        "from" => (text, "the IP address from which the device asks"),
        "search" => (text, "a part of a MAC address, serial number, user, address or kind"),
        "id" => (text, "the MAC address or serial number of a device of the audit logs"),
        "kinds" => (text, "the kinds of events, as change-made,rollout-paused; all of them if it is missing"),
        "prefix" => (text, "the beginning of the keys, as state/revisions/"),
        "any_share" => (json!({ "type": "boolean" }), "lets more than half of the packages leave at once"),
        "grace_hours" => (
            json!({ "type": "integer", "minimum": 1, "maximum": 8760 }),
            "leaves alone what is younger; 24 if it is missing",
        ),
        "part_sizes" => (
            json!({ "type": "string", "maxLength": 1024, "pattern": "^[0-9]+(,[0-9]+)*$" }),
            "the sizes of the cabinets of a set, which the body has one after the other",
        ),
        "file_name" => (text, "the name that the history shows"),
        _ => (text, ""),
    }
}

fn body(takes: BodyKind) -> Option<Value> {
    let schema = |name: &str| {
        let mut content = json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } });
        if let Some(examples) = examples::bodies(takes) {
            content["examples"] = examples;
        }
        json!({ "application/json": content })
    };
    match takes {
        BodyKind::Nothing => None,
        BodyKind::Expected => Some(schema("Decision")),
        BodyKind::Command => Some(schema("Change")),
        BodyKind::Revision => Some(json!({ "application/json": { "schema": { "type": "object" } } })),
        BodyKind::Package | BodyKind::Object => {
            Some(json!({ "application/octet-stream": { "schema": { "type": "string" } } }))
        }
    }
}

fn schemas() -> Value {
    let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required });
    let strict = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let text = json!({ "type": "string" });
    json!({
        "Answer": object(json!({ "format": { "const": 1 } }), json!(["format"])),
        "Made": object(
            json!({
                "format": { "const": 1 },
                "dry_run": { "type": "boolean" },
                "revision": { "type": ["integer", "null"] },
                "notes": { "type": "array", "items": text },
                "changes": { "type": "array", "items": { "type": "object" } },
            }),
            json!(["format", "dry_run", "revision", "notes", "changes"]),
        ),
        "Decision": strict(
            json!({ "expected": { "type": ["string", "null"], "description": "the version that the client saw" } }),
            json!(["expected"]),
        ),
        "Change": strict(
            json!({ "command": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "description": "a command as the history shows it",
            } }),
            json!(["command"]),
        ),
        "Problem": object(
            json!({
                "type": text, "title": text, "status": { "type": "integer" }, "kind": text, "detail": text,
                "changed": { "type": "array", "description": "the revisions that the client did not see" },
                "problems": { "type": "array", "description": "the problems of a package" },
            }),
            json!(["type", "title", "status", "kind", "detail"]),
        ),
    })
}
