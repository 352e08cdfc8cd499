//! ucupdate-http
