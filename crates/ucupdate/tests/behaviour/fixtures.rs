//! Services on stores in memory, and the phone in `vectors/`.

pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use ucupdate::cab::package::{NewInterim, NewRelease, PackageBuilder, sample};
pub(crate) use ucupdate::{
    audit::*, book::*, decide::*, device::*, request::*, store::*, value::*, version::*, *,
};
pub(crate) use ucupdate_testkit::faulty::{Faulty, StoreCall, StoreFault};
pub(crate) use ucupdate_testkit::field;

/// The size of images in tests, in bytes. It is small to save time.
pub(crate) const IMAGE_BYTES: usize = 4096;

/// The time 17:10:39 on the day of the audit log in `vectors/`.
pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

pub(crate) fn options() -> Options {
    let urls = BaseUrls::new("http://ocs.demo.local".parse().unwrap())
        .with_external("https://ocs.demo.local".parse().unwrap());
    Options::serving(urls).with_clock(Arc::new(SettableClock::at(NOW))).with_probe(None)
}

pub(crate) fn log_options() -> LogOptions {
    LogOptions::new("ocs".parse().unwrap())
}

pub(crate) fn logging() -> Options {
    options().with_logs(log_options())
}

pub(crate) async fn open(store: impl ImageStore) -> UpdateService {
    UpdateService::open(Arc::new(store), options()).await.unwrap()
}

pub(crate) async fn ingest(service: &UpdateService, cabinet: Vec<u8>) -> Result<Ingested, IngestError> {
    service.admin("ann").ingest("UCUpdates.cab", stream_of(cabinet), |_| {}).await
}

/// Returns a service that has ingested the sample package.
pub(crate) async fn with_sample(store: impl ImageStore) -> UpdateService {
    let service = open(store).await;
    ingest(&service, sample::uc_updates(IMAGE_BYTES)).await.unwrap();
    service
}

/// Returns a package with version 9.9.9.9 for the sample's first phone.
pub(crate) fn newer_package() -> Vec<u8> {
    let image = sample::image("newer", IMAGE_BYTES);
    let release =
        NewRelease::new(sample::ip8540(), ReportedVersion::new("9.9.9.9"), image, sample::time_stamp());
    PackageBuilder::new().with_release(release).build().unwrap()
}

pub(crate) fn request(rule: &RuleKey, version: &str) -> UpdateRequest {
    field::request(rule, version)
}

pub(crate) fn ask(service: &UpdateService, rule: &RuleKey, version: &str) -> UpdateResponse {
    let asker = Asker { side: Side::Internal, host: "10.1.1.123" };
    service.answer(&request(rule, version), asker).unwrap()
}

/// Returns the offered version, or `-` if nothing is offered.
pub(crate) fn offered(service: &UpdateService, rule: &RuleKey, version: &str) -> String {
    let response = ask(service, rule, version);
    response.modules.first().map_or_else(|| "-".to_owned(), |module| module.version.to_string())
}

/// A test device with a number, known by its serial number.
pub(crate) fn tester(number: impl std::fmt::Display) -> TestDevice {
    TestDevice {
        name: format!("phone {number}").parse().unwrap(),
        id: DeviceId::Serial(format!("S{number}").parse().unwrap()),
    }
}

/// Returns the time this number of days from now.
pub(crate) fn in_days(days: i64) -> UnixTime {
    let now = UnixTime::from(std::time::SystemTime::now()).as_millis();
    UnixTime::from_millis(now + days * 24 * 60 * 60 * 1000)
}

pub(crate) fn lab_phone() -> TestDevice {
    TestDevice { name: "lab phone".parse().unwrap(), id: DeviceId::Mac("00-21-63-0F-20-7B".parse().unwrap()) }
}

pub(crate) async fn keys(service: &UpdateService, prefix: &str) -> Vec<String> {
    let found = service.store().list_all(prefix, 10_000).await.unwrap();
    found.iter().map(|meta| meta.key.to_string()).collect()
}

/// Returns a stored document with a text replaced and a new seal, as a knowing attacker would write it.
pub(crate) fn forged(document: &[u8], from: &str, to: &str) -> String {
    let text = std::str::from_utf8(document).unwrap();
    let (text, _) = text.rsplit_once(",\"seal\":").unwrap();
    let text = text.replace(from, to);
    let seal = Sha256Digest::of(format!("{text}}}"));
    format!("{text},\"seal\":\"{seal}\"}}")
}

/// Returns a package with this version for the sample's first phone, and with an image that differs by version.
pub(crate) fn package_with(version: &str) -> Vec<u8> {
    let image = sample::image(version, IMAGE_BYTES);
    let version = ReportedVersion::new(version);
    let release = NewRelease::new(sample::ip8540(), version, image, sample::time_stamp());
    PackageBuilder::new().with_release(release).build().unwrap()
}
