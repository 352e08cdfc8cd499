//! The environment variables. No other module reads the value of a setting from the environment.

use crate::failure::Failure;
use std::ffi::OsString;

/// Returns the value of an environment variable. `None` if it is not set or is empty.
///
/// Fails when the value is not UTF-8. If such a value were ignored, the command could use another
/// store.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Failure> {
    text(name, std::env::var_os(name))
}

fn text(name: &str, value: Option<OsString>) -> Result<Option<String>, Failure> {
    let text = value.filter(|value| !value.is_empty()).map(OsString::into_string).transpose();
    // The value may be a secret, so it is not shown.
    text.map_err(|_| {
        Failure::usage(format_args!(
            "{name} is set to bytes that are not UTF-8, expected a text; set it again or unset it"
        ))
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn a_variable_that_is_no_text_is_a_wrong_call_and_not_unset() {
        assert_eq!(text("A", None), Ok(None));
        assert_eq!(text("A", Some(OsString::new())), Ok(None));
        assert_eq!(text("A", Some("m\u{fc}".into())), Ok(Some("m\u{fc}".to_owned())));
        assert_eq!(
            text("A", Some(OsString::from_vec(b"m\xfc".to_vec()))),
            Err(Failure::usage(
                "A is set to bytes that are not UTF-8, expected a text; set it again or unset it"
            ))
        );
    }
}
