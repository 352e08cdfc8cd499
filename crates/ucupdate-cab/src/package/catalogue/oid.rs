//! The object identifiers of catalogues.

use der::asn1::ObjectIdentifier;

pub(in crate::package) const SIGNED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// `szOID_CTL`: the signed content is a certificate trust list.
pub(in crate::package) const TRUST_LIST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.1");
/// `SPC_INDIRECT_DATA_OBJID`: the attribute that has the digest of a listed file.
pub(in crate::package) const INDIRECT_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
/// `CAT_NAMEVALUE_OBJID`: an attribute with a name and a value, such as `File` and `CPE.nbt`.
pub(in crate::package) const NAME_VALUE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.12.2.1");
pub(in crate::package) const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
pub(in crate::package) const SHA256: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
pub(in crate::package) const MESSAGE_DIGEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(in crate::package) const SIGNING_TIME: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
