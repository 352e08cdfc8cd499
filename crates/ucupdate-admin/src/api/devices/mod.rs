//! The operations on devices: the devices of the logs, the answers that they get, the outcomes of rollouts, and
//! captures.

pub(super) mod attention;
pub(super) mod captures;
pub(super) mod device;
pub(super) mod explain;
pub(super) mod fleet;
pub(super) mod list;
pub(super) mod outcomes;
pub(super) mod rollouts;
