//! Joins the audit log and the access log, to show whether a device downloaded the offered files.
//!
//! A download is in the access log, and the answer that offered its file is in the audit log. The
//! two rows have only the address of the device, the path and the time in common.
//! [`Timeline::join`] joins them by these three facts, and marks downloads from addresses that
//! several devices share.
//!
//! From the joined rows, [`Timeline::stories`] makes one [`DeviceStory`] for each device: its
//! events, and its troubles with their meaning and remedy.

mod entry;
mod event;
mod find;
mod join;
mod keys;
mod peers;
mod served_path;
mod span;
mod status;
mod story;
mod story_options;
mod thresholds;
mod trouble;

pub use entry::{Fetched, LoggedDownload, OfferedFile, Timeline, TimelineEntry};
pub use event::{
    AnsweredIn, AskedModule, CameBack, DeviceEvent, DeviceEventKind, Fetch, FetchResult, RequestRow,
    RestartedBy,
};
pub use keys::host_key;
pub(crate) use keys::{path_key, url_path};
pub use peers::PeerDownloads;
pub use served_path::FetchedFile;
pub use span::Span;
pub use story::DeviceStory;
pub use story_options::StoryOptions;
pub use thresholds::Thresholds;
pub use trouble::{Trouble, TroubleKind};
