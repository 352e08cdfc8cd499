//! The names of core, and the packages, devices and commands of the testkit.

pub use std::time::Duration;
pub use ucupdate_core::{book::*, decide::*, device::*, request::*, value::*, version::*};
pub use ucupdate_testkit::books::*;
pub use ucupdate_testkit::field::RULE as PHONE;
pub use ucupdate_testkit::field::module;
pub use ucupdate_testkit::packages::{ingest, key, package, with_interim};
