//! The description of the API is the committed one.

use crate::fixtures::Site;
use serde_json::Value;
use std::path::Path;

/// Writes the file anew if `UPDATE_OPENAPI` is set.
#[tokio::test]
async fn the_committed_description_is_that_of_the_code() {
    let site = Site::with_sample().await;
    let served = site.get("", "/api/v1/openapi.json").await;
    assert_eq!(served.status, 200, "it needs no token");
    let text = serde_json::to_string_pretty(&sorted(served.json())).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "openapi.json is not that of the code: run this test with UPDATE_OPENAPI=1");
}

/// Sorts the fields, whose order depends on a feature of serde_json that other crates may turn on.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        value => value,
    }
}
