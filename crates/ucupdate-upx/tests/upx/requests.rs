//! Tests which bodies are read as a request, and which are refused.

use crate::{asking, request, request_refused};
use ucupdate_core::ReportedVersion;
use ucupdate_upx::{Codec, DecodeErrorKind, DecodeLimits, Dialect, Item};

#[test]
fn an_item_may_be_an_attribute_in_any_order_case_and_namespace() {
    let plain = request(&asking(
        "<MacAddress>0021630F207B</MacAddress><Modules><Module><FileName>cpe.nbt</FileName>\
         <Version>1.2</Version></Module></Modules>",
    ));
    for body in [
        "<Request DeviceType='UCPhone' Vendor='Polycom' Model='CX700' Revision='A' Locale='ENU' \
         MacAddress='0021630F207B'><Modules><Module FileName='cpe.nbt' Version='1.2'/></Modules></Request>",
        "<REQUEST><modules><MODULE><version>1.2</version><filename>cpe.nbt</filename></MODULE></modules>\
         <macaddress>0021630F207B</macaddress><locale>ENU</locale><revision>A</revision><model>CX700</model>\
         <vendor>Polycom</vendor><devicetype>UCPhone</devicetype></REQUEST>",
        "<u:Request xmlns:u='urn:u' xmlns='urn:d' u:Vendor='Polycom'><u:DeviceType>UCPhone</u:DeviceType>\
         <Model>CX700</Model><u:Revision>A</u:Revision><Locale>ENU</Locale><MacAddress>0021630F207B</MacAddress>\
         <Module><FileName>cpe.nbt</FileName><u:Version>1.2</u:Version></Module></u:Request>",
        "<!-- c --><Request>\r\n <DeviceType><![CDATA[UCPhone]]></DeviceType>\r\n <Vendor>Poly<!-- -->com</Vendor>\r\n\
         <Model>&#67;X&#x37;00</Model><Revision>&#65;</Revision><?p i?><Locale>\n ENU </Locale>\
         <MacAddress>0021630F207B</MacAddress><Modules><Module><FileName>cpe.nbt</FileName><Version>1.2</Version>\
         </Module></Modules></Request>\n<?end?>\n",
    ] {
        let found = request(body);
        assert_eq!(found.value, plain.value, "{body}");
        assert_eq!(found.unknown, [], "{body}");
    }
}

#[test]
fn required_items_that_are_absent_blank_or_twice_are_all_named() {
    let error = request_refused(
        "<Request><Vendor> \n</Vendor><Model>a</Model><MODEL>b</MODEL><Locale>ENU</Locale>\
         <UserName>u</UserName><UserName>u</UserName></Request>",
    );
    assert_eq!(error.kind(), DecodeErrorKind::Malformed);
    assert_eq!(
        error.to_string(),
        "request: DeviceType is absent; UserName at byte 80 is given twice; Vendor at byte 9 is blank; \
         Model at byte 28 is given twice; Revision is absent"
    );
    let long = request_refused(&asking("").replace("CX700", &"x".repeat(200)));
    assert_eq!(long.to_string(), "request: Model at byte 65 has 200 bytes, expected at most 128");
}

#[test]
fn the_other_items_may_be_absent() {
    let found = request(&asking("")).value;
    assert!(found.device.mac_address.is_blank() && found.device.serial_number.is_blank());
    assert!(found.user_name.is_empty() && found.modules.is_empty());
    assert!(request(&asking("<Modules/>")).value.modules.is_empty());
    assert!(request(&asking("<Modules>\n</Modules>")).value.modules.is_empty());
}

#[test]
fn texts_are_kept_as_sent() {
    let body = asking(
        "<MacAddress> 00-21</MacAddress><SerialNumber>a&#13;&#10;b</SerialNumber><UserName>\tx &amp; y\r\n</UserName>\
         <RequestDateTime>yesterday</RequestDateTime>",
    );
    let found = request(&body).value;
    assert_eq!(found.device.mac_address.raw(), " 00-21");
    assert_eq!(found.device.serial_number.raw(), "a\r\nb");
    assert_eq!(&*found.user_name, "\tx & y\n");
    assert_eq!(found.request_date_time.raw(), "yesterday");
    assert!(found.request_date_time.read().is_none());
}

