//! The format of times in results.

pub(crate) use ucupdate_admin::report::iso;
