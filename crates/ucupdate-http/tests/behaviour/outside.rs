//! Tests of which clients may ask and fetch from outside.

use crate::fixture::{Server, connection, vector};
use async_trait::async_trait;
use axum::body::Body;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use ucupdate::BaseUrls;
use ucupdate::request::Side;
use ucupdate_http::{Authenticate, Connection, HttpOptions, Verdict};

const HANDLER: &str = "/RequestHandlerExt/ucdevice.upx";
const FILE: &str = "/DeviceUpdateFiles_Ext/OCInterim/ENU/CPE.nbt";

/// A hook that decides by a word in the `Authorization` field.
struct ByWord;

#[async_trait]
impl Authenticate for ByWord {
    async fn authenticate(&self, request: &Parts) -> Verdict {
        match request.headers.get("authorization").map(HeaderValue::as_bytes) {
            Some(b"friend") => Verdict::allow("DEMO\\OCPhone"),
            Some(b"foe") => Verdict::forbid("DEMO\\Foe"),
            Some(b"later") => Verdict::Unavailable,
            Some(b"unasked") => Verdict::Challenge { challenges: Vec::new() },
            _ => Verdict::Challenge {
                challenges: vec![HeaderValue::from_static("Negotiate"), HeaderValue::from_static("NTLM")],
            },
        }
    }
}

fn post(path: &str) -> http::request::Builder {
    Request::post(path).extension(connection(443))
}

fn canonical() -> Body {
    vector("canonical-request.xml").into()
}

#[tokio::test]
async fn outside_the_anonymous_are_refused_with_the_reason_for_requests_and_files() {
    let server = Server::start().await;
    for request in [post(HANDLER).body(canonical()), Request::get(FILE).body(Body::empty())] {
        let answered = server.answer(request.unwrap()).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answered.header("www-authenticate"), "NTLM");
        assert_eq!(answered.text(), "anonymous access is not supported\n");
    }
    let internal = server.post("/RequestHandler/ucdevice.upx", canonical()).await;
    assert_eq!(internal.status, StatusCode::OK, "inside anyone may ask");
    assert_eq!(server.audit_lines().await.len(), 1, "who is refused has an access row only");
}

