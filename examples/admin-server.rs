//! A server with two listeners: devices on one, administrators on the other.
//!
//! ```console
//! $ cargo run --example admin-server
//! ```
//!
//! The program writes a token to stdout. Open the URL for administrators in a browser, and sign in
//! with the token.

#![allow(clippy::print_stdout, reason = "a program")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;
use ucupdate::local::LocalStore;
use ucupdate::{BaseUrls, Options, UpdateService};
use ucupdate_admin::{AdminRole, Administration, TokenFile};
use ucupdate_http::{Connection, DeviceUpdates};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Returns the routers of devices and of administrators. Both share one service.
async fn routers(
    store: &str,
    devices_url: &str,
    tokens: TokenFile,
) -> Result<(axum::Router, axum::Router), Error> {
    let options = Options::serving(BaseUrls::new(devices_url.parse()?));
    let service = UpdateService::open(Arc::new(LocalStore::open(store)?), options).await?;
    let devices = ucupdate_http::router(DeviceUpdates::new(service.clone())?);
    Ok((devices, ucupdate_admin::router(Administration::new(service, tokens))))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let tokens = TokenFile::open_or_new("ucupdate-tokens.json")?;
    if !tokens.path().exists() {
        let token = tokens.add("first", AdminRole::Approver, None, SystemTime::now().into())?;
        println!("the token of `first`, which is shown only now: {}", token.reveal());
    }
    // Devices reach this address. The listener for administrators is reachable only from this
    // machine, so no token crosses the network.
    let for_devices = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    let for_administrators = tokio::net::TcpListener::bind("127.0.0.1:8081").await?;
    let (devices, administrators) = routers("ucupdate-data", "http://127.0.0.1:8080", tokens).await?;
    println!("devices: http://127.0.0.1:8080, administrators: http://127.0.0.1:8081/");
    let devices = devices.into_make_service_with_connect_info::<Connection>();
    let administrators = administrators.into_make_service_with_connect_info::<SocketAddr>();
    tokio::try_join!(async { axum::serve(for_devices, devices).await }, async {
        axum::serve(for_administrators, administrators).await
    },)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn administrators_have_their_own_listener() {
        let place = tempfile::tempdir().unwrap();
        let tokens = TokenFile::open_or_new(place.path().join("tokens.json")).unwrap();
        let token = tokens.add("ann", AdminRole::Viewer, None, SystemTime::now().into()).unwrap();
        let store = place.path().join("store").display().to_string();
        let (devices, administrators) = routers(&store, "http://updates.contoso.com", tokens).await.unwrap();
        let request = || {
            let request = axum::http::Request::get("/api/v1/overview").header("host", "updates.contoso.com");
            request.header("authorization", format!("Bearer {}", token.reveal())).body(Body::empty()).unwrap()
        };
        assert_eq!(devices.oneshot(request()).await.unwrap().status(), 404);
        let overview = administrators.oneshot(request()).await.unwrap();
        assert_eq!(overview.status(), 200);
        let text = overview.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&text).contains("\"name\":\"ann\""));
    }
}
