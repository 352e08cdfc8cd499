//! The smallest server: a generated package in memory, approved for all devices.
//!
//! ```console
//! $ cargo run --example memory-server
//! ```

use std::error::Error;
use std::sync::Arc;
use ucupdate::cab::package::sample;
use ucupdate::store::{MemoryStore, stream_of};
use ucupdate::{BaseUrls, Options, Origin, UpdateService};
use ucupdate_http::{Connection, DeviceUpdates, router};

/// Returns a router that offers the sample package. Devices download its files from `origin`.
async fn app(origin: Origin) -> Result<axum::Router, Box<dyn Error>> {
    let options = Options::serving(BaseUrls::new(origin));
    let service = UpdateService::open(Arc::new(MemoryStore::default()), options).await?;
    let package = stream_of(sample::uc_updates(sample::IMAGE_BYTES));
    let admin = service.admin("memory-server");
    let ingested = admin.ingest("sample.cab", package, |_| {}).await?;
    admin.approve_all_of(ingested.id()).await?;
    Ok(router(DeviceUpdates::new(service)?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let app = app(origin.parse()?).await?;
    #[allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
    {
        println!("devices ask at {origin}/RequestHandler/ucdevice.upx");
    }
    axum::serve(listener, app.into_make_service_with_connect_info::<Connection>()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_phone_that_is_too_old_is_offered_the_interim_image() {
        let app = app("http://updates.contoso.com".parse().unwrap()).await.unwrap();
        let asked = include_str!("../vectors/canonical-request.xml");
        let request = Request::post("/RequestHandler/ucdevice.upx").header("host", "localhost");
        let request = request.body(Body::from(asked)).unwrap();
        let answer = app.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let answer = String::from_utf8(answer.to_vec()).unwrap();
        assert!(answer.contains("<NumOfFiles>1</NumOfFiles>"), "{answer}");
        assert!(
            answer.contains(
                "<BaseURL>http://updates.contoso.com/DeviceUpdateFiles_Int/OCInterim/ENU</BaseURL>"
            )
        );
    }
}
