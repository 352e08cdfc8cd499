//! Builds unsigned catalogues, for tests, for demonstrations, and for signing with another tool.

use crate::package::catalogue::MemberDigest;
use crate::package::catalogue::oid::{INDIRECT_DATA, NAME_VALUE, SHA1, SHA256, SIGNED_DATA, TRUST_LIST};
use crate::package::digest::sha1_of;
use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerInfo, SignerInfos};
use der::asn1::{BmpString, GeneralizedTime, Null, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, DateTime, Encode, Sequence};
use ucupdate_core::value::{FieldTime, Sha256Digest};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

/// `szOID_CATALOG_LIST`: states that the purpose of the trust list is a catalogue.
const CATALOGUE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.1.1");
/// `szOID_CATALOG_LIST_MEMBER`: the identifier of a member is the text of a SHA-1.
const MEMBERS_BY_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.1.2");
/// `szOID_CATALOG_LIST_MEMBER2`: the identifier of a member is the bytes of a SHA-256.
const MEMBERS_BY_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.1.3");
/// `SPC_CAB_DATA_OBJID`: the kind of a listed file. In spite of its name, it is used for flat files
/// too.
const FLAT_FILE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.25");
/// The flags of a name-value attribute as the tools of Windows write them: the value is text, and
/// is part of the list itself.
const NAME_VALUE_FLAGS: i32 = 0x1001_0001;

/// The `CertificateTrustList` of Windows' catalogues, without extensions.
#[derive(Sequence)]
struct TrustList {
    usage: Vec<ObjectIdentifier>,
    identifier: OctetString,
    this_update: Time,
    subject_algorithm: AlgorithmIdentifierOwned,
    subjects: Vec<CatalogueSubject>,
}

#[derive(Sequence)]
struct CatalogueSubject {
    identifier: OctetString,
    attributes: SetOfVec<Attribute>,
}

#[derive(Sequence)]
struct IndirectData {
    kind: IndirectDataKind,
    digest: DigestInfo,
}

#[derive(Sequence)]
struct IndirectDataKind {
    kind: ObjectIdentifier,
}

#[derive(Sequence)]
struct DigestInfo {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

#[derive(Sequence)]
struct NameValue {
    name: BmpString,
    flags: i32,
    value: OctetString,
}

/// Builder of an **unsigned** catalogue. A tool such as `osslsigncode` can sign the catalogue afterwards.
///
/// Equal input gives equal bytes.
///
/// ```
/// use ucupdate_cab::package::{Catalogue, CatalogueBuilder, PackageLimits};
/// let time = "16-12-2008 04:43:58".parse().unwrap();
/// let bytes = CatalogueBuilder::new().with_time(time).with_image("CPE.nbt", b"an image").build().unwrap();
/// assert_eq!(Catalogue::read(&bytes, &PackageLimits::default()).unwrap().listed_at, time);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CatalogueBuilder {
    time: FieldTime,
    by_sha256: bool,
    members: Vec<(String, MemberDigest)>,
}

impl Default for CatalogueBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl CatalogueBuilder {
    /// Creates a catalogue without members. Its time is 01-01-1980, the earliest time in a cabinet.
    pub fn new() -> Self {
        Self { time: super::dos_epoch(), by_sha256: false, members: Vec::new() }
    }

    /// Sets the time at which the catalogue was issued, in UTC. It must not be before 1970.
    pub fn with_time(self, time: FieldTime) -> Self {
        Self { time, ..self }
    }

    /// Sets that images which are added after this call are listed by SHA-256. Default: SHA-1,
    /// which the phones use.
    pub fn with_sha256(mut self) -> Self {
        self.by_sha256 = true;
        self
    }

    /// Adds a file with these bytes to the list. Only its name and digest are stored.
    pub fn with_image(self, file_name: &str, bytes: &[u8]) -> Self {
        let digest = if self.by_sha256 {
            MemberDigest::Sha256(Sha256Digest::of(bytes))
        } else {
            MemberDigest::Sha1(sha1_of(bytes))
        };
        self.with_digest(file_name, digest)
    }

    /// Adds a file with this digest to the list.
    pub fn with_digest(mut self, file_name: &str, digest: MemberDigest) -> Self {
        self.members.push((file_name.to_owned(), digest));
        self
    }

