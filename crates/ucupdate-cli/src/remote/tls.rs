//! TLS settings for connections to a server, and messages about failed connections with advice.

use crate::failure::{Failure, chain};
use crate::files;
use crate::output::time::iso;
use reqwest::Url;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime as TlsTime};
use rustls::{CertificateError, InvalidMessage};
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use ucupdate::value::UnixTime;

/// Returns TLS settings that trust the certificates of the system and those in `ca_file`. Fails
/// when the file cannot be read or has no certificate.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Failure> {
    let mut extra = Vec::new();
    if let Some(path) = ca_file {
        let pem = files::read_file(path, files::MAX_CERTIFICATES_BYTES)
            .map_err(|error| Failure::in_doing(format_args!("--ca-file {}", path.display()), &error))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        extra = read.ok().filter(|read| !read.is_empty()).ok_or_else(|| {
            Failure::not_understood(format_args!("{}: no certificate in it, expected PEM", path.display()))
        })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::in_doing("setting up TLS", &error))?;
    let roots = |extra: &[CertificateDer<'static>]| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(extra.iter().cloned());
        roots
    };
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra.clone(), provider);
    Ok(match verifier {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        // A minimal container has no system certificates.
        Err(_) => builder.with_root_certificates(roots(&extra)),
    }
    .with_no_client_auth())
}

/// Returns the reason why a request got no answer. If the reason is known, the text contains
/// advice.
pub(super) fn reason(error: reqwest::Error, server: &Url) -> String {
    let error = error.without_url();
    match known_reason(&error) {
        Some(reason) => reason,
        None if server.scheme() == "http" && is_no_http(&error) => {
            "the server does not speak plain HTTP at this port; use https:// for a listener with --admin-tls-cert".to_owned()
        }
        None if error.is_connect() => format!(
            "{}; check the address, and that `serve --admin` runs there",
            chain(&error)
        ),
        None => chain(&error),
    }
}

/// Returns a text about a TLS error among an error and its causes, with advice. `None` if there is
/// no TLS error, or if the text of the error itself is clear enough.
pub(crate) fn known_reason(error: &(dyn Error + 'static)) -> Option<String> {
    find(error, |cause| cause.downcast_ref::<rustls::Error>().and_then(of_tls))
}

/// Returns a text about a TLS error, with advice. `None` if the text of the error itself is clear
/// enough.
fn of_tls(error: &rustls::Error) -> Option<String> {
    let reason = match error {
        rustls::Error::InvalidCertificate(error) => match error {
            // The signature is bad if another authority has the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the certificate of the server is of an authority that this machine does not trust; name the file with the \
                 certificate of the authority with --ca-file"
                    .to_owned()
            }
            CertificateError::NotValidForName => {
                "the certificate of the server is for another name; use a name of the certificate in the address".to_owned()
            }
            CertificateError::NotValidForNameContext { expected, presented } => format!(
                "the certificate of the server is not for {}, but for {}; use a name of the certificate in the address, or make a \
                 certificate for this name",
                expected.to_str(),
                names(presented)
            ),
            CertificateError::ExpiredContext { not_after, .. } => format!(
                "the certificate of the server expired at {}; renew it on the server, which reads the new files by itself",
                at(*not_after)
            ),
            CertificateError::NotValidYetContext { not_before, .. } => format!(
                "the certificate of the server is valid from {} only; check the clocks of both machines",
                at(*not_before)
            ),
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                "the certificate of the server is that of an authority; make one for the server with `basicConstraints=CA:FALSE`"
                    .to_owned()
            }
            error => format!("the certificate of the server is refused: {error}"),
        },
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS at this port; start it with --admin-tls-cert, or use the port of the proxy with TLS"
                .to_owned()
        }
        _ => return None,
    };
    Some(reason)
}

/// Returns the host names of a certificate, joined by commas. rustls writes each as
/// `DnsName("updates.contoso.com")`.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names: Vec<String> = presented.iter().map(plain).collect();
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}

fn at(time: TlsTime) -> String {
    iso(UnixTime::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
}

/// Returns whether the error is that the answer is not HTTP.
fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    find(error, |cause| cause.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()).map(drop))
        .is_some()
}

/// Calls `of` with an error and then with each of its causes. Returns the first result that is not
/// `None`.
fn find<T>(error: &(dyn Error + 'static), of: impl Fn(&(dyn Error + 'static)) -> Option<T>) -> Option<T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = of(error) {
            return Some(found);
        }
        // The method `source` of an `io::Error` does not return the error inside it, but the source
        // of that error.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}
