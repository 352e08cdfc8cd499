//! The console: a page, its script and its style, compiled into the program.

use crate::api::openapi;
use crate::response::answer::Answer;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("console.js");
const STYLE: &str = include_str!("console.css");
const ICON: &str = include_str!("icon.svg");

/// Returns a file that needs no token: a file of the console, or the OpenAPI description. `None` for any other path.
pub(crate) fn file(segments: &[String], base_path: &str) -> Option<Answer> {
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match path[..] {
        [""] => {
            Some(Answer::document("text/html; charset=utf-8", PAGE.replace("{{base}}", &escaped(base_path))))
        }
        ["console", "console.js"] => Some(Answer::document("text/javascript; charset=utf-8", SCRIPT)),
        ["console", "console.css"] => Some(Answer::document("text/css; charset=utf-8", STYLE)),
        ["console", "icon.svg"] => Some(Answer::document("image/svg+xml", ICON)),
        ["api", "v1", "openapi.json"] => {
            Some(Answer::document("application/json", openapi::document().to_string()))
        }
        _ => None,
    }
}

/// Escapes a text for an attribute of HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
