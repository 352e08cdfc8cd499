//! Verbs about devices: devices in logs, and devices that an administrator names.

pub(crate) mod device;
pub(crate) mod fleet;
pub(crate) mod group;
mod group_members;
pub(crate) mod hold;
pub(crate) mod loops;
mod member_list;
pub(crate) mod report;
pub(crate) mod test_device;
pub(crate) mod timeline;
