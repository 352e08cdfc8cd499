//! Checks that every fault that quick-xml accepts is refused with its position.

use ucupdate_xml::{XmlElement, XmlLimits};

fn read(document: &str) -> Result<XmlElement, String> {
    XmlElement::read(document.as_bytes(), &XmlLimits::default()).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(document: &str, message: &str) {
    assert_eq!(read(document).unwrap_err(), message, "{document}");
}

#[test]
fn a_document_is_one_element_and_whole() {
    refused("<a/><b/>", "at byte 4: found a second root element `b`, expected the end of the document");
    refused("<a></a> x", "at byte 7: found text outside the root element");
    refused("<a></a>&amp;", "at byte 7: found text outside the root element");
    refused("<a></a><![CDATA[]]>", "at byte 7: found text outside the root element");
    refused("<a><b></b>", "at byte 10: document ends inside `a`, expected `</a>`");
    refused("<a><b></a>", "at byte 6: found `</a>`, expected `</b>`");
    refused("<a/></a>", "at byte 4: found `</a>`, but no element is open");
    refused("<a></a b='1'>", "at byte 3: found `</a b='1'>`, expected `</a>`");
    refused("<!-- x -->", "at byte 10: document ends, expected an element");
    refused("<a", "at byte 0: tag without an end");
    refused("<", "at byte 0: tag without an end");
}

#[test]
fn document_types_and_late_declarations_are_refused() {
    refused("<!DOCTYPE a><a/>", "at byte 0: found a document type declaration, which is not allowed");
    refused("<!doctype a><a/>", "at byte 0: found a document type declaration, which is not allowed");
    refused(
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "at byte 0: found a document type declaration, which is not allowed",
    );
    refused(
        "<a/><?xml version=\"1.0\"?>",
        "at byte 4: found an XML declaration, which is only allowed at the start",
    );
    refused(
        " <?xml version=\"1.0\"?><a/>",
        "at byte 1: found an XML declaration, which is only allowed at the start",
    );
    refused("<a/><?XML x?>", "at byte 4: processing instruction has no valid name");
    refused("<? x?><a/>", "at byte 0: processing instruction has no valid name");
}

#[test]
fn names_and_prefixes_are_those_of_xml() {
    refused("<1a/>", "at byte 1: `1a` is not an XML name");
    refused("< a/>", "at byte 1: `` is not an XML name");
    refused("<a:b:c/>", "at byte 1: `a:b:c` is not an XML name");
    refused("<a><b.-\u{7}/></a>", "at byte 7: character U+0007 is not allowed in XML 1.0");
    refused("<p:a/>", "at byte 1: prefix `p` has no namespace declaration");
    refused("<a p:b='1'/>", "at byte 3: prefix `p` has no namespace declaration");
    refused("<a><b xmlns:p='u'/><p:c/></a>", "at byte 20: prefix `p` has no namespace declaration");
    refused("<a><b xmlns:p='u'></b><p:c/></a>", "at byte 23: prefix `p` has no namespace declaration");
    refused("<a xmlns:p=''/>", "at byte 3: namespace declaration `xmlns:p` is not allowed");
    refused("<a xmlns:xml='u'/>", "at byte 3: namespace declaration `xmlns:xml` is not allowed");
    let kept = "<x xmlns:p='u' xml:lang='en'><p:y p:z='1'/></x>";
    assert_eq!(read(kept).unwrap().children[0].attributes, [("z".to_owned(), "1".to_owned())]);
}

#[test]
fn attributes_are_apart_quoted_and_once() {
    for tag in ["<a b='1'c='2'/>", "<a b/>", "<a b=1/>", "<a b='<'/>", "<a b c='1'/>", "<a 'b'/>"] {
        let error = read(tag).unwrap_err();
        assert!(error.ends_with("malformed attribute, expected ` name=\"value\"`"), "{tag}: {error}");
    }
    refused("<a b='1' b='2'/>", "at byte 9: attribute `b` is given twice");
    refused(
        "<a b='&x;'/>",
        "at byte 3: reference `&x;`, expected one of `lt`, `gt`, `amp`, `quot`, `apos` or a number",
    );
    refused("<a 1='2'/>", "at byte 3: `1` is not an XML name");
}

#[test]
fn text_holds_what_xml_allows() {
    refused("<a>\u{0}</a>", "at byte 3: character U+0000 is not allowed in XML 1.0");
    refused("<a>\u{fffe}</a>", "at byte 3: character U+FFFE is not allowed in XML 1.0");
    refused("<a>&#0;</a>", "at byte 3: character U+0000 is not allowed in XML 1.0");
    refused("<a>&#xD800;</a>", "at byte 3: character U+D800 is not allowed in XML 1.0");
    refused("<a>x]]>y</a>", "at byte 4: found `]]>` in text, expected `]]&gt;`");
    refused("<a>&x</a>", "at byte 3: `&` without `;`");
    refused("<a><!-- a -- b --></a>", "at byte 3: found `--` in a comment");
    refused("<a><!-- a ---></a>", "at byte 3: found `--` in a comment");
    refused("<a><!-- a </a>", "at byte 3: comment without an end");
    refused("<a><![CDATA[ </a>", "at byte 3: CDATA section without an end");
    refused(
        "<a>&nbsp;</a>",
        "at byte 3: reference `&nbsp;`, expected one of `lt`, `gt`, `amp`, `quot`, `apos` or a number",
    );
    let kept = "<a>]]&gt;<![CDATA[<&]] >]]>\u{1F600}&#x1F600;]</a>";
    assert_eq!(read(kept).unwrap().text, "]]><&]] >\u{1F600}\u{1F600}]");
}

#[test]
fn offsets_count_from_the_start_of_the_body() {
    let error = read("\u{feff}<?xml version='1.0'?>\n<a><p:b/></a>").unwrap_err();
    assert_eq!(error, "at byte 29: prefix `p` has no namespace declaration");
}

#[test]
fn a_foreign_name_is_quoted_shortened_and_on_one_line() {
    let error = read(&format!("<a></{}\n\u{2028}x>", "b".repeat(100))).unwrap_err();
    assert_eq!(error, format!("at byte 3: found `</{}...>`, expected `</a>`", "b".repeat(64)));
    let error = read("<a></b\n\u{2028}x>").unwrap_err();
    assert_eq!(error, "at byte 3: found `</b??x>`, expected `</a>`");
}
