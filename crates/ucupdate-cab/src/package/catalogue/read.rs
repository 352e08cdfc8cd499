//! Reads a catalogue. Its shape is fixed, so there is no recursion, and every list has a limit.

use super::oid::{
    INDIRECT_DATA, MESSAGE_DIGEST, NAME_VALUE, SHA1, SHA256, SIGNED_DATA, SIGNING_TIME, TRUST_LIST,
};
use super::walk::{Element, ElementWalk, numbered};
use super::{Catalogue, CatalogueError, CatalogueMember, MemberDigest, SignedContent, Signer};
use crate::package::digest::sha1_of;
use crate::package::limits::PackageLimits;
use der::asn1::ObjectIdentifier;
use der::{Decode, Tag, TagNumber};
use ucupdate_core::value::{Digest, FieldTime, Sha256Digest};
use x509_cert::name::Name;

/// The largest number of certificates in a catalogue. A chain and a time stamp need fewer than ten.
const MAX_CERTIFICATES: usize = 64;
/// The largest number of signers of a catalogue. Known catalogues have one.
const MAX_SIGNERS: usize = 8;
/// The largest number of attributes of one file or signer.
const MAX_ATTRIBUTES: usize = 64;
/// The largest size of a signer's name in bytes. The limit is needed because the time to read a
/// name grows with the square of its length.
const MAX_NAME_BYTES: usize = 2048;

impl Catalogue {
    /// Reads a catalogue in DER.
    ///
    /// # Errors
    /// Fails when the catalogue is longer or lists more members than `limits` allow, and when it is not DER or not a
    /// signed certificate trust list. The error states the offset in bytes.
    pub fn read(bytes: &[u8], limits: &PackageLimits) -> Result<Self, CatalogueError> {
        if bytes.len() > limits.catalogue_bytes {
            return Err(CatalogueError::TooLong {
                found: bytes.len(),
                which: "catalogue_bytes",
                limit: limits.catalogue_bytes,
            });
        }
        if let Some(found) = other_form(bytes) {
            return Err(CatalogueError::OtherForm { found });
        }
        let mut outer = ElementWalk::new(bytes, "content info", 0)?;
        let info = outer.expect(Tag::Sequence)?;
        outer.end()?;

        let mut info = info.inside("content info")?;
        expect_oid(&info.expect(Tag::ObjectIdentifier)?, SIGNED_DATA, "signed data (1.2.840.113549.1.7.2)")?;
        let content = info.expect(numbered(TagNumber::N0))?;
        info.end()?;
        let mut content = content.inside("content info")?;
        let signed = content.expect(Tag::Sequence)?;
        content.end()?;

        let mut signed = signed.inside("signed data")?;
        signed.expect(Tag::Integer)?;
        signed.expect(Tag::Set)?;
        let list = trust_list(&signed.expect(Tag::Sequence)?)?;
        let certificates = signed.take(numbered(TagNumber::N0))?;
        signed.take(numbered(TagNumber::N1))?;
        let signers = signed.expect(Tag::Set)?;
        signed.end()?;

        let (listed_at, members) = read_list(list.inside("certificate trust list")?, limits)?;
        let certificates = match certificates {
            Some(set) => read_certificates(set.inside("certificates")?)?,
            None => Vec::new(),
        };
        let signers = read_signers(signers.inside("signers")?, list.value, &certificates)?;
        Ok(Self { listed_at, members, signers })
    }
}

/// Returns the name of another file format that may have the ending `.cat`. `None` if the format is not known.
fn other_form(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
    match text {
        [] if bytes.is_empty() => Some("no bytes"),
        [] => Some("blanks only"),
        text if text.starts_with(b"-----BEGIN ") => Some("PEM, which must be converted,"),
        text if text.starts_with(b"MII") && text.iter().all(is_base64) => {
            Some("base64, which must be converted,")
        }
        text if text.starts_with(b"[CatalogHeader]") => Some("the input of a catalogue tool (.cdf)"),
        text if text.starts_with(b"<") => Some("XML or HTML"),
        text if text.iter().all(|byte| *byte == 0) => Some("zeros only"),
        _ => None,
    }
}

