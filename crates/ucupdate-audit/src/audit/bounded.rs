//! Limits the size of the texts that a row of the audit log takes from a request. Otherwise a large
//! request could make the log grow much faster than an ordinary request.

use ucupdate_core::value::{Reported, Sha256Digest, Sha256Hasher};

/// The largest number of bytes of one text of a request, such as the model, in a row of the audit
/// log. Known devices send at most 30 bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 160;

/// The largest number of modules of the request in a row of the audit log. The modules of the
/// response have the same limit, and are counted separately.
pub(crate) const MAX_MODULES: usize = 16;

/// The largest number of bytes of a URL in a row of the audit log. The URL consists of
/// configuration and of names in the rule book, so it can be trusted and may be longer.
pub(crate) const MAX_URL_BYTES: usize = 1024;

/// Returns the text, cut if it is longer than `most` bytes. A cut text ends in its original length and the start of its
/// SHA-256, so that two cut texts can still be compared.
pub(crate) fn bounded(text: &str, most: usize) -> Box<str> {
    if text.len() <= most {
        return text.into();
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = &text[..end];
    format!("{start}...[{} bytes SHA-256 {}]", text.len(), digest_start(Sha256Digest::of(text))).into()
}

/// Returns a value of a request, with its text cut by [`bounded`] to [`MAX_TEXT_BYTES`]. If the
/// text is cut, the result has no parsed value.
pub(crate) fn bounded_report<T: Clone + std::str::FromStr>(reported: &Reported<T>) -> Reported<T> {
    if reported.raw().len() <= MAX_TEXT_BYTES {
        return reported.clone();
    }
    Reported::new(&bounded(reported.raw(), MAX_TEXT_BYTES))
}

/// Returns the name of one additional module, which replaces the modules beyond [`MAX_MODULES`].
/// `names` are the names of the replaced modules. Returns `None` if there are none.
pub(crate) fn more_modules<'a>(names: impl Iterator<Item = &'a str>) -> Option<Box<str>> {
    let mut hasher = Sha256Hasher::default();
    let mut count = 0;
    for name in names {
        hasher.update(name);
        hasher.update("\n");
        count += 1;
    }
    (count > 0).then(|| format!("[{count} more modules SHA-256 {}]", digest_start(hasher.digest())).into())
}

/// Returns the first 16 hexadecimal digits of a SHA-256.
fn digest_start(digest: Sha256Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_keeps_its_length_and_digest() {
        assert_eq!(&*bounded("cpe.nbt", 7), "cpe.nbt");
        let long = "\u{e4}".repeat(100);
        let cut = bounded(&long, 9);
        assert!(cut.starts_with("\u{e4}\u{e4}\u{e4}\u{e4}...[200 bytes SHA-256 "), "{cut}");
        assert_ne!(cut, bounded(&"\u{e4}".repeat(99), 9));
        assert_eq!(cut.len(), 8 + "...[200 bytes SHA-256 0123456789abcdef]".len());
    }
}
