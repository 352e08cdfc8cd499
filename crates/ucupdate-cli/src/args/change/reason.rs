//! The reason of a change: a text for people.

/// Returns the reason without blanks at its ends. Fails when the text has no letter and no digit.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_alphanumeric) {
        true => Ok(text.trim().to_owned()),
        false => Err("expected a reason in words, for those who read it later".to_owned()),
    }
}
