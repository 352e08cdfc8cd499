//! Laws that hold for all bytes.

use proptest::prelude::*;
use ucupdate_xml::{XmlElement, XmlLimits, laws};

const PIECES: &[&str] = &[
    "<a>",
    "</a>",
    "<b c='1'>",
    "</b>",
    "<p:a xmlns:p='u'>",
    "</p:a>",
    "<a xmlns='u'/>",
    "<p:b p:c='2'/>",
    "<b/>",
    "text",
    " ",
    "\r\n",
    "\r",
    "&#13;",
    "&lt;",
    "&amp;",
    "&#x1F600;",
    "<![CDATA[x\r\n<&]]>",
    "<!-- c -->",
    "<?p i?>",
    "]]>",
    "]",
    "\u{e4}",
    "\u{1f600}",
    "\u{85}",
    "<b c='\t\r\n&#10;x'/>",
    "<b c='1' d=\"'\"/>",
    "<b xml:lang='en'/>",
    "\"",
    "\0",
    "&",
    "<",
];

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]

    #[test]
    fn the_laws_hold_for_markup_of_any_kind(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24)) {
        let inner = pieces.concat();
        for text in [format!("<a>{inner}</a>"), inner] {
            laws::document(text.as_bytes());
            laws::document(&utf_16(&text));
        }
    }

    #[test]
    fn the_laws_hold_for_damaged_documents(at in 0..60_usize, to in any::<u8>(), cut in 0..60_usize) {
        let mut bytes = b"<?xml version='1.0'?><p:a xmlns:p='u' b='1'>x&lt;<c/>y</p:a>".to_vec();
        bytes[at] = to;
        laws::document(&bytes);
        laws::document(&bytes[cut..]);
        laws::document(&bytes[..cut]);
    }

    #[test]
    fn a_document_is_the_same_in_utf_8_and_in_utf_16(text in "[a-z\u{e4}\u{4e00}\u{1f600}]{0,80}", deep in 1..8_usize) {
        let document = format!("{}{text}{}", "<a b='\u{e4}'>".repeat(deep), "</a>".repeat(deep));
        let limits = XmlLimits::default();
        let mut one = XmlElement::read(document.as_bytes(), &limits).unwrap();
        let mut other = XmlElement::read(&utf_16(&document), &limits).unwrap();
        for element in [&mut one, &mut other] {
            forget_positions(element);
        }
        prop_assert_eq!(one, other);
    }
}

fn forget_positions(element: &mut XmlElement) {
    element.at = 0;
    element.children.iter_mut().for_each(forget_positions);
}
