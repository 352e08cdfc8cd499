//! Characters that a reader cannot see, or takes for others.

/// Returns whether a character is not seen as itself: a control character, an invisible character, a mark of direction,
/// or a blank other than U+0020, such as a no-break space.
///
/// Two names that differ only in such characters look alike. Programs escape them where they print a text.
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

/// Returns an error if a name that a person gives has a character that is not seen.
pub(crate) fn check_seen(name: &str) -> Result<(), char> {
    name.chars().find(|found| is_unseen(*found)).map_or(Ok(()), Err)
}
