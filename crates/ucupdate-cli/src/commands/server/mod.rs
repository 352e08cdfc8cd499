//! Verbs about a server and its devices.

pub(crate) mod ask;
pub(crate) mod captures;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod provisioning;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod storm;
pub(crate) mod token;
