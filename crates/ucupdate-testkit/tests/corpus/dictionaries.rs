//! The dictionaries of the fuzz targets, made from the tables of names that the readers use.

use crate::{check_file, fuzz, names};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use ucupdate_cab::package::MANIFEST_NAMES;
use ucupdate_upx::NAMES;

/// Returns the dictionary of a target, or no words where bytes alone reach everything.
pub(crate) fn words(target: &str) -> BTreeSet<String> {
    let mut words: BTreeSet<String> = BTreeSet::new();
    let mut add = |all: &mut dyn Iterator<Item = String>| words.extend(all);
    match target {
        "upx_request" | "upx_response" | "suggestion" => add(&mut items().chain(markup())),
        "dialect" => add(&mut items().chain(dialect_keys())),
        "http_request" => add(&mut items().chain(http()).chain(markup())),
        "client_response" => add(&mut items().chain(http()).chain(markup())),
        "capture" => {
            add(&mut http().chain(markup()).chain(texts(&["0000  ", "\t0x0000:  ", "gzip", "\u{1f}"])))
        }
        "forwarded" => add(&mut texts(&[
            "Forwarded: ",
            "X-Forwarded-For: ",
            "X-Forwarded-Proto: ",
            "for=",
            "by=",
            "proto=https",
            "host=",
            "10.0.0.3",
            "[2001:db8::1]:4711",
            "\"",
            "\\\"",
            ", ",
            ";",
        ])),
        "xml" => add(&mut markup()),
        "audit_row" | "audit_cells" | "any_log" => add(&mut ucupdate_audit::laws::words()),
        "access_row" | "w3c_log" => add(&mut ucupdate_audit::laws::words()),
        "manifest" => {
            let names = MANIFEST_NAMES
                .iter()
                .flat_map(|row| std::iter::once(row.name).chain(row.also.iter().copied()));
            add(&mut names.map(str::to_owned).chain(markup()));
        }
        "revision" | "checkpoint" | "trace_record" => add(&mut json_keys(target).into_iter()),
        "cabinet" | "cabinet_peer" | "package" => add(&mut texts(&["MSCF", "CK", "MZ", "PE\0\0", "\0\0"])),
        "member_list" => add(&mut texts(&["serial:", "mac:", "00-21-63-0F-20-7B", "#"])),
        "part_note" => {
            add(&mut texts(&["ucupdate part 1\n", "url ", "etag ", "total unknown", "bytes ", "sha256 "]))
        }
        _ => {}
    }
    words
}

fn texts(words: &[&str]) -> impl Iterator<Item = String> + use<> {
    words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>().into_iter()
}

/// Returns the names of all items on the wire.
fn items() -> impl Iterator<Item = String> {
    NAMES
        .iter()
        .flat_map(|facts| std::iter::once(facts.canonical).chain(facts.aliases.iter().copied()))
        .map(str::to_owned)
}

fn dialect_keys() -> impl Iterator<Item = String> {
    NAMES.iter().flat_map(|facts| [facts.key.to_owned(), format!("[{}]", facts.scope.key())])
}

fn markup() -> impl Iterator<Item = String> {
    texts(&[
        "<?xml version=\"1.0\" encoding=\"",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<!DOCTYPE",
        "&#x",
        "&amp;",
        "xmlns:",
        "/>",
    ])
}

fn http() -> impl Iterator<Item = String> {
    let fields = [
        http::header::ACCEPT_RANGES,
        http::header::AUTHORIZATION,
        http::header::CONNECTION,
        http::header::CONTENT_ENCODING,
        http::header::CONTENT_LENGTH,
        http::header::CONTENT_RANGE,
        http::header::DATE,
        http::header::ETAG,
        http::header::EXPECT,
        http::header::HOST,
        http::header::IF_MATCH,
        http::header::IF_MODIFIED_SINCE,
        http::header::IF_NONE_MATCH,
        http::header::IF_RANGE,
        http::header::IF_UNMODIFIED_SINCE,
        http::header::LOCATION,
        http::header::RANGE,
        http::header::RETRY_AFTER,
        http::header::TRANSFER_ENCODING,
        http::header::USER_AGENT,
    ];
    let fields = fields.into_iter().map(|name| format!("{name}: "));
    let paths = ucupdate_http::HANDLER_PATHS.iter().map(|(path, _)| (*path).to_owned());
    let others = [
        "POST ",
        "GET ",
        "HEAD ",
        " HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "chunked",
        "bytes=0-9",
        "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt",
        "100-continue",
        "\r\n\r\n",
    ];
    fields.chain(paths).chain(texts(&others))
}

/// Returns the keys of the documents in a corpus.
fn json_keys(target: &str) -> BTreeSet<String> {
    fn collect(value: &serde_json::Value, keys: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(entries) => {
                for (key, value) in entries {
                    if key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                        keys.insert(format!("\"{key}\":"));
                    }
                    collect(value, keys);
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, keys)),
            _ => {}
        }
    }
    let mut keys = BTreeSet::new();
    let folder = fuzz().join("corpus").join(target);
    for name in names(&folder).iter().filter(|name| name.ends_with(".json")) {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        if let Ok(value) = serde_json::from_slice(&bytes) {
            collect(&value, &mut keys);
        }
    }
    keys
}

/// Writes words in the form of libFuzzer.
fn dictionary(words: &BTreeSet<String>) -> String {
    let mut text = "# Made from the tables of names by the test `corpus` of ucupdate-testkit.\n".to_owned();
    for word in words {
        text.push('"');
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => {
                    text.push('\\');
                    text.push(char::from(byte));
                }
                b' '..=b'~' => text.push(char::from(byte)),
                _ => write!(text, "\\x{byte:02X}").unwrap(),
            }
        }
        text.push_str("\"\n");
    }
    text
}

#[test]
fn the_dictionaries_are_those_of_the_tables_of_names() {
    let folder = fuzz().join("dictionaries");
    let mut expected = BTreeSet::new();
    for (target, _) in crate::LAWS {
        let words = words(target);
        if !words.is_empty() {
            let file = format!("{target}.dict");
            check_file(&folder.join(&file), dictionary(&words).as_bytes());
            expected.insert(file);
        }
    }
    assert_eq!(names(&folder), expected);
}