#[tokio::test]
async fn outside_serves_the_anonymous_only_when_that_is_said_aloud() {
    let server = Server::with_options(HttpOptions::default().with_external_anonymous(true)).await;
    assert_eq!(server.post(HANDLER, canonical()).await.status, StatusCode::OK);
    assert_eq!(server.get(FILE).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_hook_decides_and_its_user_is_in_the_access_row() {
    let server = Server::with_options(HttpOptions::default().with_authenticate(ByWord)).await;
    for (word, status) in [("friend", 200), ("foe", 403), ("later", 503), ("unasked", 401), ("?", 401)] {
        let answered =
            server.answer(post(HANDLER).header("authorization", word).body(canonical()).unwrap()).await;
        assert_eq!(answered.status, status, "{word}");
    }
    let challenged = server.answer(Request::get(FILE).body(Body::empty()).unwrap()).await;
    let challenges: Vec<_> = challenged.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Negotiate", "NTLM"]);

    let users: Vec<String> =
        server.access_lines().await.iter().map(|row| row.split(' ').nth(7).unwrap().to_owned()).collect();
    assert_eq!(users, ["DEMO\\OCPhone", "DEMO\\Foe", "-", "-", "-", "-"]);
}

#[tokio::test]
async fn a_user_that_a_layer_in_front_has_authenticated_is_let_in() {
    let server = Server::start().await;
    let request = Request::get(FILE).extension(connection(443).with_user("DEMO\\OCPhone"));
    assert_eq!(server.answer(request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
    assert_eq!(server.access_row().await.user_name.as_logged(), "DEMO\\OCPhone");
}

#[tokio::test]
async fn challenges_can_be_set_but_not_to_none() {
    let basic = vec![HeaderValue::from_static("Basic realm=\"updates\"")];
    let options = HttpOptions::default().with_challenges(basic).with_challenges(Vec::new());
    let server = Server::with_options(options).await;
    assert_eq!(server.get(FILE).await.header("www-authenticate"), "Basic realm=\"updates\"");
}

#[tokio::test]
async fn without_a_url_for_the_outside_nobody_outside_is_let_in() {
    let inside = || BaseUrls::new("http://ocs.demo.local".parse().unwrap());
    let server = Server::with(inside(), HttpOptions::default()).await;
    assert_eq!(server.post(HANDLER, canonical()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get(FILE).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.post("/RequestHandler/ucdevice.upx", canonical()).await.status, StatusCode::OK);
    let signed_in = Connection::default().with_user("ruisilva");
    let mut request = post(HANDLER).body(canonical()).unwrap();
    request.extensions_mut().insert(signed_in);
    assert_eq!(server.answer(request).await.status, StatusCode::UNAUTHORIZED);

    let store = std::sync::Arc::new(ucupdate::store::MemoryStore::default());
    let service = ucupdate::UpdateService::open(store, ucupdate::Options::serving(inside())).await.unwrap();
    let options = HttpOptions::default().with_external_anonymous(true);
    assert_eq!(
        ucupdate_http::DeviceUpdates::with_options(service, options).map(drop),
        Err(ucupdate::NoUrls::External),
        "letting them in without telling them where to go is a mistake of whoever set it up"
    );
}

#[tokio::test]
async fn the_audit_row_of_a_device_outside_has_the_url_for_outside() {
    let options =
        HttpOptions::default().with_external_anonymous(true).with_handler_path("/ext.upx", Side::External);
    let server = Server::with_options(options).await;
    server.service.admin("admin").approve(vec![ucupdate::cab::package::sample::ip8540()]).await.unwrap();
    server.answer(post("/ext.upx").body(canonical()).unwrap()).await;
    let rows = server.audit_lines().await;
    assert!(
        rows[0].contains(",https://ocs.demo.local/DeviceUpdateFiles_Ext/OCInterim/ENU/CPE.nbt;"),
        "{rows:?}"
    );
}

#[tokio::test]
async fn the_side_of_a_connection_counts_and_not_the_path_that_the_device_chose() {
    let options = HttpOptions::default().with_external_anonymous(true);
    let server = Server::with_options(options).await;
    server.service.admin("admin").approve(vec![ucupdate::cab::package::sample::ip8540()]).await.unwrap();
    let asked = |path: &'static str, side: Side| {
        let request = Request::post(path).extension(connection(443).with_side(side));
        server.answer(request.body(canonical()).unwrap())
    };
    for path in
        ["/RequestHandler/ucdevice.upx", "/requesthandler/UCDEVICE.upx", "/UCDeviceUpdates/ucdevice%2Eupx"]
    {
        assert_eq!(asked(path, Side::External).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(asked(path, Side::Internal).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(asked(HANDLER, Side::Internal).await.status, StatusCode::OK);
    let rows = server.audit_lines().await;
    let inside =
        rows.iter().filter(|row| row.contains("http://ocs.demo.local/DeviceUpdateFiles_Int/")).count();
    assert_eq!((rows.len(), inside), (4, 4), "a device inside is answered as one, whatever path it takes");
}

#[tokio::test]
async fn files_beyond_the_number_of_downloads_are_refused_until_one_ends() {
    let server = Server::with_options(HttpOptions::default().with_downloads(2, 1)).await;
    let get = |remote: &str| {
        let connection = Connection::from_remote(remote.parse().unwrap());
        let request = Request::get("/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt").extension(connection);
        server.send(request.body(Body::empty()).unwrap())
    };
    let first = get("10.0.0.1").await;
    let refused = get("10.0.0.1").await;
    assert_eq!((first.status(), refused.status()), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(refused.headers()["retry-after"], "30");
    let second = get("10.0.0.2").await;
    assert_eq!(
        (second.status(), get("10.0.0.3").await.status()),
        (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE)
    );
    let polled = server.post("/RequestHandler/ucdevice.upx", canonical()).await;
    assert_eq!(polled.status, StatusCode::OK, "requests are answered all the same");
    drop(first);
    assert_eq!(get("10.0.0.3").await.status(), StatusCode::OK);
}
