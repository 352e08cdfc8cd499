//! Measures one operation in a process of its own, so that the memory of this operation is measured
//! alone.

pub(crate) mod cold_start;
mod scribe;
pub(crate) mod throughput;

use crate::prove::fleet;
use crate::prove::location::ProofLocation;
use crate::prove::measurement::{Measured, Measurement};
use crate::prove::moment;
use crate::prove::report::ProofError;
use bytes::Bytes;
use clap::Args;
use futures_util::{Stream, stream};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, ObjectStoreExt as _, WriteMultipart};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ucupdate::book::TestDevice;
use ucupdate::device::DeviceId;
use ucupdate::request::Side;
use ucupdate::s3::Credentials;
use ucupdate::{Asker, UpdateService};

/// The number of bytes that are read from a file at a time.
const PIECE: usize = 256 * 1024;

/// The size in bytes of one part when `object_store` alone puts a file. It equals the part size of
/// `S3Store`.
const PART: usize = 8 * 1024 * 1024;

/// The timeout of one request when `object_store` alone puts a file. Some servers take long to join
/// the parts, and a retry would not help.
const BARE_TIME: Duration = Duration::from_secs(600);

/// The arguments of a measurement.
#[derive(Clone, Debug, Args)]
#[allow(clippy::exhaustive_structs, reason = "it is what the command line says")]
pub struct MeasureArgs {
    /// The thing to measure
    #[arg(long)]
    pub what: Measurement,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a sentence here would be in the command's help")]
    pub location: ProofLocation,
    /// The file that is ingested, copied or put
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Measures one operation and returns the result as a line of JSON.
///
/// # Errors
///
/// Fails when the measured operation fails.
pub async fn measure(args: &MeasureArgs) -> Result<String, ProofError> {
    let file = || args.file.as_deref().ok_or("no file is named");
    let mut longest = 0;
    let begun = moment::now();
    match args.what {
        Measurement::Ingest => {
            let service = UpdateService::open(args.location.open().await?, fleet::options()).await?;
            service.admin("ann").ingest("UCUpdates.cab", Box::pin(read(file()?)?), |_| {}).await?;
        }
        Measurement::Copy => copy(file()?)?,
        Measurement::Put => put(&args.location, file()?).await?,
        Measurement::Open => drop(UpdateService::open(args.location.open().await?, fleet::options()).await?),
        Measurement::Publish => longest = publish(args.location.clone()).await?,
    }
    let took = moment::now() - begun;
    Ok(serde_json::to_string(&Measured { took, peak: peak(), longest })?)
}

/// Returns the bytes of the file in pieces of [`PIECE`] bytes.
fn read(file: &Path) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
    Ok(stream::try_unfold(File::open(file)?, async |mut file| {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok::<_, io::Error>((Bytes::from(piece), file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok((!piece.is_empty()).then_some((piece, file)))
    }))
}

fn copy(file: &Path) -> io::Result<()> {
    let copy = file.with_extension("copy");
    std::fs::copy(file, &copy)?;
    File::open(&copy)?.sync_all()?;
    std::fs::remove_file(copy)
}

/// Puts a file with `object_store` alone. Part size and number of concurrent parts are those of `S3Store`.
async fn put(location: &ProofLocation, file: &Path) -> Result<(), ProofError> {
    // An error means that a provider is installed already.
    let _there = rustls::crypto::ring::default_provider().install_default();
    let options = location.options();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(options.bucket())
        .with_region(options.region())
        .with_endpoint(options.endpoint().unwrap_or_default())
        .with_client_options(ClientOptions::new().with_timeout(BARE_TIME).with_allow_http(true));
    if let Credentials::Keys { key_id, secret, .. } = options.credentials() {
        builder = builder.with_access_key_id(key_id).with_secret_access_key(secret);
    }
    let store = builder.build()?;
    let path = ObjectPath::from(format!("{}/bare-put", options.prefix()));
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&path).await?, PART);
    let mut file = File::open(file)?;
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            break;
        }
        upload.wait_for_capacity(1).await?;
        upload.write(&piece[..length]);
    }
    upload.finish().await?;
    Ok(())
}

/// Makes changes on a runtime with one thread, on which devices send requests all the time. Returns
/// the longest time between two answers in nanoseconds.
async fn publish(location: ProofLocation) -> Result<u64, ProofError> {
    let measured = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let options = fleet::options().with_probe(None);
            let service = UpdateService::open(location.open().await?, options).await?;
            let done = AtomicBool::new(false);
            let changing = async {
                for number in 0..CHANGES {
                    let device = TestDevice {
                        name: format!("while devices ask {number}").parse()?,
                        id: DeviceId::Serial(format!("ASKED{number}").parse()?),
                    };
                    service.admin("ann").add_test_device(device).await?;
                }
                done.store(true, Ordering::Relaxed);
                Ok::<_, ProofError>(())
            };
            let asking = async {
                let (mut last, mut longest, mut number) = (moment::now(), 0, 0);
                while !done.load(Ordering::Relaxed) {
                    let request = fleet::request(number % fleet::REQUESTS);
                    service.answered(&request, Asker { side: Side::Internal, host: "10.1.1.123" })?;
                    let now = moment::now();
                    (longest, last, number) = (longest.max(now - last), now, number + 1);
                    tokio::task::yield_now().await;
                }
                Ok::<_, ProofError>(longest)
            };
            let (changed, longest) = tokio::join!(changing, asking);
            changed.and(longest)
        })
    });
    measured.await?
}

/// The number of changes that [`Measurement::Publish`] makes while devices send requests.
pub(crate) const CHANGES: usize = 3;

/// Returns the largest memory that this process had so far in bytes, or `None` when the system does
/// not report it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok().map(|kib: u64| kib * 1024)
}
