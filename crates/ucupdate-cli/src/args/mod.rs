//! Arguments that several commands share.

pub(crate) mod audit;
pub(crate) mod author;
pub(crate) mod change;
pub(crate) mod confirm;
pub(crate) mod device_or_group;
pub(crate) mod devices;
pub(crate) mod dialect;
pub(crate) mod kind;
pub(crate) mod last_request;
pub(crate) mod moment;
pub(crate) mod nothing_to_do;
pub(crate) mod number;
pub(crate) mod package;
pub(crate) mod package_prefix;
pub(crate) mod question;
pub(crate) mod read_rows;
pub(crate) mod reason;
pub(crate) mod retention;
pub(crate) mod rules;
pub(crate) mod selected_devices;
pub(crate) mod side;
pub(crate) mod thresholds;
pub(crate) mod time_range;
pub(crate) mod timeline;
pub(crate) mod window;
pub(crate) mod zone;
