//! Compares a text with a pattern in which `*` stands for any characters.

/// Returns whether a text matches a pattern. `*` matches any number of any characters. ASCII case is
/// ignored.
pub(crate) fn is_match(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    // The position from which matching continues when the text after the last star did not match.
    let mut retry: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, from));
                at += 1;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&text[from]) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else { return false };
                retry = Some((after_star, taken + 1));
                (at, from) = (after_star, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pattern_matches_what_backtracking_says(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern.first(), text.first()) {
                    (None, None) => true,
                    (Some(b'*'), _) => slow(&pattern[1..], text) || (!text.is_empty() && slow(pattern, &text[1..])),
                    (Some(one), Some(two)) => one == two && slow(&pattern[1..], &text[1..]),
                    _ => false,
                }
            }
            prop_assert_eq!(is_match(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