/// Returns the trust list inside the signed content. The content is the list itself (PKCS#7), or an
/// octet string that contains the list (CMS).
fn trust_list<'a>(encapsulated: &Element<'a>) -> Result<Element<'a>, CatalogueError> {
    let mut walk = encapsulated.inside("signed content")?;
    expect_oid(
        &walk.expect(Tag::ObjectIdentifier)?,
        TRUST_LIST,
        "a certificate trust list (1.3.6.1.4.1.311.10.1)",
    )?;
    let content = walk.expect(numbered(TagNumber::N0))?;
    walk.end()?;
    let mut walk = content.inside("signed content")?;
    let mut list = walk.step()?.ok_or_else(|| content.unexpected("a certificate trust list"))?;
    walk.end()?;
    if list.tag == Tag::OctetString {
        let mut wrapped = list.inside("signed content")?;
        list = wrapped.expect(Tag::Sequence)?;
        wrapped.end()?;
    }
    list.tagged(Tag::Sequence)
}

fn expect_oid(element: &Element<'_>, oid: ObjectIdentifier, expected: &str) -> Result<(), CatalogueError> {
    let found = element.oid()?;
    if found == oid {
        return Ok(());
    }
    match element.unexpected(expected) {
        CatalogueError::Unexpected { place, at, expected, .. } => {
            Err(CatalogueError::Unexpected { place, at, expected, found: found.to_string() })
        }
        other => Err(other),
    }
}

fn read_list(
    mut list: ElementWalk<'_>,
    limits: &PackageLimits,
) -> Result<(FieldTime, Vec<CatalogueMember>), CatalogueError> {
    list.take(Tag::Integer)?; // the version
    list.expect(Tag::Sequence)?; // what the list is for
    list.take(Tag::OctetString)?; // its identifier
    list.take(Tag::Integer)?; // its number in a series
    let listed_at = match list.take(Tag::GeneralizedTime)? {
        Some(time) => time.time()?,
        None => list.expect(Tag::UtcTime)?.time()?,
    };
    if list.take(Tag::UtcTime)?.is_none() {
        list.take(Tag::GeneralizedTime)?; // the next update
    }
    list.expect(Tag::Sequence)?; // how subjects are named
    let mut members = Vec::new();
    if let Some(subjects) = list.take(Tag::Sequence)? {
        let mut subjects = subjects.inside("members of the list")?;
        while let Some(subject) = subjects.step()? {
            if members.len() == limits.catalogue_members {
                let limit = limits.catalogue_members;
                return Err(CatalogueError::TooMany {
                    what: "members, which is the limit `catalogue_members`",
                    limit,
                });
            }
            members.push(read_member(&subject.tagged(Tag::Sequence)?)?);
        }
    }
    list.take(numbered(TagNumber::N0))?; // extensions
    list.end()?;
    Ok((listed_at, members))
}

fn read_member(subject: &Element<'_>) -> Result<CatalogueMember, CatalogueError> {
    let mut walk = subject.inside("member of the list")?;
    let identifier = walk.expect(Tag::OctetString)?.value;
    let text = utf16_text(identifier);
    let mut member = CatalogueMember {
        digest: digest_of_identifier(identifier, text.as_deref()),
        tag: text.unwrap_or_else(|| hexadecimal(identifier)),
        file: None,
    };
    if let Some(set) = walk.take(Tag::Set)? {
        for_each_attribute(set.inside("attributes of a member")?, |oid, value| {
            if oid == INDIRECT_DATA {
                member.digest = Some(read_indirect_digest(value)?);
            } else if oid == NAME_VALUE {
                let (name, value) = read_name_value(value)?;
                if name.eq_ignore_ascii_case("File") {
                    member.file = Some(value);
                }
            }
            Ok(())
        })?;
    }
    walk.end()?;
    Ok(member)
}

/// Calls `each` with the object identifier and the first value of every attribute.
fn for_each_attribute<'a>(
    mut attributes: ElementWalk<'a>,
    mut each: impl FnMut(ObjectIdentifier, &Element<'a>) -> Result<(), CatalogueError>,
) -> Result<(), CatalogueError> {
    let mut seen = 0;
    while let Some(attribute) = attributes.step()? {
        if seen == MAX_ATTRIBUTES {
            return Err(CatalogueError::TooMany {
                what: "attributes in one place, which no limit raises",
                limit: MAX_ATTRIBUTES,
            });
        }
        seen += 1;
        let mut walk = attribute.tagged(Tag::Sequence)?.inside("attribute")?;
        let oid = walk.expect(Tag::ObjectIdentifier)?.oid()?;
        let values = walk.expect(Tag::Set)?;
        walk.end()?;
        if let Some(value) = values.inside("value of an attribute")?.step()? {
            each(oid, &value)?;
        }
    }
    Ok(())
}

