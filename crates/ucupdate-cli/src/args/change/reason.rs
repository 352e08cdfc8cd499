//! The reason of a change, as text for people.

/// Reads a reason, which must have a letter or a digit.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_alphanumeric) {
        true => Ok(text.trim().to_owned()),
        false => Err("expected a reason in words, for those who read it later".to_owned()),
    }
}
