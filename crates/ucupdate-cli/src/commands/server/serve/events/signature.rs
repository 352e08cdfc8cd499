//! Signs messages of webhooks by the Standard Webhooks specification. A signature is `v1,` and the
//! HMAC-SHA256 of the id, the time and the body in base64.

use crate::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::path::Path;

/// The smallest size of a secret in bytes.
const MIN_BYTES: usize = 16;

/// The largest size of a file with a secret in bytes.
const MAX_FILE_BYTES: usize = 4096;

/// The secret that a webhook and its receiver share.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// Reads a secret from a file. White space around the secret is ignored. Fails when the file
    /// cannot be read, or the secret is not valid.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let bytes = crate::files::read(file, MAX_FILE_BYTES)?;
        Self::parse(&bytes).map_err(|reason| Failure::usage(format_args!("{}: {reason}", file.display())))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.trim_ascii();
        let secret = match bytes.strip_prefix(b"whsec_") {
            Some(coded) => {
                STANDARD.decode(coded).map_err(|error| format!("expected base64 after `whsec_`: {error}"))?
            }
            None => bytes.to_vec(),
        };
        if secret.len() < MIN_BYTES {
            let found = secret.len();
            return Err(format!("the secret has {found} bytes, expected {MIN_BYTES} or more"));
        }
        Ok(Self(secret))
    }

    /// Returns the value of the header `webhook-signature`. `id` is the id of the message, and
    /// `timestamp` is in seconds since 1970.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification_s_example() {
        let secret = Secret::parse(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_too_short_or_not_base64_is_refused() {
        for (secret, reason) in [
            ("short\n", "the secret has 5 bytes, expected 16 or more"),
            ("whsec_c2hvcnQ=", "the secret has 5 bytes, expected 16 or more"),
            ("whsec_???", "expected base64 after `whsec_`: "),
        ] {
            let error = Secret::parse(secret.as_bytes()).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
        assert!(Secret::parse(b" a secret of enough bytes \n").is_ok());
    }
}