/// Reads the digest of an `SpcIndirectDataContent`.
fn read_indirect_digest(value: &Element<'_>) -> Result<MemberDigest, CatalogueError> {
    let mut walk = value.tagged(Tag::Sequence)?.inside("indirect data")?;
    walk.expect(Tag::Sequence)?; // what kind of file
    let mut digest = walk.expect(Tag::Sequence)?.inside("digest")?;
    walk.end()?;
    let algorithm = algorithm_of(&digest.expect(Tag::Sequence)?)?;
    let bytes = digest.expect(Tag::OctetString)?.value;
    digest.end()?;
    Ok(match (algorithm, <[u8; 20]>::try_from(bytes), <[u8; 32]>::try_from(bytes)) {
        (SHA1, Ok(bytes), _) => MemberDigest::Sha1(Digest::new(bytes)),
        (SHA256, _, Ok(bytes)) => MemberDigest::Sha256(Digest::new(bytes)),
        _ => MemberDigest::Other { algorithm: algorithm.to_string(), bytes: bytes.to_vec() },
    })
}

fn algorithm_of(identifier: &Element<'_>) -> Result<ObjectIdentifier, CatalogueError> {
    identifier.inside("algorithm")?.expect(Tag::ObjectIdentifier)?.oid()
}

/// Returns the digest in the identifier of a listed file. The identifier is the digest itself, or its
/// hexadecimal digits in UTF-16. `text` is the identifier as text, if it is text. `None` if the
/// identifier has another form.
fn digest_of_identifier(identifier: &[u8], text: Option<&str>) -> Option<MemberDigest> {
    if let Some(text) = text {
        return match text.len() {
            40 => text.parse().ok().map(MemberDigest::Sha1),
            64 => text.parse().ok().map(MemberDigest::Sha256),
            _ => None,
        };
    }
    if let Ok(bytes) = <[u8; 20]>::try_from(identifier) {
        return Some(MemberDigest::Sha1(Digest::new(bytes)));
    }
    <[u8; 32]>::try_from(identifier).ok().map(|bytes| MemberDigest::Sha256(Digest::new(bytes)))
}