    /// Returns the catalogue in DER.
    ///
    /// # Errors
    /// Fails when the time is before 1970, when a file name has characters beyond the Basic Multilingual Plane, and when
    /// the algorithm of a digest is not an object identifier.
    pub fn build(&self) -> Result<Vec<u8>, CatalogueBuildError> {
        self.list()
            .and_then(|list| wrap(list, Vec::new(), Vec::new()))
            .map_err(|error| CatalogueBuildError(error.to_string()))
    }

    pub(in crate::package) fn list(&self) -> der::Result<Any> {
        let names_sha256 = self.members.iter().all(|(_, digest)| matches!(digest, MemberDigest::Sha256(_)));
        let subject_algorithm = if names_sha256 { MEMBERS_BY_SHA256 } else { MEMBERS_BY_SHA1 };
        let mut identifier = String::new();
        let mut subjects = Vec::with_capacity(self.members.len());
        for (file_name, digest) in &self.members {
            identifier.push_str(&digest.to_string());
            subjects.push(subject(file_name, digest, names_sha256)?);
        }
        let identifier = Sha256Digest::of(identifier.as_bytes());
        Any::encode_from(&TrustList {
            usage: vec![CATALOGUE],
            // In catalogues of Windows the identifier is random. Here it is computed from the
            // digests, so that equal input gives equal bytes.
            identifier: OctetString::new(&identifier.as_bytes()[..16])?,
            this_update: time(self.time)?,
            subject_algorithm: algorithm(subject_algorithm),
            subjects,
        })
    }
}

fn subject(file_name: &str, digest: &MemberDigest, named_by_bytes: bool) -> der::Result<CatalogueSubject> {
    let (algorithm_id, bytes) = match digest {
        MemberDigest::Sha1(digest) => (SHA1, digest.as_bytes().as_slice()),
        MemberDigest::Sha256(digest) => (SHA256, digest.as_bytes().as_slice()),
        MemberDigest::Other { algorithm, bytes } => (algorithm.parse()?, bytes.as_slice()),
    };
    let indirect = IndirectData {
        kind: IndirectDataKind { kind: FLAT_FILE },
        digest: DigestInfo { algorithm: algorithm(algorithm_id), digest: OctetString::new(bytes)? },
    };
    let file = NameValue {
        name: BmpString::from_utf8("File")?,
        flags: NAME_VALUE_FLAGS,
        value: OctetString::new(utf16(file_name))?,
    };
    let identifier = if named_by_bytes {
        bytes.to_vec()
    } else {
        utf16(&bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
    };
    let attributes = SetOfVec::try_from(vec![
        attribute(NAME_VALUE, Any::encode_from(&file)?)?,
        attribute(INDIRECT_DATA, Any::encode_from(&indirect)?)?,
    ])?;
    Ok(CatalogueSubject { identifier: OctetString::new(identifier)?, attributes })
}

/// Returns the text in UTF-16, little-endian, with a NUL at the end.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

pub(in crate::package) fn attribute(oid: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

pub(in crate::package) fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: Some(Null.into()) }
}

/// Converts a time to the form of certificates: the year has two digits before 2050, and four digits from 2050 on.
pub(in crate::package) fn time(time: FieldTime) -> der::Result<Time> {
    let (year, month, day) = (time.year(), time.month(), time.day());
    let time = DateTime::new(year, month, day, time.hour(), time.minute(), time.second())?;
    Ok(if year < 2050 {
        Time::UtcTime(UtcTime::from_date_time(time)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_date_time(time))
    })
}

/// Returns a trust list with its certificates and signers as signed data in DER.
pub(in crate::package) fn wrap(
    list: Any,
    certificates: Vec<CertificateChoices>,
    signers: Vec<SignerInfo>,
) -> der::Result<Vec<u8>> {
    let mut digest_algorithms: Vec<_> = signers.iter().map(|signer| signer.digest_alg.clone()).collect();
    digest_algorithms.dedup();
    let certificates = match certificates.is_empty() {
        true => None,
        false => Some(CertificateSet(SetOfVec::try_from(certificates)?)),
    };
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(digest_algorithms)?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: TRUST_LIST, econtent: Some(list) },
        certificates,
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(signers)?),
    };
    ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed)? }.to_der()
}

/// The reason why a catalogue was not built: DER cannot represent one of its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("catalogue cannot be written: {0}")]
pub struct CatalogueBuildError(String);
