//! The author of a change, on the command line.

use clap::Args;
use std::sync::OnceLock;

/// The name of the token with which the command works on another machine.
static OF_TOKEN: OnceLock<String> = OnceLock::new();

/// Sets the author of changes that name none: the name of a token.
pub(crate) fn set_of_token(name: &str) {
    let _again = OF_TOKEN.set(name.to_owned());
}

/// The author of a change.
#[derive(Debug, Args)]
pub(crate) struct AuthorArgs {
    /// The author of the change, for the history [default: the system's user name]
    #[arg(long, value_name = "NAME", value_parser = author)]
    author: Option<String>,
}

impl AuthorArgs {
    /// Returns the name of the author: the given name, or the name of the system's user, or `unknown`.
    pub(crate) fn name(&self) -> String {
        let system = || {
            let variables = ["USER", "LOGNAME", "USERNAME"];
            variables.into_iter().find_map(|variable| author(&std::env::var(variable).ok()?).ok())
        };
        self.author
            .clone()
            .or_else(|| OF_TOKEN.get().cloned())
            .or_else(system)
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// The largest size of an author's name in bytes.
const MAX_AUTHOR_BYTES: usize = 128;

fn author(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("name is blank".to_owned());
    }
    if name.len() > MAX_AUTHOR_BYTES {
        return Err(format!("name has {} bytes, expected at most {MAX_AUTHOR_BYTES}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err("name holds a control character".to_owned());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_has_a_name_of_one_line() {
        assert_eq!(author(" Ann "), Ok("Ann".to_owned()));
        for wrong in ["", "  ", "a\nb", "a\u{1b}", &"x".repeat(129)] {
            assert!(author(wrong).is_err(), "{wrong:?}");
        }
    }
}
