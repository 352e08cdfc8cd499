//! Moments as results show them.

pub(crate) use ucupdate_admin::report::iso;
