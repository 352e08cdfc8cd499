//! Checks that a folder with an empty listing is a folder, and not an object, a link or a pipe.

use ucupdate_store::{ImageStore, StoreError, StoreKey};

/// Checks that `folder`, whose listing is empty, is a folder. If an object has the name of this
/// folder or of a folder above it, the content of the folder is not known, and "there is nothing"
/// would be a false report. `folder` ends with `/`.
///
/// # Errors
/// [`StoreError::Conflict`] when an object has such a name, and [`StoreError::Integrity`] when a
/// link or a pipe has it. Other errors are ignored, because the listing itself succeeded.
pub(crate) async fn check_empty(store: &dyn ImageStore, folder: &str) -> Result<(), StoreError> {
    let Ok(key) = StoreKey::parse(folder.trim_end_matches('/')) else { return Ok(()) };
    for path in key.folders().chain([key.as_str()]) {
        let Ok(above) = StoreKey::parse(path) else { continue };
        match store.head(&above).await {
            Ok(_) => return Err(StoreError::Conflict { key: key.clone(), other: path.into() }),
            Err(error @ StoreError::Integrity { .. }) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}
