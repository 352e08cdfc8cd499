//! Times, and time zones.

#[expect(
    clippy::module_inception,
    reason = "the file defines `UnixTime` and `FieldTime`; this one only lists the room"
)]
mod time;
mod zone;

pub use time::{FieldTime, UnixTime};
pub use zone::Zone;
