//! Tests the report on a body, which helps to write a dialect.

use crate::asking;
use ucupdate_upx::{Codec, DecodeErrorKind, DecodeLimits, Dialect, MessageKind};

#[test]
fn the_report_lists_recognised_unknown_and_missing_items() {
    let body = "<Ask xmlns='urn:a'><DeviceType>UCPhone</DeviceType><Maker>Polycom</Maker><Modules>\
                <Module FileName='cpe.nbt'/></Modules></Ask>";
    let report = Codec::default().inspect(body.as_bytes()).to_string();
    assert_eq!(
        report,
        "looks like a request with 1 module\n\
         root `Ask`, unknown to the dialect\n\
         namespace \"\" is \"urn:a\"\n\
         recognised: 2\n  \
           DeviceType = \"UCPhone\"  (/Ask/DeviceType, byte 19)\n  \
           FileName = \"cpe.nbt\"  (/Ask/Modules/Module/@FileName, byte 90)\n\
         unknown: 2\n  \
           /Ask = \"\"  (byte 0)\n  \
           /Ask/Maker = \"Polycom\"  (byte 51)\n\
         missing: 10\n  \
           UserName  (optional)\n  \
           RequestDateTime  (optional)\n  \
           MacAddress  (optional)\n  \
           SerialNumber  (optional)\n  \
           Vendor  (required)\n  \
           Model  (required)\n  \
           Revision  (required)\n  \
           Locale  (required)\n  \
           Version of module 1  (optional)\n  \
           TimeStamp of module 1  (optional)\n\
         refused: request: Vendor is absent; Model is absent; Revision is absent; Locale is absent"
    );
}

#[test]
fn a_body_is_known_by_its_root_and_else_by_its_items() {
    let kind = |body: &str| Codec::default().inspect(body.as_bytes()).kind();
    assert_eq!(kind("<Response/>"), Some(MessageKind::Response));
    assert_eq!(kind("<x:Request xmlns:x='u'/>"), Some(MessageKind::Request));
    assert_eq!(kind("<a NumOfFiles='0'/>"), Some(MessageKind::Response));
    assert_eq!(kind("<a Vendor='v'/>"), Some(MessageKind::Request));
    assert_eq!(kind("<html/>"), None);
    assert_eq!(kind("hello"), None);
}

#[test]
fn a_refused_body_is_reported_as_far_as_it_can_be_read() {
    let codec = Codec::default();
    let found = codec.inspect(b"<!DOCTYPE a><Request><p:Vendor>Polycom</p:Vendor><Model>CX700");
    assert_eq!(found.recognised().len(), 2, "{found}");
    assert!(found.error().unwrap().to_string().contains("document type"));
    let found = codec.inspect(b"<Request><Vendor>Polycom</Vendor><Model>CX700</Modul>");
    assert_eq!(&*found.recognised()[1].value, "CX700");
    let found = codec.inspect(b"<Request><Vendor>Polycom</Vendor>\xff<Model>CX700</Model></Request>");
    assert_eq!((found.recognised().len(), found.error().unwrap().kind()), (1, DecodeErrorKind::Malformed));
    let found = codec.inspect(b"\xff\xfe\0\0");
    assert_eq!((found.kind(), found.error().unwrap().kind()), (None, DecodeErrorKind::Encoding));
    let taken = codec.inspect(asking("").as_bytes());
    assert!(taken.error().is_none() && taken.to_string().ends_with("accepted"));
    assert!(taken.is_root_known());
}

#[test]
fn an_overlong_attribute_and_an_overlong_element_are_shown_up_to_the_limit_and_refused() {
    let codec = Codec::new(Dialect::canonical(), DecodeLimits::default().with_text_bytes(12));
    for module in [
        "<Module FileName='häuser-and-more.nbt'/>",
        "<Module><FileName>häuser-and-more.nbt</FileName></Module>",
    ] {
        let found = codec.inspect(asking(module).as_bytes());
        let item = found.recognised().iter().find(|item| &*item.name == "FileName").unwrap();
        assert_eq!(&*item.value, "häuser-and-", "{module}");
        assert!(found.to_string().ends_with("has more than 12 bytes"), "{found}");
    }
}
