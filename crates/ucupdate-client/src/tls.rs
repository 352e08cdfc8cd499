//! The TLS settings of a client. This module creates them with a crypto provider of their own. Otherwise `reqwest`
//! would need a provider that is set for the whole process.

use crate::error::ClientError;
use crate::options::ClientOptions;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use std::sync::Arc;

/// Returns the TLS settings for `options`, with the certificates to trust. Fails when a root
/// certificate cannot be read.
pub(crate) fn config(options: &ClientOptions) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    let mut extra = Vec::new();
    for pem in &options.root_certificates {
        let before = extra.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let unusable = |cause: &dyn std::fmt::Display| {
                ClientError::options(format_args!(
                    "root certificate {} cannot be read: {cause}",
                    extra.len() + 1
                ))
            };
            let certificate = certificate.map_err(|cause| unusable(&cause))?;
            roots.add(certificate.clone()).map_err(|cause| unusable(&cause))?;
            extra.push(certificate);
        }
        if extra.len() == before {
            return Err(ClientError::options(
                "the root certificates have no certificate, expected PEM with `BEGIN CERTIFICATE`",
            ));
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(ClientError::options)?;
    let system = if options.system_roots { system_verifier(extra, provider) } else { None };
    Ok(match system {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        None => builder.with_root_certificates(roots),
    }
    .with_no_client_auth())
}

/// Returns a verifier that trusts the certificates of the operating system and the `extra` ones. `None` if it
/// cannot be created, for example because a minimal container has no certificates. The client can then still use
/// http. On Android it is also `None` if there are `extra` certificates.
fn system_verifier(extra: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Option<Verifier> {
    #[cfg(not(target_os = "android"))]
    return Verifier::new_with_extra_roots(extra, provider).ok();
    #[cfg(target_os = "android")]
    return if extra.is_empty() { Verifier::new(provider).ok() } else { None };
}
