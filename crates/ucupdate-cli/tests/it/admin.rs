//! `serve --admin` and `token`: the listener of administrators.

use crate::place::{IP8540, Place};
use crate::serving::{exchange, status};

fn get(address: &str, path: &str, token: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    exchange(address, request.as_bytes())
}

fn post(address: &str, path: &str, token: &str, body: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(address, request.as_bytes())
}

fn token(place: &Place, name: &str, role: &str) -> String {
    let file = ["--token-file", "tokens.json"];
    place.run(&[&["token", "add", name, "--role", role], &file[..]].concat()).done().trim().to_owned()
}

#[test]
fn an_administrator_approves_over_http_and_a_revoked_token_is_refused() {
    let place = Place::with_package();
    let (ann, vic) = (token(&place, "ann", "approver"), token(&place, "vic", "viewer"));
    let mut serving =
        place.serve(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json"]);
    serving.wait_for_lines(2);
    let shown = serving.lines[1].strip_prefix("administration on http://").unwrap();
    let admin = shown.strip_suffix('/').unwrap().to_owned();
    let page = get(&admin, "/", "");
    assert!(page.contains("<title>ucupdate</title>"), "{page}");
    let devices = serving.lines[0].strip_prefix("listening on http://").unwrap().to_owned();
    for path in ["/", "/api/v1/rules", "/console/console.js"] {
        assert_eq!(status(&get(&devices, path, &ann)), 404, "a listener of devices serves no administrator");
    }
    let path = format!("/api/v1/rules/{IP8540}/approve");
    let body = r#"{"expected":"3.5.6907.0"}"#;
    assert_eq!(status(&post(&admin, &path, "", body)), 401);
    assert_eq!(status(&post(&admin, &path, &vic, body)), 403);
    let made = post(&admin, &path, &ann, body);
    assert_eq!(status(&made), 200, "{made}");
    let history = place.run(&["history", "--last", "1", "--json"]).json();
    assert_eq!(history["revisions"][0]["author"], "ann");
    let listed = place.run(&["token", "list", "--token-file", "tokens.json", "--json"]).json();
    assert_eq!(
        (&listed["tokens"][0]["name"], &listed["tokens"][0]["expired"]),
        (&"ann".into(), &false.into())
    );
    assert!(!listed.to_string().contains(&ann), "the list has no token");
    place.run(&["token", "revoke", "ann", "--token-file", "tokens.json"]).done();
    assert_eq!(status(&get(&admin, "/api/v1/rules", &ann)), 401);
    let ended = serving.terminated();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        !ended.stderr.contains(&ann) && !ended.stderr.contains(&vic),
        "no token in a log: {}",
        ended.stderr
    );
}
