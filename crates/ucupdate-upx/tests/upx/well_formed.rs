//! What quick-xml lets pass and XML does not is refused, each with its place.

use crate::{asking, request, request_refused};
use ucupdate_upx::DecodeErrorKind;

#[track_caller]
fn refused(body: &str, message: &str) {
    let error = request_refused(body);
    assert_eq!((error.kind(), error.to_string().as_str()), (DecodeErrorKind::Malformed, message), "{body}");
}

#[test]
fn a_document_is_one_element_and_whole() {
    refused("<a/><b/>", "at byte 4: second root element `b`");
    refused("<a></a> x", "at byte 7: text outside the root element");
    refused("<a></a>&amp;", "at byte 7: text outside the root element");
    refused("<a></a><![CDATA[]]>", "at byte 7: text outside the root element");
    refused("<a><b></b>", "at byte 10: body ends in `a`, expected `</a>`");
    refused("<a><b></a>", "at byte 6: found `</a>`, expected `</b>`");
    refused("<a/></a>", "at byte 4: found `</a>`, expected `</>`");
    refused("<a></a b='1'>", "at byte 3: found `</a b='1'>`, expected `</a>`");
    refused("<!-- x -->", "at byte 10: body ends, expected an element");
    refused("<a", "at byte 0: tag without an end");
    refused("<", "at byte 0: tag without an end");
}

#[test]
fn document_types_and_late_declarations_are_refused() {
    refused("<!DOCTYPE a><a/>", "at byte 0: document type declaration, which is not taken");
    refused("<!doctype a><a/>", "at byte 0: document type declaration, which is not taken");
    refused(
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "at byte 0: document type declaration, which is not taken",
    );
    refused("<a/><?xml version=\"1.0\"?>", "at byte 4: XML declaration, which may only stand at the start");
    refused(" <?xml version=\"1.0\"?><a/>", "at byte 1: XML declaration, which may only stand at the start");
    refused("<a/><?XML x?>", "at byte 4: processing instruction without a proper name");
    refused("<? x?><a/>", "at byte 0: processing instruction without a proper name");
}

#[test]
fn names_and_prefixes_are_those_of_xml() {
    refused("<1a/>", "at byte 1: `1a` is no name of XML");
    refused("< a/>", "at byte 1: `` is no name of XML");
    refused("<a:b:c/>", "at byte 1: `a:b:c` is no name of XML");
    refused("<a><b.-\u{7}/></a>", "at byte 7: character U+0007 is none of XML 1.0");
    refused("<p:a/>", "at byte 1: prefix `p` has no namespace");
    refused("<a p:b='1'/>", "at byte 3: prefix `p` has no namespace");
    refused("<a><b xmlns:p='u'/><p:c/></a>", "at byte 20: prefix `p` has no namespace");
    refused("<a><b xmlns:p='u'></b><p:c/></a>", "at byte 23: prefix `p` has no namespace");
    refused("<a xmlns:p=''/>", "at byte 3: namespace of `xmlns:p` may not be declared so");
    refused("<a xmlns:xml='u'/>", "at byte 3: namespace of `xmlns:xml` may not be declared so");
    let kept = "<x xmlns:p='u' xml:lang='en'><p:y p:z='1'/></x>";
    assert_eq!(request(&asking(kept)).unknown_count, 4);
}

#[test]
fn attributes_are_apart_quoted_and_once() {
    for tag in ["<a b='1'c='2'/>", "<a b/>", "<a b=1/>", "<a b='<'/>", "<a b c='1'/>", "<a 'b'/>"] {
        let error = request_refused(tag).to_string();
        assert!(error.ends_with("expected an attribute as `name=\"value\"`"), "{tag}: {error}");
    }
    refused("<a b='1' b='2'/>", "at byte 9: attribute `b` is given twice");
    refused(
        "<a b='&x;'/>",
        "at byte 3: reference `&x;`, expected one of `lt`, `gt`, `amp`, `quot`, `apos` or a number",
    );
    refused("<a 1='2'/>", "at byte 3: `1` is no name of XML");
}

#[test]
fn text_holds_what_xml_allows() {
    refused("<a>\u{0}</a>", "at byte 3: character U+0000 is none of XML 1.0");
    refused("<a>\u{fffe}</a>", "at byte 3: character U+FFFE is none of XML 1.0");
    refused("<a>&#0;</a>", "at byte 3: character U+0000 is none of XML 1.0");
    refused("<a>&#xD800;</a>", "at byte 3: character U+D800 is none of XML 1.0");
    refused("<a>x]]>y</a>", "at byte 4: `]]>` in text");
    refused("<a>&x</a>", "at byte 3: `&` without `;`");
    refused("<a><!-- a -- b --></a>", "at byte 3: `--` in a comment");
    refused("<a><!-- a ---></a>", "at byte 3: `--` in a comment");
    refused("<a><!-- a </a>", "at byte 3: comment without an end");
    refused("<a><![CDATA[ </a>", "at byte 3: CDATA section without an end");
    refused(
        "<a>&nbsp;</a>",
        "at byte 3: reference `&nbsp;`, expected one of `lt`, `gt`, `amp`, `quot`, `apos` or a number",
    );
    let kept = "<UserName>]]&gt;<![CDATA[<&]] >]]>\u{1F600}&#x1F600;]</UserName>";
    assert_eq!(&*request(&asking(kept)).value.user_name, "]]><&]] >\u{1F600}\u{1F600}]");
}

#[test]
fn offsets_count_from_the_start_of_the_body() {
    let error = request_refused("\u{feff}<?xml version='1.0'?>\n<a><p:b/></a>");
    assert_eq!(error.to_string(), "at byte 29: prefix `p` has no namespace");
}

#[test]
fn a_foreign_name_is_quoted_shortened_and_on_one_line() {
    let error = request_refused(&format!("<a></{}\n\u{2028}x>", "b".repeat(100))).to_string();
    assert_eq!(error, format!("at byte 3: found `</{}...>`, expected `</a>`", "b".repeat(64)));
    let error = request_refused("<a></b\n\u{2028}x>").to_string();
    assert_eq!(error, "at byte 3: found `</b??x>`, expected `</a>`");
}