#[test]
fn wrong_names_are_never_an_empty_request() {
    for (body, message) in [
        (
            "<Request/>",
            "body with root `Request` has no item of the dialect, expected root `Request` with \
          DeviceType, Vendor, Model, Revision, Locale",
        ),
        (
            "<html><body>x</body></html>",
            "body with root `html` has no item of the dialect, expected root `Request` with \
          DeviceType, Vendor, Model, Revision, Locale",
        ),
        (
            &asking("<Files><File><FileName>cpe.nbt</FileName></File></Files>"),
            "`FileName` at byte 140 is outside a module, expected it inside `Module`",
        ),
        (
            &asking("<Modules><Module><Name>cpe.nbt</Name></Module></Modules>"),
            "no module of the request can be read: FileName of module 1 at byte 136 is absent",
        ),
    ] {
        let error = request_refused(body);
        assert_eq!((error.kind(), error.to_string().as_str()), (DecodeErrorKind::Malformed, message));
    }
}

#[test]
fn the_same_items_under_another_root_are_read_and_the_root_reported() {
    let found = request(&asking("").replace("Request>", "Ask>"));
    assert_eq!(found.value.device.kind.vendor.as_str(), "Polycom");
    assert_eq!((&*found.unknown[0].path, found.unknown[0].at), ("/Ask", 0));
    let body = format!("<s:Envelope xmlns:s='urn:s'><s:Body>{}</s:Body></s:Envelope>", asking(""));
    let found = request(&body);
    assert_eq!(found.value.device.kind.model.as_str(), "CX700");
    assert_eq!(found.unknown.len(), 3);
    assert_eq!(&*found.unknown[2].path, "/s:Envelope/s:Body/Request");
}

#[test]
fn unknown_items_are_kept_with_their_positions() {
    let body = asking("<Power level='3'>PoE<Model>x</Model></Power>  stray<Vendor2/>");
    let found = request(&body);
    let unknown: Vec<(&str, &str)> = found.unknown.iter().map(|item| (&*item.path, &*item.value)).collect();
    assert_eq!(
        unknown,
        [
            ("/Request/Power", "PoE"),
            ("/Request/Power/@level", "3"),
            ("/Request/Power/Model", "x"),
            ("/Request/Vendor2", ""),
            ("/Request/text()", "  stray"),
        ]
    );
    for item in found.unknown.iter().filter(|item| !item.path.ends_with(')')) {
        let name = item.path.rsplit(['/', '@']).next().unwrap();
        assert!(body[item.at..].trim_start_matches('<').starts_with(name), "{item:?}");
    }
    // The item at the smaller depth counts, even if it comes later.
    let late =
        request(&format!("<Request><Group><Locale>DEU</Locale></Group>{}", &asking("")["<Request>".len()..]));
    assert_eq!(late.value.device.kind.locale.as_str(), "ENU");
    assert_eq!(&*late.unknown[1].path, "/Request/Group/Locale");
}

#[test]
fn one_bad_module_does_not_void_the_others() {
    let long = "x".repeat(DecodeLimits::default().text_bytes() + 1);
    let body = asking(&format!(
        "<Modules><Module><Version>1.0</Version></Module><Module><FileName> </FileName></Module>\
         <Module><FileName>a.nbt</FileName><FileName>b.nbt</FileName></Module>\
         <Module><FileName>{long}</FileName></Module>\
         <Module><FileName>cpe.nbt</FileName></Module>\
         <Module Version='v7'><FileName>../boot</FileName><Module><FileName>in</FileName></Module></Module></Modules>"
    ));
    let found = request(&body);
    let modules: Vec<_> =
        found.value.modules.iter().map(|module| (&*module.file_name, &module.version)).collect();
    let (none, v7) = (ReportedVersion::new(""), ReportedVersion::new("v7"));
    assert_eq!(modules, [("cpe.nbt", &none), ("../boot", &v7)]);
    let skipped: Vec<_> =
        found.skipped.iter().map(|problem| (problem.module, problem.fault.to_string())).collect();
    assert_eq!(
        skipped,
        [
            (Some(1), "is absent".to_owned()),
            (Some(2), "is blank".to_owned()),
            (Some(3), "is given twice".to_owned()),
            (Some(4), "has more than 1024 bytes".to_owned()),
        ]
    );
}

