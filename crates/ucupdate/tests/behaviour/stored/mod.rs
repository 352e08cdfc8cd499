//! Tests that stores of earlier programs open with the same rule book.

pub(crate) mod formats;
pub(crate) mod summary;
