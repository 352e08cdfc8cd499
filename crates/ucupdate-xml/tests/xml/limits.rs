//! Checks that each limit is enforced, and that a document just within the limit is read.

use ucupdate_xml::{XmlElement, XmlErrorKind, XmlLimit, XmlLimits};

/// Checks that `make(n)` is read with the limit `n`, and refused with the limit `n - 1`.
#[track_caller]
fn reached(limit: XmlLimit, with: fn(XmlLimits, usize) -> XmlLimits, make: impl Fn(usize) -> String) {
    let most = 40;
    let document = make(most);
    let read = |most: usize| XmlElement::read(document.as_bytes(), &with(XmlLimits::default(), most));
    read(most).unwrap();
    let error = read(most - 1).unwrap_err();
    assert_eq!(*error.kind(), XmlErrorKind::Limit { limit, most: most - 1 });
    assert!(error.at() <= document.len());
}

fn numbered(count: usize, name: &str) -> String {
    (0..count).map(|number| format!(" {name}{number}='u'")).collect()
}

#[test]
fn reading_ends_at_each_number() {
    reached(XmlLimit::Bytes, XmlLimits::with_bytes, |most| format!("<a>{}</a>", "x".repeat(most - 7)));
    reached(XmlLimit::Elements, XmlLimits::with_elements, |most| {
        format!("<a>{}</a>", "<b/>".repeat(most - 1))
    });
    reached(XmlLimit::Markup, XmlLimits::with_markup, |most| {
        let pieces = ["<!---->", "<?a?>", "&#32;", "<![CDATA[]]>"].into_iter().cycle().take(most - 1);
        format!("<a>{}</a>", pieces.collect::<String>())
    });
    reached(XmlLimit::Markup, XmlLimits::with_markup, |most| {
        format!("<a b=''>{}</a>", "<c d=''/>".repeat(most / 2 - 1))
    });
    reached(XmlLimit::Depth, XmlLimits::with_depth, |most| "<a>".repeat(most) + &"</a>".repeat(most));
    reached(
        XmlLimit::Attributes,
        |limits, most| limits.with_attributes(most),
        |most| format!("<a{}/>", numbered(most, "b")),
    );
    reached(
        XmlLimit::Namespaces,
        |limits, most| limits.with_namespaces(most).with_attributes(40),
        |most| {
            format!(
                "<a xmlns='u'><b{}/><b{}/></a>",
                numbered(most - 1, "xmlns:p"),
                numbered(most - 1, "xmlns:p")
            )
        },
    );
    reached(XmlLimit::NameBytes, XmlLimits::with_name_bytes, |most| format!("<{}/>", "a".repeat(most)));
    reached(XmlLimit::NameBytes, XmlLimits::with_name_bytes, |most| format!("<a {}=''/>", "a".repeat(most)));
}

/// Divides the bombs and the limits that they end at. Under Miri they are smaller.
const PART: usize = if cfg!(miri) { 10 } else { 1 };

/// Returns documents of nearly 64 KiB that are made to cost time or memory.
fn bombs() -> Vec<(&'static str, String)> {
    let fill = |piece: &str| piece.repeat(60 * 1024 / PART / piece.len());
    vec![
        ("depth", fill("<a>")),
        ("elements", format!("<a>{}</a>", fill("<b/>"))),
        ("attributes", format!("<a{}/>", numbered(4000 / PART, "b"))),
        ("namespaces", format!("<a{}/>", numbered(3000 / PART, "xmlns:p"))),
        ("nested_namespaces", fill("<a xmlns:p='u'>")),
        ("spread_attributes", format!("<a>{}</a>", fill(&format!("<b{}/>", numbered(32, "c"))))),
        ("references", format!("<a>{}</a>", fill("&lt;"))),
        ("comments", format!("<a>{}</a>", fill("<!---->"))),
        ("long_name", fill("a").replacen('a', "<", 1) + "/>"),
    ]
}

#[test]
fn every_bomb_ends_at_a_limit_and_an_entity_bomb_at_its_first_byte() {
    let limits = XmlLimits::default();
    let limits = if cfg!(miri) { limits.with_elements(1024 / PART).with_markup(4096 / PART) } else { limits };
    let read = |document: &[u8]| XmlElement::read(document, &limits).unwrap_err();
    for (name, bomb) in bombs() {
        assert!(bomb.len() <= limits.bytes(), "{name}");
        let error = read(bomb.as_bytes());
        assert!(matches!(error.kind(), XmlErrorKind::Limit { .. }), "{name}: {error}");
    }
    let entities = format!("<!DOCTYPE a [{}]><a>&b;</a>", "<!ENTITY b '&b;&b;'>".repeat(3000 / PART));
    assert_eq!(read(entities.as_bytes()).kind(), &XmlErrorKind::DocType);
    assert_eq!(read(entities.as_bytes()).at(), 0);
}
