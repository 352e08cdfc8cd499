//! TLS for listeners: a certificate chain and its key, from PEM files.

use crate::failure::{Failure, chain};
use crate::files;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Creates a TLS acceptor from a file of certificates, the server's own first, and a file with the key (PKCS#8, PKCS#1 or
/// SEC1). It speaks TLS 1.2 and 1.3.
///
/// # Errors
/// Names the file that cannot be read or used.
pub(crate) fn acceptor(certificates: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let in_file =
        |path: &Path, what: String| Failure::not_understood(format_args!("{}: {what}", path.display()));
    [certificates, key].into_iter().try_for_each(files::refuse_missing)?;
    let chain_of = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| in_file(certificates, pem_fault(&error, "certificate")))?;
    if chain_of.is_empty() {
        return Err(in_file(certificates, "no certificate in it, expected PEM".to_owned()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, pem_fault(&error, "private key")))?;
    let signing = ring::sign::any_supported_type(&private)
        .map_err(|error| in_file(key, format!("private key is of no use: {}", chain(&error))))?;
    let certified = rustls::sign::CertifiedKey::new(chain_of, signing);
    // A key without a public half to compare has to be taken on trust.
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(Failure::new(format_args!(
                "{}: private key is not that of the certificate in {}",
                key.display(),
                certificates.display()
            )));
        }
        Err(error) => {
            return Err(in_file(certificates, format!("certificate is of no use: {}", chain(&error))));
        }
    }
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::in_doing("setting up TLS", &error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn pem_fault(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("no {wanted} in it, expected PEM"),
        pem::Error::Io(error) => error.to_string(),
        error => format!("not PEM: {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
    use std::fs;

    struct Files {
        folder: tempfile::TempDir,
        made: CertifiedKey<KeyPair>,
    }

    impl Files {
        fn new() -> Self {
            let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            Self { folder: tempfile::tempdir().unwrap(), made }
        }

        /// Returns the outcome of files with these texts, without the name of the folder.
        fn outcome(&self, certificate: &str, key: &str) -> String {
            let [cert_path, key_path] = ["cert.pem", "key.pem"].map(|name| self.folder.path().join(name));
            fs::write(&cert_path, certificate).unwrap();
            fs::write(&key_path, key).unwrap();
            match acceptor(&cert_path, &key_path) {
                Ok(_) => "accepts".to_owned(),
                Err(Failure::Told(_, reason)) => {
                    reason.replace(&format!("{}/", self.folder.path().display()), "")
                }
                Err(other) => format!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_names_the_file() {
        let files = Files::new();
        let (cert, key) = (files.made.cert.pem(), files.made.signing_key.serialize_pem());
        assert_eq!(files.outcome(&cert, &key), "accepts");
        assert_eq!(files.outcome(&format!("{key}\n{cert}\n{cert}"), &format!("{cert}\n{key}")), "accepts");
        assert_eq!(files.outcome("", &key), "cert.pem: no certificate in it, expected PEM");
        assert_eq!(files.outcome(&key, &key), "cert.pem: no certificate in it, expected PEM");
        assert_eq!(files.outcome(&cert, &cert), "key.pem: no private key in it, expected PEM");
        let other = KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(
            files.outcome(&cert, &other),
            "key.pem: private key is not that of the certificate in cert.pem"
        );
        let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(files.outcome(&cert, junk).starts_with("key.pem: private key is of no use: "));
        let cut = &cert[..cert.len() / 2];
        assert!(files.outcome(cut, &key).starts_with("cert.pem: "), "{}", files.outcome(cut, &key));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let missing = Path::new("/nowhere/cert.pem");
        let Err(Failure::Told(_, reason)) = acceptor(missing, missing).map(drop) else {
            panic!("expected a reason")
        };
        assert!(reason.starts_with("/nowhere/cert.pem: No such file"), "{reason}");
    }
}
