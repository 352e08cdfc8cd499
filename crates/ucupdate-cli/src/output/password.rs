//! Removes user names and passwords in URLs from messages.

use std::borrow::Cow;

/// Returns whether a character ends a URL in a message.
fn ends_address(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>')
}

/// Returns the message with each user name and password in a URL, as in
/// `http://user:password@host/`, replaced by `…`. Messages about mistyped options contain URLs, and
/// messages are kept in journals and in logs of scripts.
pub(crate) fn without_passwords(message: &str) -> Cow<'_, str> {
    if !message.contains('@') {
        return Cow::Borrowed(message);
    }
    let pieces = message.split_inclusive(ends_address);
    Cow::Owned(pieces.map(without_password).collect())
}

fn without_password(piece: &str) -> String {
    let (scheme, rest) = match piece.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, piece),
    };
    let Some((user, after)) = rest.split_once('@') else { return piece.to_owned() };
    // A colon before the first slash is the sign of a password. Without it, the text may be a path
    // that contains `@`.
    let has_password = user.split('/').next().is_some_and(|first| first.contains(':'));
    let is_user = scheme.is_some() && !user.contains('/');
    if !has_password && !is_user {
        return piece.to_owned();
    }
    // A password that contains `@` continues after it.
    let host = after.find('/').unwrap_or(after.len());
    let host = after.get(..host).and_then(|host| host.rfind('@')).map_or(0, |at| at + 1);
    let after = after.get(host..).unwrap_or_default();
    match scheme {
        Some(scheme) => format!("{scheme}://…@{after}"),
        None => format!("…@{after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_left_out_and_the_rest_stays() {
        for (message, shown) in [
            ("--url is \"ftp://u:secret@host/x\", expected", "--url is \"ftp://…@host/x\", expected"),
            ("invalid value 'http://u:secret@h:1/' for", "invalid value 'http://…@h:1/' for"),
            ("u:secret@host: refused", "…@host: refused"),
            ("http://u:se/cret@host/", "http://…@host/"),
            ("http://u:se@cret@host/a@b", "http://…@host/a@b"),
            ("https://token@host and http://u:p@other", "https://…@host and http://…@other"),
            ("s3://bucket/a@b", "s3://bucket/a@b"),
            ("10%@0d,50%@3d", "10%@0d,50%@3d"),
            ("ann@contoso.com", "ann@contoso.com"),
            ("no address", "no address"),
        ] {
            assert_eq!(without_passwords(message), shown);
        }
    }
}
