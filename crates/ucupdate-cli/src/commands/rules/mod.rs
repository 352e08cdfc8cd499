//! Verbs about rules.

pub(crate) mod alias;
pub(crate) mod ban;
pub(crate) mod decide;
mod deploy_at_ingest;
pub(crate) mod interim;
pub(crate) mod list;
mod pattern_scheme;
pub(crate) mod pin;
pub(crate) mod policy;
pub(crate) mod rollout;
pub(crate) mod stone;
