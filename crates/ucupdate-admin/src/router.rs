//! The service as an `axum::Router`.

use crate::request::remote::RemoteAddress;
use crate::service::Administration;
use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use std::net::SocketAddr;

/// Returns the service as a router, to be served alone on its own listener or nested into another router.
///
/// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that refused logins are counted by address. A router
/// that is nested below a path needs that path in [`AdminOptions::with_base_path`](crate::AdminOptions::with_base_path). Do not
/// merge it into the router of devices: administrators belong on a listener that devices do not reach.
pub fn router(administration: Administration) -> Router {
    Router::new().fallback_service(administration).layer(axum::middleware::map_request(remote_address))
}

/// Adds the [`RemoteAddress`] to a request that has none, from the connect info of axum.
async fn remote_address(mut request: Request) -> Request {
    let extensions = request.extensions_mut();
    if extensions.get::<RemoteAddress>().is_none() {
        let remote = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| RemoteAddress(info.0.ip()));
        if let Some(remote) = remote {
            extensions.insert(remote);
        }
    }
    request
}
