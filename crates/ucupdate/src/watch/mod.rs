//! Rollouts that are watched.

pub(crate) mod observer;
pub(crate) mod options;
pub(crate) mod pause;
