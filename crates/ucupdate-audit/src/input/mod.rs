//! Reads bytes of a log as lines of text.

pub(crate) mod lines;
