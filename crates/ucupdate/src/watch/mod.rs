//! Rollouts that are watched.

pub(crate) mod observer;
pub(crate) mod pause;
