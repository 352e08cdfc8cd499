//! ucupdate-cab
pub mod package;
