//! A server on a bucket. Any number of servers may share the bucket, because none of them keeps
//! state of its own. The usual `AWS_*` variables give the URL of the S3 server, the region and the
//! credentials.
//!
//! ```console
//! $ export AWS_ENDPOINT_URL=http://127.0.0.1:9102 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
//! $ cargo run --example s3-server --features s3 -- s3://firmware/fleet 127.0.0.1:8080
//! ```
//!
//! Devices download images of 1 MiB or more from the bucket itself, by URLs that are valid for 15
//! minutes. If your phones cannot reach the bucket, leave out `with_image_redirects`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::audit::RollOptions;
use ucupdate::s3::{S3Options, S3Store};
use ucupdate::{BaseUrls, LogOptions, Options, Origin, UpdateService};
use ucupdate_http::{Connection, DeviceUpdates, HttpOptions, ImageRedirects, router};

/// Returns the router of a service on a bucket, with logs, and the service. Fails if the S3 server
/// ignores conditional writes, because two servers could then undo each other's changes.
async fn app(bucket: S3Options, origin: Origin) -> Result<(axum::Router, UpdateService), Box<dyn Error>> {
    let store = Arc::new(S3Store::open(bucket).await?);
    // In a bucket, each flush writes the whole log file again. One flush a minute keeps this cheap.
    let roll = RollOptions::default().with_flush_interval(Duration::from_secs(60))?;
    let logs = LogOptions::new("s3-server".parse()?).with_roll(roll);
    let options = Options::serving(BaseUrls::new(origin)).with_logs(logs);
    let service = UpdateService::open(Arc::clone(&store) as _, options).await?;
    let redirects = HttpOptions::default().with_image_redirects(ImageRedirects::new(store));
    Ok((router(DeviceUpdates::with_options(service.clone(), redirects)?), service))
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
    use ucupdate::cab::package::sample;
    use ucupdate::request::{Side, UpdateRequest};
    use ucupdate::s3::Credentials;
    use ucupdate::store::{ImageStoreExt as _, stream_of};
    use ucupdate_client::{Client, ClientOptions, Download, Verification};
    use ucupdate_testkit::s3::{BUCKET, Bucket, KEY_ID, S3Call, S3Fault, S3Server, SECRET};

    /// The size of an image in bytes. It is more than 1 MiB, so that images are downloaded from the
    /// bucket.
    const IMAGE_BYTES: usize = 1_500_000;

    /// Starts an S3 server and our server on it, with the sample package approved. Returns the S3
    /// server, a store on its bucket, the service, and the origin of our server.
    async fn start() -> (S3Server, S3Store, UpdateService, String) {
        let bucket_server = S3Server::start(Bucket::default()).await;
        let bucket = S3Options::new(BUCKET)
            .with_prefix("fleet")
            .with_endpoint(bucket_server.endpoint())
            .with_credentials(Credentials::keys(KEY_ID, SECRET));
        let store = S3Store::open(bucket.clone()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (app, service) = app(bucket, origin.parse().unwrap()).await.unwrap();
        let package = stream_of(sample::uc_updates(IMAGE_BYTES));
        service.admin("admin").ingest("UCUpdates.cab", package, |_| {}).await.unwrap();
        service.admin("admin").approve(vec![sample::ip8540()]).await.unwrap();
        let served = app.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move { axum::serve(listener, served).await });
        (bucket_server, store, service, origin)
    }

    /// Sends the request of the phone in `vectors/`, and downloads the offered image.
    async fn update(origin: &str, into: &std::path::Path) -> Download {
        let asked: UpdateRequest = ucupdate::upx::Codec::default()
            .decode_request(include_bytes!("../vectors/canonical-request.xml"))
            .unwrap()
            .value;
        let client = Client::new(ClientOptions::default().with_system_roots(false)).unwrap();
        let answer = client.ask(&format!("{origin}/RequestHandler/ucdevice.upx"), &asked).await.unwrap();
        client.download(&answer.response.modules[0], Side::Internal, into, |_| ()).await.unwrap()
    }

    /// Returns the rows of the only log of this kind.
    async fn rows(store: &S3Store, service: &UpdateService, kind: &str) -> Vec<String> {
        service.flush_logs().await.unwrap();
        let logs = store.list_all(&format!("Logs/Server/{kind}/"), 9).await.unwrap();
        assert_eq!(logs.len(), 1, "{logs:?}");
        let log = store.get_bytes(&logs[0].key, 1 << 20).await.unwrap();
        let text = String::from_utf8(log.to_vec()).unwrap();
        text.lines().filter(|row| !row.starts_with('#')).map(str::to_owned).collect()
    }

    /// Returns the status of each answer to a request whose path has this ending.
    async fn answered(store: &S3Store, service: &UpdateService, end: &str) -> Vec<String> {
        let access = rows(store, service, "Access").await;
        let columns = access.iter().map(|row| row.split(' ').collect::<Vec<_>>());
        columns.filter(|columns| columns[4].ends_with(end)).map(|columns| columns[10].to_owned()).collect()
    }

    #[tokio::test]
    async fn a_phone_asks_us_and_fetches_its_image_from_the_bucket() {
        let (_bucket_server, store, service, origin) = start().await;
        let folder = tempfile::tempdir().unwrap();
        let fetched = update(&origin, folder.path()).await;
        assert_eq!(fetched.image.bytes, IMAGE_BYTES as u64);
        assert_eq!(fetched.verified(), Verification::Sha256, "the redirect says what the image is");
        let audit = rows(&store, &service, "Audit/imageUpdates").await;
        assert_eq!(audit.len(), 2, "its title and one row: {audit:?}");
        assert_eq!(answered(&store, &service, ".upx").await, ["200"]);
        assert_eq!(answered(&store, &service, ".nbt").await, ["302"]);
        assert_eq!(answered(&store, &service, ".cat").await, ["200"]);
    }

    #[tokio::test]
    async fn a_download_that_the_bucket_breaks_off_goes_on_from_us() {
        let (bucket_server, store, service, origin) = start().await;
        let folder = tempfile::tempdir().unwrap();
        bucket_server.on(S3Call::Get).always(S3Fault::Truncates(1_000_000));
        let fetched = update(&origin, folder.path()).await;
        assert_eq!((fetched.image.bytes, fetched.verified()), (IMAGE_BYTES as u64, Verification::Sha256));
        assert!(fetched.image.resumed_from.is_some_and(|at| at > 0), "{:?}", fetched.image);
        bucket_server.heal();
        assert_eq!(answered(&store, &service, ".nbt").await, ["302", "206"]);
    }
}
