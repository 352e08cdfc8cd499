//! Checked values that every other module is made of: labels, digests, file names, times, time zones.

mod digest;
pub(crate) mod file_name;
pub(crate) mod glob;
pub(crate) mod label;
mod object_key;
mod reported;
#[cfg(feature = "sha256")]
mod sha256;
#[cfg(feature = "serde")]
pub(crate) mod stored_text;
mod time;
mod zone;

pub use digest::{Digest, DigestError, PackageId, PackageIdError, Sha1Digest, Sha256Digest};
pub use file_name::{FileName, MAX_PATH_PART_BYTES, PathPartError, check_path_part};
pub use label::{LabelError, MAX_LABEL_BYTES, check_label};
pub use object_key::{MAX_OBJECT_KEY_BYTES, ObjectKey, ObjectKeyError};
pub use reported::Reported;
#[cfg(feature = "sha256")]
pub use sha256::Sha256Hasher;
pub use time::{FieldTime, FieldTimeError, UnixTime};
pub use zone::{Zone, ZoneError};
