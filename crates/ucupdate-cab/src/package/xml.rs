//! Reads the manifest as a tree of elements, within the limits of a package.

use super::limits::PackageLimits;
use ucupdate_xml::{XmlDocument, XmlErrorKind, XmlLimit, XmlLimits};

pub(super) use ucupdate_xml::XmlElement as Element;

/// The reason why a manifest cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManifestError {
    #[error("manifest has more than {most} {what}, at byte {at}")]
    TooMany { what: &'static str, most: usize, at: usize },
    #[error("root element {found}, at byte {at}")]
    Root { found: String, at: usize },
    #[error("{}, at byte {}", .0.kind(), .0.at())]
    Unread(ucupdate_xml::XmlError),
}

impl ManifestError {
    /// Returns the name of the limit in [`PackageLimits`] that the manifest exceeds. `None` for
    /// other errors, and for limits that cannot be set.
    pub(super) fn limit_name(&self) -> Option<&'static str> {
        let limit = match self {
            Self::TooMany { what: "updates", .. } => return Some("releases"),
            Self::Unread(error) => match error.kind() {
                XmlErrorKind::Limit { limit, .. } => limit,
                _ => return None,
            },
            Self::TooMany { .. } | Self::Root { .. } => return None,
        };
        match limit {
            XmlLimit::Bytes | XmlLimit::Markup => Some("manifest_bytes"),
            XmlLimit::Elements => Some("manifest_elements"),
            XmlLimit::Depth => Some("manifest_depth"),
            XmlLimit::Attributes => Some("manifest_attributes"),
            _ => None,
        }
    }
}

/// The largest number of XML namespace declarations that are in scope at one place.
const MAX_NAMESPACES: usize = 32;
/// The largest length of the name of an element or attribute, in bytes.
const MAX_NAME_BYTES: usize = 1024;

/// Reads a manifest in UTF-8, in UTF-16, or in the encoding that its declaration names.
pub(super) fn read(bytes: &[u8], limits: &PackageLimits) -> Result<Element, ManifestError> {
    let limits = XmlLimits::default()
        .with_bytes(limits.manifest_bytes)
        .with_elements(limits.manifest_elements)
        .with_depth(limits.manifest_depth)
        .with_attributes(limits.manifest_attributes)
        .with_namespaces(MAX_NAMESPACES)
        .with_name_bytes(MAX_NAME_BYTES)
        // Markup has at least one byte, so the limit of bytes limits the number of markup items as well.
        .with_markup(limits.manifest_bytes);
    XmlDocument::in_declared_encoding(bytes, &limits)
        .and_then(|document| Element::of_document(&document, &limits))
        .map_err(ManifestError::Unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_in_the_encodings_of_windows() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><R>Ger\u{e4}t</R>";
        let utf16 = |mark: &[u8]| {
            [mark, &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()].concat()
        };
        let limits = PackageLimits::default();
        for bytes in [
            utf16(b"\xff\xfe"),
            utf16(b""),
            format!("\u{feff}{text}").into_bytes(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            b"<?xml version='1.0' encoding='windows-1252' ?><R>Ger\xe4t</R>".to_vec(),
        ] {
            assert_eq!(read(&bytes, &limits).unwrap().text, "Ger\u{e4}t", "{bytes:?}");
        }
    }

    #[test]
    fn each_limit_of_a_manifest_is_reached() {
        let mut limits = PackageLimits::default();
        (limits.manifest_bytes, limits.manifest_elements) = (300, 3);
        (limits.manifest_depth, limits.manifest_attributes) = (2, 1);
        let refused = |text: &str| read(text.as_bytes(), &limits).unwrap_err().to_string();
        assert!(read(b"<a b='1'><c/><c/></a>", &limits).is_ok());
        assert_eq!(refused("<a><c/><c/><c/></a>"), "more than 3 elements, at byte 11");
        assert_eq!(refused("<a><b><c/></b></a>"), "more than 2 levels of elements, at byte 6");
        assert_eq!(refused("<a b='1' c='2'/>"), "more than 1 attributes in one element, at byte 9");
        assert_eq!(refused(&" ".repeat(301)), "more than 300 bytes in the document, at byte 300");
        let many: String = (0..33).map(|n| format!(" xmlns:p{n}='u'")).collect();
        let refused = read(format!("<a{many}/>").as_bytes(), &PackageLimits::default()).unwrap_err();
        assert_eq!(refused.to_string(), "more than 32 namespace declarations in force, at byte 441");
    }
}