#[test]
fn a_dialect_changes_the_names_and_nothing_else() {
    let dialect = Dialect::canonical()
        .with_name(Item::RequestRoot, "DeviceUpdate")
        .and_then(|dialect| dialect.with_name(Item::Vendor, "Supplier"))
        .and_then(|dialect| dialect.with_alias(Item::Vendor, "Maker"))
        .and_then(|dialect| dialect.with_request_namespace("urn:a&\"b"))
        .unwrap();
    let codec = Codec::new(dialect, DecodeLimits::default());
    let value = request(&asking("")).value;
    let written = codec.encode_request(&value);
    let text = String::from_utf8(written.clone()).unwrap();
    assert!(text.contains("<DeviceUpdate xmlns=\"urn:a&amp;&quot;b\"><DeviceType>"), "{text}");
    assert!(text.contains("<Supplier>Polycom</Supplier>"), "{text}");
    assert_eq!(codec.decode_request(&written).unwrap().value, value);
    let alias = text.replace("Supplier>", "maker>");
    assert_eq!(codec.decode_request(alias.as_bytes()).unwrap().value, value);
    assert_eq!(request_refused(&text).to_string(), "request: Vendor is absent");
}

#[test]
fn a_request_in_utf_16_is_read_with_a_mark_and_without() {
    let body =
        asking("<UserName>J\u{fc}rgen</UserName><Modules><Module FileName='cpe.nbt'/></Modules><Power/>");
    let plain = request(&body);
    for start in ["", "<?xml version=\"1.0\" encoding=\"utf-16\"?>", "<?xml version='1.0'?>\r\n"] {
        for mark in ["", "\u{feff}"] {
            let units: Vec<u16> = format!("{mark}{start}{body}").encode_utf16().collect();
            for unit in [u16::to_le_bytes, u16::to_be_bytes] {
                let bytes: Vec<u8> = units.iter().copied().flat_map(unit).collect();
                let found = Codec::default().decode_request(&bytes).unwrap();
                assert_eq!(found.value, plain.value, "{mark:?}{start}");
                let before = format!("{mark}{start}{}", &body[..plain.unknown[0].at]).encode_utf16().count();
                assert_eq!(found.unknown[0].at, 2 * before, "the position counts the bytes of the body");
            }
        }
    }
    let other = Codec::default().decode_request(b"<?xml version='1.0' encoding='windows-1252'?><Request/>");
    assert_eq!(other.unwrap_err().kind(), DecodeErrorKind::Encoding);
}

/// A malformed body is refused with a reason. It is never read as an empty request.
#[test]
fn a_malformed_request_is_refused_with_a_reason_and_a_position() {
    for (body, message) in [
        ("", "body is empty, expected a request"),
        ("{}", "at byte 0: found '{', expected `<`"),
        ("<Request><Vendor>", "at byte 17: document ends inside `Vendor`, expected `</Vendor>`"),
        (
            "<Request/><Request/>",
            "at byte 10: found a second root element `Request`, expected the end of the document",
        ),
        ("<!DOCTYPE a><Request/>", "at byte 0: found a document type declaration, which is not allowed"),
    ] {
        let error = request_refused(body);
        assert_eq!((error.kind(), error.to_string().as_str()), (DecodeErrorKind::Malformed, message));
    }
}

#[test]
fn the_vendor_may_be_called_brand_and_its_own_name_prevails() {
    let plain = request(&asking("<Modules><Module FileName='cpe.nbt'/></Modules>"));
    let body = asking("<Modules><Module FileName='cpe.nbt'/></Modules>").replace("Vendor>", "Brand>");
    assert_eq!(request(&body).value, plain.value);
    assert_eq!(request(&body).unknown, []);
    assert!(Codec::default().encode_request(&plain.value).windows(8).any(|part| part == b"<Vendor>"));
    for both in [asking("<Brand>LG</Brand>"), asking("").replace("<Vendor>", "<Brand>LG</Brand><Vendor>")] {
        let found = request(&both);
        assert_eq!(found.value.device.kind.vendor.as_str(), "Polycom", "{both}");
        let unknown: Vec<_> = found.unknown.iter().map(|item| (&*item.path, &*item.value)).collect();
        assert_eq!(unknown, [("/Request/Brand", "LG")]);
    }
    let twice = request_refused(
        &asking("")
            .replace("<Vendor>", "<Brand>a</Brand><Brand>b</Brand><Name>")
            .replace("</Vendor>", "</Name>"),
    );
    assert_eq!(twice.to_string(), "request: Vendor at byte 41 is given twice");
}
