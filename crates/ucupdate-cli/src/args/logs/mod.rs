//! Arguments that choose logs, readers of their rows, and the thresholds of troubles.

pub(crate) mod audit;
pub(crate) mod read_rows;
pub(crate) mod thresholds;
pub(crate) mod time_range;
pub(crate) mod timeline;
pub(crate) mod zone;