/// Reads a name-value attribute. Returns the name and the value, such as `File` and `CPE.nbt`.
fn read_name_value(value: &Element<'_>) -> Result<(String, String), CatalogueError> {
    let mut walk = value.tagged(Tag::Sequence)?.inside("name and value")?;
    let name = walk.expect(Tag::BmpString)?;
    walk.expect(Tag::Integer)?;
    let value = walk.expect(Tag::OctetString)?;
    // The name, a BMP string, is big-endian. The value is little-endian.
    let name = printable(name.value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
    let value = printable(value.value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
    Ok((name, value))
}

/// Decodes UTF-16 up to the first NUL. Invalid characters and control characters become U+FFFD.
fn printable(units: impl Iterator<Item = u16>) -> String {
    char::decode_utf16(units.take_while(|unit| *unit != 0))
        .map(|found| found.ok().filter(|c| !c.is_control()).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Returns an identifier as text if it is printable ASCII in UTF-16. A NUL at the end is left out.
fn utf16_text(identifier: &[u8]) -> Option<String> {
    let identifier = identifier.strip_suffix(&[0, 0]).unwrap_or(identifier);
    if identifier.is_empty() || !identifier.len().is_multiple_of(2) {
        return None;
    }
    let graphic = |pair: &[u8]| pair[1] == 0 && (pair[0] == b' ' || pair[0].is_ascii_graphic());
    let pairs = identifier.chunks_exact(2);
    pairs.clone().all(graphic).then(|| pairs.map(|pair| char::from(pair[0])).collect())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parts of a certificate that the reader needs to describe a signer, in DER.
struct Certificate<'a> {
    serial_number: &'a [u8],
    issuer: &'a [u8],
    subject: Element<'a>,
    validity: Element<'a>,
}

fn read_certificates(mut walk: ElementWalk<'_>) -> Result<Vec<Certificate<'_>>, CatalogueError> {
    let mut certificates = Vec::new();
    while let Some(choice) = walk.step()? {
        if choice.tag != Tag::Sequence {
            continue; // attribute certificates and other forms
        }
        if certificates.len() == MAX_CERTIFICATES {
            return Err(CatalogueError::TooMany {
                what: "certificates, which no limit raises",
                limit: MAX_CERTIFICATES,
            });
        }
        let mut walk = choice.inside("certificate")?.expect(Tag::Sequence)?.inside("certificate")?;
        walk.take(numbered(TagNumber::N0))?; // the version
        let serial_number = walk.expect(Tag::Integer)?.value;
        walk.expect(Tag::Sequence)?; // the algorithm of its signature
        let issuer = walk.expect(Tag::Sequence)?.whole;
        let validity = walk.expect(Tag::Sequence)?;
        let subject = walk.expect(Tag::Sequence)?;
        certificates.push(Certificate { serial_number, issuer, subject, validity });
    }
    Ok(certificates)
}

fn read_signers(
    mut walk: ElementWalk<'_>,
    list: &[u8],
    certificates: &[Certificate<'_>],
) -> Result<Vec<Signer>, CatalogueError> {
    let mut signers = Vec::new();
    while let Some(signer) = walk.step()? {
        if signers.len() == MAX_SIGNERS {
            return Err(CatalogueError::TooMany {
                what: "signers, which no limit raises",
                limit: MAX_SIGNERS,
            });
        }
        signers.push(read_signer(&signer.tagged(Tag::Sequence)?, list, certificates)?);
    }
    Ok(signers)
}

fn read_signer(
    signer: &Element<'_>,
    list: &[u8],
    certificates: &[Certificate<'_>],
) -> Result<Signer, CatalogueError> {
    let mut read = Signer {
        subject: None,
        issuer: None,
        serial_number: None,
        not_before: None,
        not_after: None,
        signed_at: None,
        content: SignedContent::Unknown,
    };
    let mut walk = signer.inside("signer")?;
    walk.expect(Tag::Integer)?;
    if let Some(named) = walk.take(Tag::Sequence)? {
        let mut named = named.inside("name of the signer")?;
        let issuer = named.expect(Tag::Sequence)?;
        let serial_number = named.expect(Tag::Integer)?.value;
        named.end()?;
        read.issuer = Some(name_text(&issuer)?);
        read.serial_number = Some(hexadecimal(serial_number));
        let of_signer =
            |it: &&Certificate<'_>| it.serial_number == serial_number && it.issuer == issuer.whole;
        if let Some(certificate) = certificates.iter().find(of_signer) {
            read.subject = Some(name_text(&certificate.subject)?);
            let mut validity = certificate.validity.inside("validity of a certificate")?;
            read.not_before = validity.step()?.map(|it| it.time()).transpose()?;
            read.not_after = validity.step()?.map(|it| it.time()).transpose()?;
        }
    } else {
        walk.step()?; // named by a key
    }
    let algorithm = algorithm_of(&walk.expect(Tag::Sequence)?)?;
    if let Some(attributes) = walk.take(numbered(TagNumber::N0))? {
        for_each_attribute(attributes.inside("signed attributes")?, |oid, value| {
            if oid == MESSAGE_DIGEST {
                read.content = compare(algorithm, list, value.tagged(Tag::OctetString)?.value);
            } else if oid == SIGNING_TIME {
                read.signed_at = Some(value.time()?);
            }
            Ok(())
        })?;
    }
    walk.expect(Tag::Sequence)?; // the algorithm of the signature
    walk.expect(Tag::OctetString)?;
    walk.take(numbered(TagNumber::N1))?; // attributes that are not signed, as a time stamp
    walk.end()?;
    Ok(read)
}

fn compare(algorithm: ObjectIdentifier, list: &[u8], signed: &[u8]) -> SignedContent {
    let same = match algorithm {
        SHA1 => sha1_of(list).as_bytes().as_slice() == signed,
        SHA256 => Sha256Digest::of(list).as_bytes().as_slice() == signed,
        _ => return SignedContent::Unknown,
    };
    if same { SignedContent::Matches } else { SignedContent::Differs }
}

/// Returns an X.500 name as text in the form of RFC 4514, such as `CN=Example Phones,O=Example`.
fn name_text(name: &Element<'_>) -> Result<String, CatalogueError> {
    if name.whole.len() > MAX_NAME_BYTES {
        return Err(CatalogueError::TooMany {
            what: "bytes in the name of a signer, which no limit raises",
            limit: MAX_NAME_BYTES,
        });
    }
    let name = Name::from_der(name.whole).map_err(|error| name.der_error(error))?;
    Ok(name.to_string().replace(char::is_control, "\u{fffd}"))
}
