//! Tests of catalogues that are made by code, whole and damaged.

use super::oid::{SHA1, SHA256};
use super::*;
use crate::package::builder::catalogue::{CatalogueBuilder, wrap};
use crate::package::builder::test_signing::{Signing, moment, signed};
use crate::package::digest::sha1_of;
use crate::package::limits::PackageLimits;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode};
use proptest::prelude::*;
use ucupdate_core::value::Sha256Digest;

const IMAGE: &[u8] = b"the bytes of an image";

fn read(bytes: &[u8]) -> Result<Catalogue, CatalogueError> {
    Catalogue::read(bytes, &PackageLimits::default())
}

fn unsigned() -> Vec<u8> {
    CatalogueBuilder::new().with_image("CPE.nbt", IMAGE).build().unwrap()
}

fn listing(bytes: &[u8], image: &[u8]) -> Listing {
    read(bytes).unwrap().listing(Some(&sha1_of(image)), &Sha256Digest::of(image))
}

#[test]
fn a_catalogue_speaks_for_files_by_sha1() {
    let catalogue = read(&unsigned()).unwrap();
    let [member] = &catalogue.members[..] else { panic!("{catalogue:?}") };
    assert_eq!(member.file.as_deref(), Some("CPE.nbt"));
    assert_eq!(member.tag, sha1_of(IMAGE).to_string().to_uppercase());
    assert_eq!(member.digest, Some(MemberDigest::Sha1(sha1_of(IMAGE))));
    assert_eq!(listing(&unsigned(), IMAGE), Listing::Listed);
    assert_eq!(listing(&unsigned(), b"forged"), Listing::NotListed);
}

#[test]
fn a_catalogue_speaks_for_files_by_sha256() {
    let bytes = CatalogueBuilder::new().with_sha256().with_image("CPE.nbt", IMAGE).build().unwrap();
    let catalogue = read(&bytes).unwrap();
    assert_eq!(catalogue.members[0].digest, Some(MemberDigest::Sha256(Sha256Digest::of(IMAGE))));
    assert_eq!(catalogue.members[0].tag, Sha256Digest::of(IMAGE).to_string());
    assert_eq!(catalogue.listing(None, &Sha256Digest::of(IMAGE)), Listing::Listed);
    assert_eq!(catalogue.listing(None, &Sha256Digest::of(b"forged")), Listing::NotListed);
}

#[test]
fn an_identifier_is_the_digest_where_nothing_else_says_one() {
    let sha1 = sha1_of(IMAGE);
    for identifier in [
        sha1.as_bytes().to_vec(),
        Sha256Digest::of(IMAGE).as_bytes().to_vec(),
        sha1.to_string().encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ] {
        let with_attributes = unsigned();
        let list = ContentInfo::from_der(&with_attributes).unwrap();
        let list: SignedData = list.content.decode_as().unwrap();
        let list = list.encap_content_info.econtent.unwrap();
        let subject_at = list.value().windows(4).rposition(|it| it[0] == 0x04 && it[1] == 82).unwrap() - 3;
        let identifier = OctetString::new(identifier).unwrap().to_der().unwrap();
        let subject = Any::new(der::Tag::Sequence, identifier).unwrap().to_der().unwrap();
        let subjects = Any::new(der::Tag::Sequence, subject).unwrap().to_der().unwrap();
        // The list is cut before its subjects. Their header has three bytes, because they have more than 127 bytes.
        let mut value = list.value()[..subject_at - 3].to_vec();
        value.extend(subjects);
        let bytes = wrap(Any::new(der::Tag::Sequence, value).unwrap(), Vec::new(), Vec::new()).unwrap();
        assert_eq!(listing(&bytes, IMAGE), Listing::Listed);
        assert_eq!(read(&bytes).unwrap().members[0].file, None);
    }
}

#[test]
fn digests_of_another_algorithm_leave_nothing_to_compare() {
    let md5 = MemberDigest::Other { algorithm: "1.2.840.113549.2.5".to_owned(), bytes: vec![0xab; 16] };
    let bytes = CatalogueBuilder::new().with_digest("CPE.nbt", md5.clone()).build().unwrap();
    assert_eq!(listing(&bytes, IMAGE), Listing::NothingToCompare);
    assert_eq!(read(&bytes).unwrap().members[0].digest, Some(md5.clone()));
    assert_eq!(md5.to_string(), format!("1.2.840.113549.2.5 {}", "ab".repeat(16)));
    let empty = CatalogueBuilder::new().build().unwrap();
    assert_eq!(listing(&empty, IMAGE), Listing::NotListed);
}

