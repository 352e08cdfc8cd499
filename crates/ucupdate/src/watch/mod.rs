//! Watches guarded rollouts, and pauses those that fail.

pub(crate) mod follower;
pub(crate) mod observer;
pub(crate) mod options;
pub(crate) mod pause;
pub(crate) mod starts;
pub(crate) mod troubles;
