//! Sending devices on: an image is fetched from the store itself, by an address that is signed for a time.

use crate::files::conditions::Selection;
use http::{HeaderMap, HeaderValue, Method, header};
use std::sync::Arc;
use std::time::Duration;
use ucupdate::ServedFile;
use ucupdate::store::{Presign, StoreKey};

/// How long signing may take before the file is streamed after all.
const SIGNING_TIME: Duration = Duration::from_secs(5);

/// The fields that make a request conditional (RFC 9110, section 13.1).
const CONDITIONS: [header::HeaderName; 5] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// Which files devices are sent on to fetch from the store itself, and for how long an address holds.
///
/// A `GET` of an image is then answered with 302 and an address that the store signed, so that its bytes do not pass
/// through this server. 302 and not 307, since the answer is to a `GET` only, which both repeat as it is, and the
/// older status is known to every client of the phones' time; not 301 or 308, since the address ends. Asking, deciding and
/// all rows stay as they are; the access row of a redirect says 302, and is left when the redirect is sent: whether the device
/// then got its bytes is in the log of the bucket, and in what it asks next.
///
/// Streamed as ever are: what is less than [`with_least_bytes`](Self::with_least_bytes), signature catalogues unless
/// [asked for](Self::with_signatures), the answer to `HEAD`, and whatever has a condition. A device repeats its conditions
/// where it is sent, and there they would be held against other tags and dates: a condition that does not hold here would
/// hold there, or a `412` come of one that does. So a download that goes on by `If-Range` goes on from here, by the
/// `ETag` of the redirect. A `Range` alone travels on. Streamed is also what no address can be signed for, within 5
/// seconds, and what would lead from https to http, which devices do not follow.
///
/// What this asks of the field: phones that follow redirects (unknown of them; a simulated one does), reach the bucket's
/// server, speak its TLS, and trust its certificate. Whoever learns of an address can fetch that file by it for as long as
/// it holds, also from outside and without credentials.
#[derive(Clone, Debug)]
pub struct ImageRedirects {
    presign: Arc<dyn Presign>,
    life: Duration,
    least_bytes: u64,
    signatures: bool,
}

impl ImageRedirects {
    /// The longest an address may hold: what S3 signs for at most, 7 days.
    pub const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// By addresses of this store, which must be the one the service keeps its files in. They hold for 15 minutes, and
    /// are given for images of 1 MiB or more.
    pub fn new(presign: Arc<dyn Presign>) -> Self {
        Self { presign, life: Duration::from_secs(15 * 60), least_bytes: 1024 * 1024, signatures: false }
    }

    /// With addresses that hold for this time, brought within a second and [`LONGEST_LIFE`](Self::LONGEST_LIFE). It is the
    /// time in which a download must have begun; one that has may take longer.
    #[must_use]
    pub fn with_life(mut self, life: Duration) -> Self {
        self.life = life.clamp(Duration::from_secs(1), Self::LONGEST_LIFE);
        self
    }

    /// For files of so many bytes or more.
    #[must_use]
    pub fn with_least_bytes(mut self, bytes: u64) -> Self {
        self.least_bytes = bytes;
        self
    }

    /// For signature catalogues (`.cat`) too, or not.
    #[must_use]
    pub fn with_signatures(mut self, sent_on: bool) -> Self {
        self.signatures = sent_on;
        self
    }

    /// Whether a request for this file is one to send on.
    pub(crate) fn cover(
        &self,
        file: &ServedFile,
        method: &Method,
        headers: &HeaderMap,
        selection: &Selection,
    ) -> bool {
        let understood = match selection {
            // A range that is ignored here might be heeded there.
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

    /// The address of an object, for a device that came by TLS or not; none where none can be had.
    pub(crate) async fn location(&self, key: &StoreKey, by_tls: bool) -> Option<HeaderValue> {
        let signed = tokio::time::timeout(SIGNING_TIME, self.presign.presigned_get(key, self.life)).await;
        let found = match signed {
            Ok(Ok(address)) => {
                usable(&address, by_tls).ok_or_else(|| "it is none for this device".to_owned())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("none came within {SIGNING_TIME:?}")),
        };
        #[cfg(feature = "tracing")]
        if let Err(reason) = &found {
            tracing::warn!(%key, reason, "no address can be signed, so the file is streamed");
        }
        found.ok()
    }
}

/// An address as the value of `Location`. It opens the file to whoever reads it, so it is kept out of what is shown.
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
