//! Arguments that choose logs, the rows that are read of them, and what counts as a trouble in them.

pub(crate) mod audit;
pub(crate) mod read_rows;
pub(crate) mod thresholds;
pub(crate) mod time_range;
pub(crate) mod timeline;
pub(crate) mod zone;
