//! Checked values that the other modules use: labels, digests, file names, times and time zones.

mod counted;
mod digest;
pub(crate) mod file_name;
pub(crate) mod glob;
pub(crate) mod label;
mod object_key;
pub(crate) mod parse_error;
mod reported;
#[cfg(feature = "sha256")]
mod sha256;
mod shell_word;
pub(crate) mod stored_text;
mod time;
pub(crate) mod unseen;

pub use counted::Counted;
pub use digest::{Digest, PackageId, Sha1Digest, Sha256Digest};
pub use file_name::{FileName, MAX_PATH_PART_BYTES, check_path_part};
pub use label::{MAX_LABEL_BYTES, check_label};
pub use object_key::{MAX_OBJECT_KEY_BYTES, ObjectKey};
pub use parse_error::{ParseError, ParseErrorKind};
pub use reported::Reported;
#[cfg(feature = "sha256")]
pub use sha256::Sha256Hasher;
pub use shell_word::shell_word;
pub use time::{FieldTime, UnixTime, Zone};
pub use unseen::is_unseen;
