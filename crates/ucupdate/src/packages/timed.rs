//! Reads from a store with a time limit, because a store may hang.

use futures_util::{StreamExt as _, stream};
use std::io;
use std::ops::Range;
use std::time::Duration;
use ucupdate_store::{ByteStream, ImageStore, Object, ObjectMeta, StoreError, StoreKey};

/// The time limit for one step of reading a served file. A store that hangs must not hold the connections of devices.
const READ_TIME: Duration = Duration::from_secs(30);

/// Opens an object, or the part of it in `range`. The bytes end in an error if the store sends none within
/// the time limit. Fails when the store fails, or does not answer within the time limit.
pub(crate) async fn get_in_time(
    store: &dyn ImageStore,
    key: &StoreKey,
    range: Option<Range<u64>>,
) -> Result<Object, StoreError> {
    let reading = tokio::time::timeout(READ_TIME, store.get(key, range)).await;
    let mut object = reading
        .map_err(|late| StoreError::unavailable(format!("reading `{key}`"), late))
        .and_then(|object| object)?;
    object.bytes = in_time(object.bytes);
    Ok(object)
}

/// Returns the metadata of an object. Fails when the store fails, or does not answer within the time limit.
pub(crate) async fn head_in_time(store: &dyn ImageStore, key: &StoreKey) -> Result<ObjectMeta, StoreError> {
    let reading = tokio::time::timeout(READ_TIME, store.head(key)).await;
    reading.map_err(|late| StoreError::unavailable(format!("reading `{key}`"), late)).and_then(|meta| meta)
}

/// Ends a stream with an error when the store sends nothing within the time limit. Time in which the stream is not
/// polled does not count.
fn in_time(bytes: ByteStream) -> ByteStream {
    Box::pin(stream::unfold(Some(bytes), |bytes| async move {
        let mut bytes = bytes?;
        match tokio::time::timeout(READ_TIME, bytes.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(bytes))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(late) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, late)), None)),
        }
    }))
}
