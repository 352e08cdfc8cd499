//! The interfaces to the system: signals, stderr, systemd, file descriptors, and the host name.

pub(super) mod allocator;
pub(super) mod descriptors;
pub(super) mod host_name;
pub(super) mod stderr;
pub(super) mod stopping;
pub(super) mod systemd;
