//! The note beside an incomplete file, as a text.

use crate::folder::Paths;
use cap_std::fs::OpenOptions;
use std::io::Read;
use ucupdate_core::value::Sha256Digest;

/// Largest size of a note in bytes.
const MAX_NOTE_BYTES: u64 = 8 * 1024;

/// The first line of a note. A note of another format has another number and is ignored.
const NOTE_FORM: &str = "ucupdate part 1";

/// The identity of the file to which the bytes of a part belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entity {
    /// The strong ETag with its quotes.
    pub(crate) etag: Box<str>,
    /// The size of the whole file; `None` when it is not known.
    pub(crate) total: Option<u64>,
}

/// The note of a part: which bytes it has, and of which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartRecord {
    pub(crate) url: Box<str>,
    pub(crate) entity: Entity,
    pub(crate) bytes: u64,
    pub(crate) sha256: Sha256Digest,
}

impl PartRecord {
    pub(crate) fn to_text(&self) -> String {
        let total = self.entity.total.map_or_else(|| "unknown".to_owned(), |total| total.to_string());
        let Self { url, entity, bytes, sha256 } = self;
        format!(
            "{NOTE_FORM}\nurl {url}\netag {}\ntotal {total}\nbytes {bytes}\nsha256 {sha256}\n",
            entity.etag
        )
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != NOTE_FORM {
            return None;
        }
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let url = value("url")?.into();
        let etag = value("etag")?.into();
        let total = match value("total")? {
            "unknown" => None,
            number => Some(number.parse().ok()?),
        };
        let bytes = value("bytes")?.parse().ok()?;
        let sha256 = value("sha256")?.parse().ok()?;
        lines.next().is_none().then_some(Self { url, entity: Entity { etag, total }, bytes, sha256 })
    }
}

/// Reads the note of a part. `None` if there is no note that can be read.
pub(crate) fn read_record(paths: &Paths) -> Option<PartRecord> {
    let mut text = String::new();
    let mut options = OpenOptions::new();
    options.read(true);
    paths
        .folder
        .open_file(&paths.note, &options)
        .ok()?
        .take(MAX_NOTE_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    PartRecord::from_text(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_note_of_another_form_is_none() {
        let text = PartRecord {
            url: "http://a/CPE.nbt".into(),
            entity: Entity { etag: "\"v1\"".into(), total: None },
            bytes: 3,
            sha256: Sha256Digest::new([1; 32]),
        }
        .to_text();
        assert!(PartRecord::from_text(&text).is_some());
        assert_eq!(PartRecord::from_text(&text.replace("part 1", "part 2")), None);
        for end in 0..text.len() {
            assert_eq!(PartRecord::from_text(&text[..end]), None, "torn at {end}");
        }
    }

    proptest! {
        #[test]
        fn a_note_reads_back_as_it_was_written(
            url in "http://[!-~]{1,40}",
            etag in "\"[!#-~]{0,40}\"",
            total in proptest::option::of(any::<u64>()),
            bytes in any::<u64>(),
            sha256 in any::<[u8; 32]>(),
        ) {
            let note = PartRecord {
                url: url.into(),
                entity: Entity { etag: etag.into(), total },
                bytes,
                sha256: Sha256Digest::new(sha256),
            };
            prop_assert_eq!(PartRecord::from_text(&note.to_text()), Some(note));
        }
    }
}
