//! ucupdate-store-local
