//! Characters that a reader cannot see, or takes for other characters.

/// Returns whether a reader cannot see a character, or takes it for another one. These are control
/// characters, invisible characters, marks of text direction, and blanks other than U+0020, such as a
/// no-break space.
///
/// Two names that differ only in such characters look alike. The programs of this workspace escape these
/// characters when they print a text.
///
/// ```
/// use ucupdate_core::value::is_unseen;
/// assert!("\u{a0}\u{200b}\u{202e}\u{feff}\n".chars().all(is_unseen));
/// assert!(!"Labor 4, Köln".chars().any(is_unseen));
/// ```
pub fn is_unseen(found: char) -> bool {
    match found {
        ' '..='~' => false,
        _ if found.is_control() || found.is_whitespace() => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' => true,
        '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// Checks that a name has no character that a reader cannot see. The error is the first such character; see
/// [`is_unseen`].
pub(crate) fn check_seen(name: &str) -> Result<(), char> {
    name.chars().find(|found| is_unseen(*found)).map_or(Ok(()), Err)
}
