//! The author of a change, on the command line.

use clap::Args;
use std::sync::OnceLock;
use ucupdate::value::is_unseen;
#[cfg(unix)]
use {crate::files, std::path::Path};

/// The name of the token for `--server`. Not set if the command works on a store of this machine.
static OF_TOKEN: OnceLock<String> = OnceLock::new();

/// Sets the author of changes without `--author`: the name of the token for `--server`.
pub(crate) fn set_of_token(name: &str) {
    let _again = OF_TOKEN.set(name.to_owned());
}

#[derive(Debug, Args)]
pub(crate) struct AuthorArgs {
    /// The author of the change, for the history [default: the name of the token for --server, or the system's user name]
    #[arg(long, value_name = "NAME", value_parser = author)]
    author: Option<String>,
}

impl AuthorArgs {
    /// Returns the name of the author: the name given by `--author`, the name of the token, the
    /// name of the system's user, or `unknown`.
    pub(crate) fn name(&self) -> String {
        let variable = || {
            let variables = ["USER", "LOGNAME", "USERNAME"];
            variables.into_iter().find_map(|variable| author(&std::env::var(variable).ok()?).ok())
        };
        self.author
            .clone()
            .or_else(|| OF_TOKEN.get().cloned())
            .or_else(variable)
            .or_else(system_user)
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// Returns the name of the user of this process from `/etc/passwd`. A container often has no
/// variable with this name.
#[cfg(unix)]
fn system_user() -> Option<String> {
    let users = files::read_file(Path::new("/etc/passwd"), MAX_USERS_BYTES).ok()?;
    user_in(&String::from_utf8_lossy(&users), rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn system_user() -> Option<String> {
    None
}

/// The largest size of `/etc/passwd` in bytes.
#[cfg(unix)]
const MAX_USERS_BYTES: usize = 4 * 1024 * 1024;

/// Returns the name of a user in the text of `/etc/passwd`, whose lines are `name:password:uid:...`.
#[cfg(unix)]
fn user_in(users: &str, uid: u32) -> Option<String> {
    let mut users = users.lines().map(|line| line.splitn(4, ':'));
    users.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| author(name).ok())?
    })
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
    if let Some(found) = name.chars().find(|found| is_unseen(*found)) {
        return Err(format!(
            "name has the character U+{:04X}, which is invisible or looks like another one, expected a name without it",
            u32::from(found)
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_has_a_name_of_one_line() {
        assert_eq!(author(" Ann "), Ok("Ann".to_owned()));
        for wrong in ["", "  ", "a\nb", "a\u{1b}", "a\u{a0}b", "a\u{200b}", "\u{202e}a", &"x".repeat(129)] {
            assert!(author(wrong).is_err(), "{wrong:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_user_is_found_by_its_number_in_the_file_of_users() {
        let users = "root:x:0:0:root:/root:/bin/bash\n\n# 7\nann:x:1000:100::/home/ann:/bin/sh\n:x:7:7::/:\nbob:x:7\n";
        let name = |uid| user_in(users, uid);
        assert_eq!((name(0).as_deref(), name(1000).as_deref()), (Some("root"), Some("ann")));
        assert_eq!((name(7).as_deref(), name(100)), (Some("bob"), None));
    }
}
