//! Reads a document as a tree of elements, for documents that fit into memory.

use crate::chars::local_name;
use crate::document::XmlDocument;
use crate::error::XmlError;
use crate::limits::XmlLimits;
use crate::reader::{XmlEvent, XmlReader};

/// An element with its content. Names have no prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct XmlElement {
    /// The name without its prefix.
    pub name: String,
    /// Names and values in the order of the document. Namespace declarations and attributes of XML itself (`xml:lang`)
    /// are left out.
    pub attributes: Vec<(String, String)>,
    /// The text of this element without the text of its children, and without white space at both ends.
    pub text: String,
    /// The elements directly in this element, in the order of the document.
    pub children: Vec<XmlElement>,
    /// The position of the `<`, in bytes from the start of the document.
    pub at: usize,
}

impl XmlElement {
    /// Reads the root element of a document in UTF-8, UTF-16 or US-ASCII.
    ///
    /// # Errors
    /// Returns an error if the document is not well-formed, has another encoding, or exceeds a limit.
    pub fn read(bytes: &[u8], limits: &XmlLimits) -> Result<Self, XmlError> {
        Self::of_document(&XmlDocument::new(bytes, limits)?, limits)
    }

    /// Reads the root element of a document that was decoded before.
    ///
    /// # Errors
    /// Returns an error if the document is not well-formed, or exceeds a limit.
    pub fn of_document(document: &XmlDocument<'_>, limits: &XmlLimits) -> Result<Self, XmlError> {
        let mut reader = XmlReader::new(document, limits)?;
        let mut open = vec![Self::default()];
        loop {
            match reader.next_event()? {
                XmlEvent::Start { name, at } => {
                    let attributes = reader
                        .attributes_mut()
                        .drain(..)
                        .filter(|attribute| {
                            let name = attribute.name;
                            name != "xmlns" && !name.starts_with("xmlns:") && !name.starts_with("xml:")
                        })
                        .map(|attribute| {
                            (local_name(attribute.name).to_owned(), attribute.value.into_owned())
                        })
                        .collect();
                    open.push(Self { name: local_name(name).to_owned(), attributes, at, ..Self::default() });
                }
                XmlEvent::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text);
                    }
                }
                XmlEvent::End => {
                    let Some(mut element) = open.pop() else { continue };
                    let trimmed = element.text.trim_matches([' ', '\t', '\r', '\n']);
                    if trimmed.len() < element.text.len() {
                        element.text = trimmed.to_owned();
                    }
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(element);
                    }
                }
                // The first entry is the document itself. The reader has checked that there is one root.
                XmlEvent::Done => {
                    return Ok(open
                        .pop()
                        .and_then(|mut document| document.children.pop())
                        .unwrap_or_default());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_and_attributes_are_read() {
        let root = XmlElement::read(
            b"<?xml version='1.0'?><!-- a --><u:Root xmlns:u='urn:x' u:a='1 &amp; 2' b=\"&#x33;\" xml:lang='en'>\n\
              <Child>  x<![CDATA[<&]]>&lt;y&#33;\n</Child><u:Empty/></u:Root>\n",
            &XmlLimits::default(),
        )
        .unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("Root", ""));
        let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(root.attributes, [attribute("a", "1 & 2"), attribute("b", "3")]);
        let [child, empty] = &root.children[..] else { panic!("{root:?}") };
        assert_eq!((child.name.as_str(), child.text.as_str(), child.at), ("Child", "x<&<y!", 97));
        assert_eq!((empty.name.as_str(), empty.text.as_str()), ("Empty", ""));
    }
    #[test]
    fn an_attribute_that_is_called_xmlns_within_a_namespace_declares_nothing() {
        let text = b"<u:a xmlns='v' xmlns:u='u' u:xmlns='w'><b u:xmlns='x'/></u:a>";
        let root = XmlElement::read(text, &XmlLimits::default()).unwrap();
        assert_eq!(root.attributes, [("xmlns".to_owned(), "w".to_owned())]);
        assert_eq!(root.children[0].attributes, [("xmlns".to_owned(), "x".to_owned())]);
    }
}
