//! Stores with a long history of revisions, for measurements of code that reads or copies such a
//! store.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use ucupdate::cab::package::sample;
use ucupdate::local::LocalStore;
use ucupdate::store::{ImageStore, MemoryStore, stream_of};
use ucupdate::{Options, UpdateService, carry};
use ucupdate_core::book::TestDevice;
use ucupdate_core::device::DeviceId;

/// The size in bytes of the only image of the only package.
const IMAGE_BYTES: usize = 1_000_000;

/// The largest number of test devices in the rule book.
const TEST_DEVICES: u64 = 1000;

/// Makes a store in a folder with one package and this number of revisions. The revisions add test devices and remove the oldest
/// ones, so that the rule book has about 1,000 of them.
///
/// # Errors
/// When the folder holds another history, or cannot be written.
pub async fn write(folder: &Path, revisions: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
    let made: Arc<dyn ImageStore> = Arc::new(MemoryStore::default());
    let service = UpdateService::open(Arc::clone(&made), Options::default()).await?;
    service.admin("testkit").ingest("uc.cab", stream_of(sample::uc_updates(IMAGE_BYTES)), |_| {}).await?;
    while service.snapshot().revision() < revisions {
        let number = service.snapshot().revision();
        let device = test_device(number)?;
        service.admin("testkit").add_test_device(device).await?;
        if number > TEST_DEVICES && service.snapshot().revision() < revisions {
            let oldest = test_device(number - TEST_DEVICES)?.name;
            // The device with this number may not exist.
            let _unknown = service.admin("testkit").remove_test_device(oldest).await;
        }
    }
    let to: Arc<dyn ImageStore> = Arc::new(LocalStore::open(folder)?);
    carry(&made, &to, |_| {}).await?;
    Ok(())
}

fn test_device(number: u64) -> Result<TestDevice, Box<dyn Error + Send + Sync>> {
    Ok(TestDevice {
        name: format!("phone {number}").parse()?,
        id: DeviceId::Serial(format!("S{number}").parse()?),
    })
}
