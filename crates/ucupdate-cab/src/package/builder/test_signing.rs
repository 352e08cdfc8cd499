//! Makes signed catalogues for tests. They have the parts of a signature that this crate reads.

use super::catalogue::{CatalogueBuilder, algorithm, attribute, time, wrap};
use crate::package::catalogue::oid::{MESSAGE_DIGEST, SHA1, SIGNING_TIME};
use crate::package::digest::sha1_of;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::CmsVersion;
use cms::signed_data::{SignerIdentifier, SignerInfo};
use der::Any;
use der::asn1::{BitString, ObjectIdentifier, OctetString, SetOfVec};
use std::str::FromStr;
use ucupdate_core::value::{FieldTime, Sha256Digest};
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;

/// The options of a test signature. The value of the signature is a dummy, because this crate does
/// not verify it.
pub(crate) struct Signing {
    pub(crate) algorithm: ObjectIdentifier,
    pub(crate) digest_of: Option<Vec<u8>>,
    pub(crate) with_certificate: bool,
    pub(crate) year_of_end: u16,
}

impl Default for Signing {
    fn default() -> Self {
        Self { algorithm: SHA1, digest_of: None, with_certificate: true, year_of_end: 2011 }
    }
}

pub(crate) fn moment(text: &str) -> FieldTime {
    text.parse().unwrap()
}

pub(crate) fn signed(builder: &CatalogueBuilder, signing: &Signing) -> Vec<u8> {
    let list = builder.list().unwrap();
    let issuer = Name::from_str("CN=Example Code Signing CA,O=Example").unwrap();
    let serial_number = SerialNumber::new(&[0x61, 0x02, 0xff]).unwrap();
    let content = signing.digest_of.clone().unwrap_or_else(|| list.value().to_vec());
    let digest = match signing.algorithm {
        SHA1 => sha1_of(&content).as_bytes().to_vec(),
        _ => Sha256Digest::of(&content).as_bytes().to_vec(),
    };
    let end = FieldTime::new((signing.year_of_end, 1, 2), (3, 4, 5)).unwrap();
    let rsa = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    let certificate = Certificate {
        tbs_certificate: TbsCertificate {
            version: Version::V3,
            serial_number: serial_number.clone(),
            signature: algorithm(rsa),
            issuer: issuer.clone(),
            validity: Validity {
                not_before: time(moment("01-02-2008 00:00:00")).unwrap(),
                not_after: time(end).unwrap(),
            },
            subject: Name::from_str("CN=Example Phones,O=Example").unwrap(),
            subject_public_key_info: SubjectPublicKeyInfoOwned {
                algorithm: algorithm(rsa),
                subject_public_key: BitString::from_bytes(&[1, 2, 3]).unwrap(),
            },
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: None,
        },
        signature_algorithm: algorithm(rsa),
        signature: BitString::from_bytes(&[4, 5, 6]).unwrap(),
    };
    let signed_at = Any::encode_from(&time(moment("16-12-2008 05:00:00")).unwrap()).unwrap();
    let digest = Any::encode_from(&OctetString::new(digest).unwrap()).unwrap();
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber { issuer, serial_number }),
        digest_alg: algorithm(signing.algorithm),
        signed_attrs: Some(
            SetOfVec::try_from(vec![
                attribute(MESSAGE_DIGEST, digest).unwrap(),
                attribute(SIGNING_TIME, signed_at).unwrap(),
            ])
            .unwrap(),
        ),
        signature_algorithm: algorithm(rsa),
        signature: OctetString::new([7; 64]).unwrap(),
        unsigned_attrs: None,
    };
    let certificates = match signing.with_certificate {
        true => vec![CertificateChoices::Certificate(certificate)],
        false => Vec::new(),
    };
    wrap(list, certificates, vec![signer]).unwrap()
}
