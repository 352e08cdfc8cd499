//! Quotes words for the command lines that messages tell a person to run.

/// Returns `word` as one word of a shell command line. It is quoted if it is empty, begins with `-` or has
/// special characters.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,+%@=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    match word.contains(['"', '$', '`', '\\', '!']) {
        false => format!("\"{word}\""),
        true => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        for (word, shown) in [
            ("/a/ucupdate-demo-x1/store", "/a/ucupdate-demo-x1/store"),
            ("http://127.0.0.1:8080/a.upx", "http://127.0.0.1:8080/a.upx"),
            ("", "\"\""),
            ("--all", "\"--all\""),
            ("a folder's", "\"a folder's\""),
            ("$HOME's", r"'$HOME'\''s'"),
        ] {
            assert_eq!(shell_word(word), shown);
        }
    }
}
