//! The first check of a body: it is empty, a device log, or a document.

use crate::error::{DecodeError, LogForm, MessageKind};
use crate::limits::DecodeLimits;
use ucupdate_xml::XmlDocument;

/// Finds the document in a body. Fails when the body is empty, is a device log, or has an unsupported
/// encoding.
pub(crate) fn open<'a>(
    body: &'a [u8],
    limits: &DecodeLimits,
    expected: MessageKind,
) -> Result<XmlDocument<'a>, DecodeError> {
    let begun = body.trim_ascii_start();
    if begun.is_empty() {
        return Err(DecodeError::Empty { expected });
    }
    if let Some(form) = log_form(begun) {
        return Err(DecodeError::DeviceLog { form });
    }
    Ok(XmlDocument::new(body, &limits.xml)?)
}

/// Returns the form of the device log, judged by the first bytes of a body. `None` if the body does not begin like a
/// device log.
fn log_form(body: &[u8]) -> Option<LogForm> {
    let forms: [(&[u8], LogForm); 4] = [
        (b"--", LogForm::Multipart),
        (b"MSCF", LogForm::Cabinet),
        (b"PK", LogForm::Zip),
        (&[0x1F, 0x8B], LogForm::Gzip),
    ];
    forms.into_iter().find(|(start, _)| body.starts_with(start)).map(|(_, form)| form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;

    #[test]
    fn a_log_is_known_by_its_first_bytes() {
        let opened = |body: &[u8]| open(body, &DecodeLimits::default(), MessageKind::Request).map(|_| ());
        for (body, form) in [
            (&b"\r\n--boundary"[..], LogForm::Multipart),
            (b"MSCF\0\0\0\0", LogForm::Cabinet),
            (b"PK\x03\x04", LogForm::Zip),
            (b"\x1f\x8b\x08", LogForm::Gzip),
        ] {
            assert_eq!(opened(body), Err(DecodeError::DeviceLog { form }));
        }
        assert_eq!(opened(&[b'-'; 100_000]).unwrap_err().kind(), DecodeErrorKind::DeviceLog, "of any size");
        assert_eq!(opened(b" \n"), Err(DecodeError::Empty { expected: MessageKind::Request }));
    }
}
