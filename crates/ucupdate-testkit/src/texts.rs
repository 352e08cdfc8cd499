//! Texts that tests generate.

/// Returns `pattern`, a regular expression from which `proptest` generates texts. Under Miri,
/// replaces `\PC` in it by a smaller class of characters.
///
/// `\PC` (any character but a control character) has hundreds of ranges, and `proptest` goes
/// through them for each character. Under Miri this takes seconds.
///
/// ```
/// assert_eq!(&*ucupdate_testkit::texts::pattern(r"[a-z]|\PC{0,4}"), r"[a-z]|\PC{0,4}");
/// ```
pub fn pattern(pattern: &str) -> Box<str> {
    if cfg!(miri) {
        pattern.replace(r"\PC", "[ -~\u{a0}-\u{ff}\u{4e00}\u{1f600}]")
    } else {
        pattern.to_owned()
    }
    .into()
}
