//! The console: a page, its script and its style, compiled into the program.

use crate::api::openapi;
use crate::response::answer::Answer;

/// Returns a file that needs no token.
pub(crate) fn file(segments: &[String], _base_path: &str) -> Option<Answer> {
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match path[..] {
        ["api", "v1", "openapi.json"] => {
            Some(Answer::document("application/json", openapi::document().to_string()))
        }
        _ => None,
    }
}
