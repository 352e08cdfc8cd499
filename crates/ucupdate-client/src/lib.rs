//! ucupdate-client
