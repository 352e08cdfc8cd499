//! Laws that hold for all messages and for all bytes.

use proptest::prelude::*;
use ucupdate_core::device::KindWord;
use ucupdate_core::request::{InstalledModule, OfferedModule};
use ucupdate_core::value::{FileName, Reported};
use ucupdate_core::{Device, DeviceKind, ReportedVersion, UpdateRequest, UpdateResponse};
use ucupdate_upx::{Codec, laws};

/// Returns any text that XML allows. Special characters are frequent.
fn text() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        Just('\r'),
        Just('\n'),
        Just('\t'),
        Just(' '),
        Just('<'),
        Just('&'),
        Just('>'),
        Just(']'),
        Just('"'),
        Just('\u{85}'),
        Just('\u{2028}'),
        Just('\u{fffd}'),
        Just('\u{ef00}'),
        Just('\u{10ffff}'),
        proptest::char::range(' ', '\u{d7ff}'),
    ];
    proptest::collection::vec(one, 0..12).prop_map(String::from_iter)
}

fn label() -> impl Strategy<Value = String> {
    "[!-~\u{e4}\u{4e00}]{1,20}"
}

fn file_name() -> impl Strategy<Value = FileName> {
    "[a-zA-Z&\u{e4}][a-z &'-]{0,8}\\.[a-z]{3}"
        .prop_filter_map("a Windows device", |name| name.parse::<FileName>().ok())
}

fn installed() -> impl Strategy<Value = InstalledModule> {
    (text(), text(), text()).prop_map(|(name, version, stamp)| InstalledModule {
        file_name: format!("x{name}").into(),
        version: ReportedVersion::new(&version),
        time_stamp: Reported::new(&stamp),
    })
}

fn offered() -> impl Strategy<Value = OfferedModule> {
    (file_name(), file_name(), text(), text(), text(), text()).prop_map(
        |(file_name, signature_file_name, version, stamp, base, external)| OfferedModule {
            file_name,
            signature_file_name,
            version: ReportedVersion::new(&version),
            time_stamp: Reported::new(&stamp),
            base_url: base.into(),
            external_base_url: external.into(),
        },
    )
}

fn device() -> impl Strategy<Value = Device> {
    ([(); KindWord::COUNT].map(|()| label()), text(), text()).prop_map(|(labels, mac, serial)| Device {
        kind: DeviceKind::from_words(labels).unwrap(),
        mac_address: Reported::new(&mac),
        serial_number: Reported::new(&serial),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 128 }))]

    #[test]
    fn a_request_is_read_as_it_was_written(
        device in device(), user in text(), clock in text(), modules in prop::collection::vec(installed(), 0..4),
    ) {
        let request = UpdateRequest {
            device, user_name: user.into(), request_date_time: Reported::new(&clock), modules,
        };
        let written = Codec::default().encode_request(&request);
        let decoded = Codec::default().decode_request(&written).unwrap();
        prop_assert_eq!(&decoded.value, &request);
        prop_assert_eq!(decoded.unknown_count + decoded.skipped.len(), 0);
        laws::request(&written);
    }

    #[test]
    fn a_response_is_read_as_it_was_written(modules in prop::collection::vec(offered(), 0..4)) {
        let response = UpdateResponse { modules };
        let written = Codec::default().encode_response(&response);
        let decoded = Codec::default().decode_response(&written).unwrap();
        prop_assert_eq!(&decoded.value, &response);
        prop_assert_eq!(decoded.unknown_count, 0);
        laws::response(&written);
    }

    #[test]
    fn any_text_at_all_is_written_as_something_that_is_read(name in "(?s).{0,20}") {
        let response = UpdateResponse::default();
        prop_assert!(Codec::default().decode_response(&Codec::default().encode_response(&response)).is_ok());
        let body = crate::asking("");
        let mut request = crate::request(&body).value;
        request.user_name = name.as_str().into();
        let read = Codec::default().decode_request(&Codec::default().encode_request(&request)).unwrap();
        let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        let expected: String = name.chars().map(|c| if legal(c) { c } else { '\u{fffd}' }).collect();
        prop_assert_eq!(&*read.value.user_name, expected.as_str());
    }

    #[test]
    fn the_laws_hold_for_damaged_bodies(at in 0..460_usize, to in any::<u8>(), cut in 0..460_usize) {
        let mut body = include_bytes!("../../../../vectors/canonical-request.xml").to_vec();
        body[at] = to;
        laws::request(&body);
        laws::request(&body[cut..]);
        laws::response(&body[..cut]);
        let mut body = include_bytes!("../../../../vectors/canonical-offer.xml").to_vec();
        body[at.min(400)] = to;
        laws::response(&body);
        laws::response(&body[..cut.min(400)]);
    }

    #[test]
    fn the_laws_hold_for_markup_of_any_kind(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24)) {
        let body = pieces.concat();
        laws::request(body.as_bytes());
        laws::response(body.as_bytes());
        laws::request(crate::asking(&body).as_bytes());
        laws::response(format!("<Response><NumOfFiles>0</NumOfFiles>{body}</Response>").as_bytes());
    }
}

const PIECES: &[&str] = &[
    "<Request>",
    "</Request>",
    "<Response>",
    "</Response>",
    "<Modules>",
    "</Modules>",
    "<Module>",
    "</Module>",
    "<Module FileName='a.nbt'/>",
    "<FileName>a&amp;b</FileName>",
    "<Vendor>",
    "</Vendor>",
    "<x a='1'>",
    "</x>",
    "text",
    " ",
    "&#13;",
    "&lt;",
    "<![CDATA[x]]>",
    "<!-- c -->",
    "<?p?>",
    "]]>",
    "\u{e4}",
    "<p:a xmlns:p='u'/>",
    "<p:a/>",
    "<NumOfFiles>1</NumOfFiles>",
    "<Version/>",
    "<SignatureFileName>c.cat</SignatureFileName>",
    "\"",
    "\0",
    "&",
    "<",
];
