//! ucupdate
