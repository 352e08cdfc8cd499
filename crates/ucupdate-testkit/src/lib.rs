//! ucupdate-testkit
