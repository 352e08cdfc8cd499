//! Writes a manifest.

use super::ManifestEntry;
use super::names::ManifestItem;
use std::fmt::Write as _;

/// Returns the manifest of these entries in UTF-8. Each entry is one line, and lines end in LF. Equal entries give
/// equal text.
pub(in crate::package) fn write(entries: &[ManifestEntry]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Updates><Updates>\n");
    for entry in entries {
        let element = if entry.is_interim { ManifestItem::Interim } else { ManifestItem::Update }.name();
        let version = entry.item(ManifestItem::Version).unwrap_or_default();
        // Writing to a text cannot fail.
        let _ = write!(xml, "<{element} {}=\"{}\">", ManifestItem::Version.name(), escaped(version));
        for (item, text) in &entry.items {
            if *item != ManifestItem::Version {
                let _ = write!(xml, "<{0}>{1}</{0}>", item.name(), escaped(text));
            }
        }
        for text in &entry.descriptions {
            let _ = write!(xml, "<{0}>{1}</{0}>", ManifestItem::DescriptionFileName.name(), escaped(text));
        }
        let _ = writeln!(xml, "</{element}>");
    }
    xml.push_str("</Updates></Updates>\n");
    xml
}

/// Escapes a text for XML. Tabs and line ends are written as character references such as `&#9;`,
/// because a reader would change them.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for part in quick_xml::escape::escape(text).split_inclusive(['\t', '\n', '\r']) {
        let (text, blank) = match part.char_indices().next_back() {
            Some((at, blank)) if matches!(blank, '\t' | '\n' | '\r') => (&part[..at], Some(blank)),
            _ => (part, None),
        };
        escaped.push_str(text);
        if let Some(blank) = blank {
            // Writing to a text cannot fail.
            let _ = write!(escaped, "&#{};", u32::from(blank));
        }
    }
    escaped
}
