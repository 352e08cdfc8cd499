//! A server on a bucket: any number of them may share it, and none of them keeps anything of its own. The usual `AWS_*`
//! variables say where the bucket is and who asks.
//!
//! ```console
//! $ export AWS_ENDPOINT_URL=http://127.0.0.1:9102 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
//! $ cargo run --example s3-server --features s3 -- s3://firmware/fleet 127.0.0.1:8080
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::s3::{S3Options, S3Store};
use ucupdate::{BaseUrls, LogOptions, Options, Origin, UpdateService};
use ucupdate_http::{Connection, DeviceUpdates, router};

/// The service on a bucket, with logs, and its router. Refused at once where the bucket's server would let two of ours undo
/// each other's changes.
async fn app(bucket: S3Options, origin: Origin) -> Result<(axum::Router, UpdateService), Box<dyn Error>> {
    let store = Arc::new(S3Store::open(bucket).await?);
    // In a bucket a log is written anew with each flush: a minute is what the field's own servers are content with.
    let mut logs = LogOptions::new("s3-server".parse()?);
    logs.roll = logs.roll.with_flush_interval(Duration::from_secs(60))?;
    let service = UpdateService::open(store, Options::serving(BaseUrls::new(origin)).with_logs(logs)).await?;
    Ok((router(DeviceUpdates::new(service.clone())?), service))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("expected the address of a bucket, as s3://firmware/fleet")?;
    let bucket = S3Options::at(&address)?.with_variables(|name| std::env::var(name).ok())?;
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let (app, service) = app(bucket, origin.parse()?).await?;
    #[allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
    {
        println!("devices ask at {origin}/RequestHandler/ucdevice.upx; the store is {address}");
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
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use ucupdate::s3::Credentials;
    use ucupdate_testkit::s3::{BUCKET, Bucket, KEY_ID, S3Server, SECRET};

    #[tokio::test]
    async fn a_request_leaves_its_audit_row_in_the_bucket() {
        let server = S3Server::start(Bucket::default()).await;
        let bucket = S3Options::new(BUCKET)
            .with_prefix("fleet")
            .with_endpoint(server.endpoint())
            .with_credentials(Credentials::keys(KEY_ID, SECRET));
        let (app, service) = app(bucket, "http://updates.contoso.com".parse().unwrap()).await.unwrap();
        let asked = include_str!("../vectors/canonical-request.xml");
        let request = Request::post("/RequestHandler/ucdevice.upx").body(Body::from(asked)).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        service.shutdown().await.unwrap();
        let keys = server.bucket().keys();
        let audit =
            keys.iter().filter(|key| key.starts_with("fleet/Logs/Server/Audit/imageUpdates/")).count();
        assert_eq!(audit, 1, "{keys:?}");
    }
}
