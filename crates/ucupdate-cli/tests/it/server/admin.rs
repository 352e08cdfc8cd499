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

#[test]
fn refused_logins_behind_a_trusted_proxy_lock_out_only_the_client_that_it_names() {
    let place = Place::with_package();
    let ann = token(&place, "ann", "approver");
    for (is_trusted, of_other) in [(true, 200), (false, 429)] {
        let mut args =
            vec!["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json"];
        if is_trusted {
            args.extend(["--trust-proxy", "127.0.0.1", "--internal-network", "127.0.0.0/8"]);
        }
        let mut serving = place.serve(&args);
        serving.wait_for_lines(2);
        let admin = serving.lines[1].strip_prefix("administration on http://").unwrap();
        let admin = admin.strip_suffix('/').unwrap().to_owned();
        let asked = |client: &str, token: &str| {
            let request = format!(
                "GET /api/v1/rules HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\nAuthorization: Bearer {token}\r\n\
                 Connection: close\r\n\r\n"
            );
            status(&exchange(&admin, request.as_bytes()))
        };
        let refused: Vec<u16> = (0..12).map(|_| asked("203.0.113.7", "wrong")).collect();
        assert_eq!((refused[0], refused[11]), (401, 429));
        // What a client writes to the left does not count.
        assert_eq!(asked("198.51.100.9, 203.0.113.7", &ann), 429);
        assert_eq!(asked("198.51.100.9", &ann), of_other, "trusted: {is_trusted}");
        serving.terminated();
    }
}
