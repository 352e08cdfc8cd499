//! Reads HTTP archives (`.har`), which browsers and debugging proxies save. An archive is a JSON
//! document with requests and their answers.

use super::http_message::cut;
use super::messages::{MAX_MESSAGES, find};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The body of a request or an answer in the archive.
pub(super) struct Archived {
    /// The first line of the HTTP message, such as `POST /RequestHandler/ucdevice.upx HTTP/1.1`.
    pub(super) line: String,
    pub(super) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Option<Request>,
    response: Option<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    method: String,
    #[serde(default)]
    url: String,
    http_version: Option<String>,
    post_data: Option<Content>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    status: i64,
    status_text: Option<String>,
    http_version: Option<String>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
}

/// Returns the bodies in an archive in the order of the file, at most [`MAX_MESSAGES`]. `None` if
/// the file is not an archive.
pub(super) fn bodies(file: &[u8]) -> Option<Vec<Archived>> {
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file).trim_ascii_start();
    if !file.starts_with(b"{") || find(file, b"\"entries\"").is_none() {
        return None;
    }
    let archive: Archive = serde_json::from_slice(file).ok()?;
    let mut found = Vec::new();
    for entry in archive.log.entries {
        if found.len() >= MAX_MESSAGES {
            break;
        }
        if let Some(request) = entry.request
            && let Some(body) = request.post_data.and_then(Content::bytes)
        {
            let version = request.http_version.unwrap_or_default();
            found.push(Archived { line: line(&[&request.method, &request.url, &version]), body });
        }
        if let Some(response) = entry.response
            && let Some(body) = response.content.and_then(Content::bytes)
        {
            let (version, text) =
                (response.http_version.unwrap_or_default(), response.status_text.unwrap_or_default());
            found.push(Archived { line: line(&[&version, &response.status.to_string(), &text]), body });
        }
    }
    Some(found)
}

impl Content {
    /// Returns the bytes of the body. `None` if the archive does not contain them.
    fn bytes(self) -> Option<Vec<u8>> {
        let text = self.text.filter(|text| !text.trim().is_empty())?;
        match self.encoding {
            Some(encoding) if encoding.eq_ignore_ascii_case("base64") => STANDARD.decode(text.trim()).ok(),
            _ => Some(text.into_bytes()),
        }
    }
}

/// Joins the words of a first line with blanks. Line ends in the words become blanks too.
fn line(words: &[&str]) -> String {
    let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
    cut(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(file: &str) -> Option<Vec<(String, String)>> {
        let text = |found: Archived| (found.line, String::from_utf8(found.body).unwrap());
        Some(bodies(file.as_bytes())?.into_iter().map(text).collect())
    }

    #[test]
    fn requests_and_answers_of_an_archive_are_read() {
        let archive = json!({ "log": { "version": "1.2", "entries": [
            { "request": { "method": "GET", "url": "http://ocs/a.nbt", "headers": [] },
              "response": { "status": 200, "content": { "size": 0 } } },
            { "request": {
                "method": "POST", "url": "http://ocs/RequestHandler/ucdevice.upx", "httpVersion": "HTTP/1.1",
                "postData": { "mimeType": "text/xml", "text": "<Request/>" },
              },
              "response": {
                "status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1",
                "content": { "encoding": "base64", "text": STANDARD.encode("<Response/>") },
              } },
            { "request": { "method": "POST", "url": "/a\nb", "postData": { "text": "<B/>" } }, "response": null },
        ] } });
        let expected = [
            ("POST http://ocs/RequestHandler/ucdevice.upx HTTP/1.1", "<Request/>"),
            ("HTTP/1.1 200 OK", "<Response/>"),
            ("POST /a b", "<B/>"),
        ];
        let expected: Vec<_> = expected.map(|(line, body)| (line.to_owned(), body.to_owned())).into();
        assert_eq!(shown(&archive.to_string()), Some(expected.clone()));
        assert_eq!(shown(&format!("\u{feff}\r\n{archive:#}")), Some(expected));
    }

    #[test]
    fn an_archive_has_a_bounded_number_of_bodies() {
        let entry = r#"{"request":{"method":"POST","url":"/","postData":{"text":"<A/>"}}}"#;
        let archive = format!(r#"{{"log":{{"entries":[{}]}}}}"#, vec![entry; 1000].join(","));
        assert_eq!(bodies(archive.as_bytes()).unwrap().len(), MAX_MESSAGES);
    }

    #[test]
    fn other_documents_are_no_archive() {
        for file in [
            "",
            "{",
            "<a/>",
            "{\"entries\": []}",
            "{\"log\": {\"entries\": 1}}",
            "[{\"entries\": 1}]",
            "{\"log\":{\"entries\":[",
            &format!("{{\"log\":{{\"entries\":{}", "[".repeat(100_000)),
        ] {
            assert_eq!(shown(file), None, "{}", &file[..file.len().min(40)]);
        }
        assert_eq!(shown("{\"log\":{\"entries\":[]}}"), Some(Vec::new()));
    }
}
