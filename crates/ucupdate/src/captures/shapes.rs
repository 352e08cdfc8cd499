//! [`Shapes`]: groups unreadable bodies by their error, so that each error is reported once and no kind of body
//! displaces the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use ucupdate_upx::DecodeError;

/// The largest number of shapes (texts of errors without their numbers) that are counted. Bodies of
/// further shapes count as one shape.
const MAX_SHAPES: usize = 256;

/// The number of characters at the beginning of an error's text that make its shape.
const MAX_CHARS: usize = 200;

/// The shapes of the unreadable bodies since the service was opened. Each shape has the number of
/// its bodies. A shape is the text of the error with `0` in place of each number.
#[derive(Debug, Default)]
pub(crate) struct Shapes(Mutex<HashMap<Box<str>, u32>>);

impl Shapes {
    /// Counts a body that could not be read because of `error`. Returns the number of earlier
    /// bodies whose error has the same shape.
    pub(crate) fn count(&self, error: &DecodeError) -> u32 {
        let shape = shape(&error.to_string());
        let mut shapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = shapes.len() >= MAX_SHAPES && !shapes.contains_key(&shape);
        let count = shapes.entry(if is_full { Box::default() } else { shape }).or_default();
        let earlier = *count;
        *count = count.saturating_add(1);
        earlier
    }
}

/// Returns the text of an error with `0` in place of each number, because numbers differ from body
/// to body.
fn shape(error: &str) -> Box<str> {
    let mut shape = String::with_capacity(error.len().min(MAX_CHARS));
    let mut in_number = false;
    for character in error.chars().take(MAX_CHARS) {
        let is_digit = character.is_ascii_digit();
        if !is_digit || !in_number {
            shape.push(if is_digit { '0' } else { character });
        }
        in_number = is_digit;
    }
    shape.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_recognised(root: &str) -> DecodeError {
        let (root, expected, items) = (root.into(), "Request".into(), "items".into());
        DecodeError::NothingRecognised { root, expected, items }
    }

    #[test]
    fn numbers_do_not_make_a_shape() {
        assert_eq!(shape("at byte 17: more than 100 names"), shape("at byte 4: more than 9 names"));
        assert_ne!(shape("root `a`"), shape("root `b`"));
        assert_eq!(shape(&"é".repeat(1000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn shapes_are_bounded_whatever_devices_send() {
        let shapes = Shapes::default();
        let word = |number: u32| format!("{number:b}").replace('0', "a").replace('1', "b");
        for number in 0..10_000 {
            shapes.count(&nothing_recognised(&word(number)));
        }
        assert_eq!(shapes.0.lock().unwrap().len(), MAX_SHAPES + 1);
        assert_eq!(shapes.count(&nothing_recognised(&word(0))), 1);
        assert!(shapes.count(&nothing_recognised("another")) > 9000, "further shapes are one");
    }
}
