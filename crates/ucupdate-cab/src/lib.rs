//! ucupdate-cab
