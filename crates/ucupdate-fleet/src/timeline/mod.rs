//! The timeline joins both logs: did the phone download what it was offered?
//!
//! The field's logs connect a download and an answer only by the address of the device, the path and the time. The join uses
//! these three, and marks downloads from addresses that several devices share.

mod entry;
mod join;
mod keys;

pub use entry::{Download, Fetched, OfferedFile, Timeline, TimelineEntry, TimelineOptions};
