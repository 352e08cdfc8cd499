//! Redirects to the store. A device downloads an image from a signed URL that expires.

use crate::files::conditions::Selection;
use http::{HeaderMap, HeaderValue, Method, header};
use std::sync::Arc;
use std::time::Duration;
use ucupdate::ServedFile;
use ucupdate::store::{Presign, StoreKey};

/// The longest wait for a signed URL. After this time the file is streamed by this server.
const SIGNING_TIME: Duration = Duration::from_secs(5);

/// Fields that make a request conditional (RFC 9110, section 13.1).
const CONDITIONS: [header::HeaderName; 5] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// The options of redirects to the store: the files they apply to, and the lifetime of a signed URL.
///
/// A `GET` of an image is answered with 302 and a signed URL of its object in the bucket, so that the bytes do not pass through
/// this server. The status is 302 because every HTTP client of 2009 knows it. Clients may cache 301 and 308, although the signed
/// URL expires. Requests, decisions and audit rows do not change. The access row of a redirect has the status 302 and is written
/// when the redirect was sent. Only the log of the bucket shows whether the device got the bytes.
///
/// This server still sends the bytes itself for:
/// - files smaller than [`with_least_bytes`](Self::with_least_bytes), and signature catalogues unless
///   [`with_signatures`](Self::with_signatures) is set;
/// - the answer to `HEAD` and every conditional request, because the store would compare the condition with other tags and
///   dates. A download that is resumed with `If-Range` and the `ETag` of the redirect continues from this server. A `Range`
///   without a condition is redirected;
/// - files for which the store signed no URL within 5 seconds, and files whose signed URL would lead a device from https to http.
///
/// Phones must follow redirects, must reach the server of the bucket, and must trust its certificate. It is not known
/// whether real phones follow redirects. Anyone with a signed URL can download that file without credentials until the
/// URL expires.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImageRedirects {
    presign: Arc<dyn Presign>,
    life: Duration,
    least_bytes: u64,
    signatures: bool,
}

impl ImageRedirects {
    /// The longest time for which a signed URL may be valid: 7 days, the maximum of S3.
    pub const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Creates redirects to URLs that `presign` signs. `presign` must be the store of the service. By default, a signed URL is
    /// valid for 15 minutes, and images of 1 MiB or more are redirected.
    pub fn new(presign: Arc<dyn Presign>) -> Self {
        Self { presign, life: Duration::from_secs(15 * 60), least_bytes: 1024 * 1024, signatures: false }
    }

    /// Sets how long a signed URL is valid, between one second and [`LONGEST_LIFE`](Self::LONGEST_LIFE). A download must begin
    /// within this time, but it may take longer. Default: 15 minutes.
    pub fn with_life(self, life: Duration) -> Self {
        Self { life: life.clamp(Duration::from_secs(1), Self::LONGEST_LIFE), ..self }
    }

    /// Sets the smallest size in bytes of a file that is redirected. Default: 1 MiB.
    pub fn with_least_bytes(self, bytes: u64) -> Self {
        Self { least_bytes: bytes, ..self }
    }

    /// Sets whether signature catalogues (`.cat`) are redirected too. Default: `false`.
    pub fn with_signatures(self, sent_on: bool) -> Self {
        Self { signatures: sent_on, ..self }
    }

    /// Returns whether a request for this file is redirected. [`ImageRedirects`] lists the requests
    /// that are not.
    pub(crate) fn cover(
        &self,
        file: &ServedFile,
        method: &Method,
        headers: &HeaderMap,
        selection: &Selection,
    ) -> bool {
        let understood = match selection {
            // The store might accept a range that this server ignores.
            Selection::Whole => !headers.contains_key(header::RANGE),
            Selection::Part(_) => true,
            Selection::NotModified | Selection::ConditionFailed | Selection::Unsatisfiable => false,
        };
        let is_signature = file.name.extension().eq_ignore_ascii_case("cat");
        *method == Method::GET
            && understood
            && file.size >= self.least_bytes
            && (self.signatures || !is_signature)
            && !CONDITIONS.iter().any(|condition| headers.contains_key(condition))
    }

    /// Returns the signed URL of the object with this key. Returns `None` if the store does not
    /// sign a URL in time, or if the URL is `http` and the device uses TLS.
    pub(crate) async fn location(&self, key: &StoreKey, by_tls: bool) -> Option<HeaderValue> {
        let signed = tokio::time::timeout(SIGNING_TIME, self.presign.presigned_get(key, self.life)).await;
        let found = match signed {
            Ok(Ok(address)) => {
                usable(&address, by_tls).ok_or_else(|| "it is not usable for this device".to_owned())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("the store did not sign one within {SIGNING_TIME:?}")),
        };
        #[cfg(feature = "tracing")]
        if let Err(reason) = &found {
            tracing::warn!(%key, reason, "no signed address; streaming the file");
        }
        found.ok()
    }
}

/// Returns a signed URL as the value of `Location`, or `None` if the URL is not usable for the
/// device. The value is marked sensitive, because it grants access to the file.
fn usable(address: &str, by_tls: bool) -> Option<HeaderValue> {
    let begins =
        |scheme: &str| address.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    if !begins("https://") && (by_tls || !begins("http://")) {
        return None;
    }
    let mut value = HeaderValue::from_str(address).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_absolute_and_never_leads_from_https_to_http() {
        for (address, from_http, from_https) in [
            ("https://s3/a?b=c", true, true),
            ("HTTPS://s3/a", true, true),
            ("http://s3/a", true, false),
            ("/a", false, false),
            ("ftp://s3/a", false, false),
            ("http://s3/a\r\nSet-Cookie: b", false, false),
            ("", false, false),
        ] {
            let found = (usable(address, false).is_some(), usable(address, true).is_some());
            assert_eq!(found, (from_http, from_https), "{address:?}");
        }
        assert_eq!(format!("{:?}", usable("https://s3/a", true).unwrap()), "Sensitive");
    }
}
