//! Both logs side by side: did the phone fetch what it was offered?
//!
//! Nothing in the field's logs ties a download to an answer but the device's address, the path and the time. The join
//! goes by those three, and says where several devices share an address.

mod entry;
mod join;
mod keys;

pub use entry::{Download, Fetched, OfferedFile, Timeline, TimelineEntry, TimelineOptions};
