//! ucupdate-audit