#[test]
fn the_signer_and_its_validity_are_reported() {
    let builder = CatalogueBuilder::new().with_image("CPE.nbt", IMAGE);
    let catalogue = read(&signed(&builder, &Signing::default())).unwrap();
    let [signer] = &catalogue.signers[..] else { panic!("{catalogue:?}") };
    assert_eq!(signer.subject.as_deref(), Some("CN=Example Phones,O=Example"));
    assert_eq!(signer.issuer.as_deref(), Some("CN=Example Code Signing CA,O=Example"));
    assert_eq!(signer.serial_number.as_deref(), Some("6102ff"));
    assert_eq!(signer.not_before, Some(moment("01-02-2008 00:00:00")));
    assert_eq!(signer.not_after, Some(moment("02-01-2011 03:04:05")));
    assert_eq!(signer.signed_at, Some(moment("16-12-2008 05:00:00")));
    assert_eq!(signer.content, SignedContent::Matches);

    let later = signed(&builder, &Signing { year_of_end: 2060, ..Signing::default() });
    assert_eq!(read(&later).unwrap().signers[0].not_after, Some(moment("02-01-2060 03:04:05")));
    let absent = signed(&builder, &Signing { with_certificate: false, ..Signing::default() });
    assert_eq!(read(&absent).unwrap().signers[0].subject, None);
    assert_eq!(read(&absent).unwrap().signers[0].serial_number.as_deref(), Some("6102ff"));
}

#[test]
fn a_list_that_was_changed_after_signing_is_found_out() {
    let builder = CatalogueBuilder::new().with_image("CPE.nbt", IMAGE);
    for algorithm in [SHA1, SHA256] {
        let honest = signed(&builder, &Signing { algorithm, ..Signing::default() });
        assert_eq!(read(&honest).unwrap().signers[0].content, SignedContent::Matches);
        let other = Some(b"another list".to_vec());
        let forged = signed(&builder, &Signing { algorithm, digest_of: other, ..Signing::default() });
        assert_eq!(read(&forged).unwrap().signers[0].content, SignedContent::Differs);
    }
    let unknown = ObjectIdentifier::new_unwrap("1.2.840.113549.2.5");
    let bytes = signed(&builder, &Signing { algorithm: unknown, ..Signing::default() });
    assert_eq!(read(&bytes).unwrap().signers[0].content, SignedContent::Unknown);
}

/// Checks that an independent reader, the `cms` crate, can read the catalogues of the builder.
#[test]
fn the_cms_crate_reads_our_catalogues() {
    let builder = CatalogueBuilder::new().with_image("CPE.nbt", IMAGE);
    for bytes in [unsigned(), signed(&builder, &Signing::default())] {
        let info = ContentInfo::from_der(&bytes).unwrap();
        let data: SignedData = info.content.decode_as().unwrap();
        assert_eq!(data.encap_content_info.econtent_type.to_string(), "1.3.6.1.4.1.311.10.1");
        assert_eq!(data.signer_infos.0.len(), read(&bytes).unwrap().signers.len());
        assert_eq!(info.to_der().unwrap(), bytes);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(unsigned(), unsigned());
    assert_eq!(
        CatalogueBuilder::new().with_time(FieldTime::FILETIME_ZERO).build().unwrap_err().to_string(),
        "catalogue cannot be written: date/time error"
    );
}

#[test]
fn a_catalogue_cut_short_anywhere_is_refused() {
    let whole = signed(&CatalogueBuilder::new().with_image("CPE.nbt", IMAGE), &Signing::default());
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "cut at {length}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(read(&longer).is_err());
}

#[test]
fn what_is_no_catalogue_says_where() {
    let refused = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert_eq!(refused(b""), "no bytes instead of DER");
    assert_eq!(refused(&[0x02, 0x01, 0x00]), "content info: expected SEQUENCE, found INTEGER at byte 0");
    assert_eq!(refused(&[0x30, 0x80, 0x00, 0x00]), "content info: indefinite length disallowed, at byte 0");
    let data = [0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    assert_eq!(
        refused(&data),
        "content info: expected signed data (1.2.840.113549.1.7.2), found 1.2.840.113549.1.7.1 at byte 2"
    );
}

#[test]
fn a_catalogue_beyond_a_limit_is_refused() {
    let limits = |bytes: usize, members: usize| {
        let mut limits = PackageLimits::default();
        (limits.catalogue_bytes, limits.catalogue_members) = (bytes, members);
        limits
    };
    let bytes = CatalogueBuilder::new().with_image("A.nbt", b"a").with_image("B.nbt", b"b").build().unwrap();
    assert!(Catalogue::read(&bytes, &limits(bytes.len(), 2)).is_ok());
    assert_eq!(
        Catalogue::read(&bytes, &limits(bytes.len() - 1, 2)).unwrap_err(),
        CatalogueError::TooLong { found: bytes.len(), which: "catalogue_bytes", limit: bytes.len() - 1 }
    );
    assert_eq!(
        Catalogue::read(&bytes, &limits(bytes.len(), 1)).unwrap_err().to_string(),
        "catalogue has more than 1 members, which is the limit `catalogue_members`"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_catalogues_end_in_an_answer(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let builder = CatalogueBuilder::new().with_image("CPE.nbt", IMAGE);
        let mut bytes = signed(&builder, &Signing::default());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(catalogue) = read(&bytes) {
            prop_assert!(catalogue.members.len() <= 1);
        }
    }

    #[test]
    fn what_is_listed_is_found_and_nothing_else(images in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..5), sha256: bool) {
        let mut builder = CatalogueBuilder::new();
        if sha256 {
            builder = builder.with_sha256();
        }
        for image in &images {
            builder = builder.with_image("CPE.nbt", image);
        }
        let bytes = builder.build().unwrap();
        for image in &images {
            prop_assert_eq!(listing(&bytes, image), Listing::Listed);
        }
        prop_assert_eq!(listing(&bytes, b"not among them"), Listing::NotListed);
    }
}
