//! Laws that hold for any bytes, for the fuzz target and for the tests that replay its corpus.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

use crate::document::XmlDocument;
use crate::error::XmlError;
use crate::limits::XmlLimits;
use crate::reader::{XmlEvent, XmlReader};
use crate::tree::XmlElement;

/// Reads `bytes` strictly, leniently, and with `roxmltree`.
///
/// Checks that an error message is one line, with a position inside the bytes. Checks that lenient reading
/// ends, and that it skips nothing in a document that strict reading accepts. If strict reading and `roxmltree`
/// both accept a document, checks that they read the same tree.
pub fn document(bytes: &[u8]) {
    let limits = XmlLimits::default();
    let check = |error: &XmlError| {
        assert!(error.at() <= bytes.len(), "{error}");
        assert!(!error.to_string().contains(['\n', '\r']), "one line: {error:?}");
    };
    let document = match XmlDocument::new(bytes, &limits) {
        Ok(document) => document,
        Err(error) => return check(&error),
    };
    let mut lenient = XmlReader::lenient(&document, &limits);
    let ended = loop {
        match lenient.next_event() {
            Ok(XmlEvent::Done) => break None,
            Ok(XmlEvent::Start { at, .. }) => assert!(at < bytes.len()),
            Ok(XmlEvent::Text(_) | XmlEvent::End) => {}
            Err(error) => break Some(error),
        }
    };
    match XmlElement::of_document(&document, &limits) {
        Ok(root) => {
            assert_eq!((ended, lenient.take_first_fault()), (None, None));
            // roxmltree keeps a carriage return after a reference. By XML every raw carriage return becomes a line feed
            // first.
            let text = document.text().replace("\r\n", "\n").replace('\r', "\n");
            if let Ok(theirs) = roxmltree::Document::parse(&text) {
                assert_same(&root, theirs.root_element());
            }
        }
        Err(error) => check(&error),
    }
}

fn assert_same(ours: &XmlElement, theirs: roxmltree::Node<'_, '_>) {
    assert_eq!(ours.name, theirs.tag_name().name());
    let attributes: Vec<(&str, &str)> = theirs
        .attributes()
        .filter(|attribute| attribute.namespace() != Some(roxmltree::NS_XML_URI))
        .map(|attribute| (attribute.name(), attribute.value()))
        .collect();
    // roxmltree takes `p:xmlns` for the default namespace. By Namespaces in XML, section 3, only `xmlns` without a prefix declares it.
    let own = ours.attributes.iter().filter(|(name, _)| &**name != "xmlns");
    assert!(own.map(|(name, value)| (&**name, &**value)).eq(attributes), "{ours:?}");
    let text: String =
        theirs.children().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
    assert_eq!(ours.text, text.trim_matches([' ', '\t', '\r', '\n']));
    let children: Vec<_> = theirs.children().filter(|node| node.is_element()).collect();
    assert_eq!(ours.children.len(), children.len());
    for (ours, theirs) in ours.children.iter().zip(children) {
        assert_same(ours, theirs);
    }
}
