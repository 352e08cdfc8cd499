//! The service as an `axum::Router`.

use crate::request::connection::Connection;
use crate::service::DeviceUpdates;
use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::serve::IncomingStream;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Returns the service as a router, to be served alone or merged into another router.
///
/// The service is the fallback of the router, because axum matches paths by case and devices differ in case. So `merge` this
/// router into a router that has no fallback. If your router has a fallback of its own, pass a request to [`DeviceUpdates`] there
/// when [`DeviceUpdates::serves`] returns `true` for its path. `nest_service` works too: put the prefix into the origins of the
/// service's URLs; rows then show paths without the prefix.
///
/// The addresses in log rows come from axum. Serve with `into_make_service_with_connect_info` of [`Connection`] (remote and
/// local address) or of `SocketAddr` (remote address only). See [`connection_from_axum`].
///
/// ```
/// use axum::{Router, routing::get};
/// use std::sync::Arc;
/// use ucupdate::store::MemoryStore;
/// use ucupdate::{BaseUrls, Options, UpdateService};
/// use ucupdate_http::{Connection, DeviceUpdates, router};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let urls = BaseUrls::new("http://updates.contoso.com".parse().unwrap());
/// let service = UpdateService::open(Arc::new(MemoryStore::default()), Options::serving(urls)).await.unwrap();
/// let app = Router::new()
///     .route("/healthz", get(|| async { "well" }))
///     .merge(router(DeviceUpdates::new(service).unwrap()));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let server = axum::serve(listener, app.into_make_service_with_connect_info::<Connection>());
/// # drop(server);
/// # });
/// ```
pub fn router(updates: DeviceUpdates) -> Router {
    Router::new().fallback_service(updates).layer(axum::middleware::map_request(connection_from_axum))
}

/// Adds a [`Connection`] to a request that has none, from the connect info of axum. Use it with
/// `axum::middleware::map_request`.
///
/// axum knows the addresses when served by `into_make_service_with_connect_info`. [`router`] includes this function. A
/// router that contains [`DeviceUpdates`] directly can add it as a layer. A `Connection` from an outer layer is kept.
pub async fn connection_from_axum(mut request: Request) -> Request {
    let extensions = request.extensions_mut();
    if extensions.get::<Connection>().is_none() {
        let whole = extensions.get::<ConnectInfo<Connection>>().map(|info| info.0.clone());
        let remote =
            extensions.get::<ConnectInfo<SocketAddr>>().map(|info| Connection::from_remote(info.0.ip()));
        if let Some(connection) = whole.or(remote) {
            extensions.insert(connection);
        }
    }
    request
}

impl Connected<IncomingStream<'_, TcpListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let connection = Self::from_remote(stream.remote_addr().ip());
        match stream.io().local_addr() {
            Ok(local) => connection.with_local(local),
            Err(_) => connection,
        }
    }
}
