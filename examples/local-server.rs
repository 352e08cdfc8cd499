//! A server on a folder. State, images and logs are kept when the server ends, and it shuts down
//! gracefully. Another process, such as the `ucupdate` command, may administer the same folder at
//! the same time; this server follows within a second.
//!
//! ```console
//! $ cargo run --example local-server -- ucupdate-data 127.0.0.1:8080
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use ucupdate::local::LocalStore;
use ucupdate::{BaseUrls, LogOptions, Options, Origin, UpdateService};
use ucupdate_http::{Connection, DeviceUpdates, router};

/// Returns the router of a service on a folder, with logs, and the service.
async fn app(folder: &Path, origin: Origin) -> Result<(axum::Router, UpdateService), Box<dyn Error>> {
    let store = Arc::new(LocalStore::open(folder)?);
    let options = Options::serving(BaseUrls::new(origin)).with_logs(LogOptions::new("local-server".parse()?));
    let service = UpdateService::open(store, options).await?;
    // Logs are kept for ten days. A server that runs longer should call this daily.
    service.remove_old_logs().await?;
    Ok((router(DeviceUpdates::new(service.clone())?), service))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "ucupdate-data".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let (app, service) = app(Path::new(&folder), origin.parse()?).await?;
    #[allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
    {
        println!("devices ask at {origin}/RequestHandler/ucdevice.upx; the store is {folder}");
    }
    axum::serve(listener, app.into_make_service_with_connect_info::<Connection>())
        .with_graceful_shutdown(async {
            let _ended = tokio::signal::ctrl_c().await;
        })
        .await?;
    service.shutdown().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use ucupdate::audit::AUDIT_HEADER;
    use ucupdate::store::ImageStoreExt as _;

    #[tokio::test]
    async fn a_request_leaves_its_audit_row_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let origin = "http://updates.contoso.com".parse().unwrap();
        let (app, service) = app(folder.path(), origin).await.unwrap();
        let asked = include_str!("../vectors/canonical-request.xml");
        let request = Request::post("/RequestHandler/ucdevice.upx").header("host", "localhost");
        let request = request.body(Body::from(asked)).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        service.shutdown().await.unwrap();
        let logs = service.store().list_all("Logs/Server/Audit/", 10).await.unwrap();
        let log = service.store().get_bytes(&logs[0].key, 4096).await.unwrap();
        assert!(log.starts_with(AUDIT_HEADER.as_bytes()));
        assert_eq!(log.iter().filter(|byte| **byte == b'\n').count(), 2);
    }
}
