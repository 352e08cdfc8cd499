//! TLS for listeners: a certificate chain and its key, from PEM files.

use crate::failure::{Failure, chain};
use crate::files;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio_rustls::TlsAcceptor;
use x509_cert::der::Decode as _;

/// Largest size in bytes of a file with certificates or with a key. A chain of ten certificates has
/// about 20 KB.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A certificate that expires within this time causes a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A certificate chain and its key, with the paths of their files. The files are read again when
/// they change, so a renewed certificate needs no restart.
#[derive(Debug)]
pub(crate) struct ServedCertificate {
    certificates: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// The marks of the files when they were last read.
    read: Mutex<Marks>,
}

/// The marks of the two files. The mark of a file that cannot be examined is `None`.
#[derive(Debug, PartialEq, Eq)]
struct Marks {
    certificates: Option<Mark>,
    key: Option<Mark>,
}

impl Marks {
    fn of(certificates: &Path, key: &Path) -> Self {
        Self { certificates: mark(certificates), key: mark(key) }
    }
}

/// The size of a file and the time of its last change. A change of the file changes its mark.
type Mark = (u64, SystemTime);

impl ServedCertificate {
    /// Reads a file with certificates, the server's own first, and a file with the key (PKCS#8,
    /// PKCS#1 or SEC1). Also returns warnings: the certificate is not valid now or expires soon, or
    /// others can read the key. The failure contains the path of the file that cannot be used.
    pub(crate) fn open(
        certificates: &Path,
        key: &Path,
        now: SystemTime,
    ) -> Result<(Arc<Self>, Vec<String>), Failure> {
        let marks = Marks::of(certificates, key);
        let (certified, warnings) = certified(certificates, key, now)?;
        let served = Self {
            certificates: certificates.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(certified)),
            read: Mutex::new(marks),
        };
        Ok((Arc::new(served), warnings))
    }

    /// Opens the files on a new thread, because they may be on another machine that does not
    /// answer.
    pub(crate) async fn open_on_own_thread(
        certificates: &Path,
        key: &Path,
    ) -> Result<(Arc<Self>, Vec<String>), Failure> {
        let (certificates, key) = (certificates.to_owned(), key.to_owned());
        files::on_own_thread(move || Self::open(&certificates, &key, SystemTime::now())).await
    }

    /// Returns an acceptor for TLS 1.2 and 1.3. For each connection it uses the certificate that
    /// was read last. Fails when TLS cannot be set up.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, Failure> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::in_doing("setting up TLS", &error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.certificates
    }

    /// Reads the files again if one of them changed, or in any case with `always`. Returns the
    /// warnings about the new certificate, or `None` if the files were not read. After an error the
    /// earlier certificate stays in use. The failure contains the path of the file that cannot be
    /// used.
    pub(crate) fn reload(&self, always: bool, now: SystemTime) -> Result<Option<Vec<String>>, Failure> {
        let marks = Marks::of(&self.certificates, &self.key);
        {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            if *read == marks && !always {
                return Ok(None);
            }
            // Files that cannot be used are not tried again until they change.
            *read = marks;
        }
        let (certified, warnings) = certified(&self.certificates, &self.key, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
        Ok(Some(warnings))
    }

    /// Returns a warning if the certificate is not valid now, or expires soon. Otherwise returns
    /// `None`.
    pub(crate) fn validity_warning(&self, now: SystemTime) -> Option<String> {
        let current = self.current();
        let what = validity_warning(current.cert.first()?, now)?;
        Some(format!("{}: {what}", self.certificates.display()))
    }

    /// Returns whether the certificate is valid for this host name. Returns `false` if the
    /// certificate cannot be parsed.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let current = self.current();
        let Ok(name) = ServerName::try_from(host) else { return false };
        let parsed = current.cert.first().map(ParsedCertificate::try_from);
        parsed.is_some_and(|parsed| parsed.is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok()))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Returns the mark of a file. `None` if the file does not exist or cannot be examined.
fn mark(path: &Path) -> Option<Mark> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn certified(
    certificates: &Path,
    key: &Path,
    now: SystemTime,
) -> Result<(CertifiedKey, Vec<String>), Failure> {
    let in_file =
        |path: &Path, what: String| Failure::not_understood(format_args!("{}: {what}", path.display()));
    [certificates, key].into_iter().try_for_each(files::refuse_missing)?;
    let pem = read(certificates).map_err(|what| in_file(certificates, what))?;
    let chain_of = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| in_file(certificates, pem_fault(&error, "certificate")))?;
    let Some(own) = chain_of.first() else {
        return Err(in_file(certificates, "no certificate in it, expected PEM".to_owned()));
    };
    let pem = read(key).map_err(|what| in_file(key, what))?;
    let private = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| in_file(key, pem_fault(&error, "private key")))?;
    let validity = validity_warning(own, now).map(|what| format!("{}: {what}", certificates.display()));
    let warnings = validity.into_iter().chain(files::mode_warning(key, "private key")).collect();
    let signing = ring::sign::any_supported_type(&private)
        .map_err(|error| in_file(key, format!("private key cannot be used: {}", chain(&error))))?;
    let certified = CertifiedKey::new(chain_of, signing);
    // If the public key cannot be derived from the private key, they cannot be compared, so the key
    // is accepted.
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
            return Err(in_file(certificates, format!("certificate cannot be used: {}", chain(&error))));
        }
    }
    Ok((certified, warnings))
}

/// Reads a file with certificates or with a key. The error is the reason as text.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    files::read_file(path, MAX_FILE_BYTES).map_err(|error| match error.kind() {
        ErrorKind::Other => format!("it {error}, expected a file in PEM"),
        _ => error.to_string(),
    })
}

/// Returns a warning if a certificate is not valid now, or expires soon. `None` if it is valid, or
/// cannot be parsed.
fn validity_warning(certificate: &CertificateDer<'_>, now: SystemTime) -> Option<String> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate.validity;
    let (begin, end) = (validity.not_before.to_system_time(), validity.not_after.to_system_time());
    if now > end {
        return Some(format!("the certificate expired at {}: clients refuse it", validity.not_after));
    }
    if now < begin {
        return Some(format!(
            "the certificate is valid from {} only: clients refuse it",
            validity.not_before
        ));
    }
    (now + SOON > end).then(|| format!("the certificate expires at {}: renew it", validity.not_after))
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
    use rcgen::{KeyPair, generate_simple_self_signed};
    use std::fs;

    struct Files {
        folder: tempfile::TempDir,
        made: rcgen::CertifiedKey<KeyPair>,
    }

    impl Files {
        fn new() -> Self {
            let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            Self { folder: tempfile::tempdir().unwrap(), made }
        }

        /// Reads a certificate and a key with these texts from files. Returns `accepts`, or the
        /// reason of a refusal without the path of the folder.
        fn outcome(&self, certificate: &str, key: &str) -> String {
            let [cert_path, key_path] = ["cert.pem", "key.pem"].map(|name| self.folder.path().join(name));
            fs::write(&cert_path, certificate).unwrap();
            fs::write(&key_path, key).unwrap();
            match certified(&cert_path, &key_path, SystemTime::now()) {
                Ok(_) => "accepts".to_owned(),
                Err(Failure::Explained(_, reason)) => {
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
        assert!(files.outcome(&cert, junk).starts_with("key.pem: private key cannot be used: "));
        let cut = &cert[..cert.len() / 2];
        assert!(files.outcome(cut, &key).starts_with("cert.pem: "), "{}", files.outcome(cut, &key));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let missing = Path::new("/nowhere/cert.pem");
        let Err(Failure::Explained(_, reason)) = certified(missing, missing, SystemTime::now()).map(drop)
        else {
            panic!("expected a reason")
        };
        assert!(reason.starts_with("/nowhere/cert.pem: No such file"), "{reason}");
    }

    #[test]
    fn a_file_without_an_end_and_a_large_one_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large.pem");
        fs::write(&large, vec![b'a'; MAX_FILE_BYTES + 1]).unwrap();
        let expected = "it has more than 1048576 bytes, expected a file in PEM";
        let device = "is a device, expected a regular file";
        for (path, expected) in [(&*large, expected), (Path::new("/dev/zero"), device)] {
            let Err(Failure::Explained(_, reason)) = certified(path, path, SystemTime::now()).map(drop)
            else {
                panic!("expected a reason")
            };
            assert_eq!(reason, format!("{}: {expected}", path.display()));
        }
    }

    #[test]
    fn an_expired_certificate_and_a_key_for_everybody_are_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let files = Files::new();
        assert_eq!(files.outcome(&files.made.cert.pem(), &files.made.signing_key.serialize_pem()), "accepts");
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| files.folder.path().join(name));
        let warnings = |mode: u32, now: SystemTime| {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            certified(&cert, &key, now).unwrap().1.join("; ")
        };
        let now = SystemTime::now();
        assert_eq!(warnings(0o600, now), "");
        assert_eq!(warnings(0o640, now), "");
        assert!(warnings(0o644, now).contains("key.pem: the private key has mode 644"));
        assert!(warnings(0o660, now).contains("mode 660"));
        // The certificates of rcgen are valid from 1975 to 4096.
        assert!(
            warnings(0o600, now + Duration::from_secs(3000 * 365 * 86400))
                .contains("cert.pem: the certificate expired")
        );
        assert!(warnings(0o600, SystemTime::UNIX_EPOCH).contains("is valid from 1975"));
    }

    #[test]
    fn a_certificate_is_read_again_when_its_file_changes_and_stays_after_a_mistake() {
        let files = Files::new();
        assert_eq!(files.outcome(&files.made.cert.pem(), &files.made.signing_key.serialize_pem()), "accepts");
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| files.folder.path().join(name));
        let now = SystemTime::now();
        let (served, _) = ServedCertificate::open(&cert, &key, now).unwrap();
        assert!(served.is_for("localhost") && !served.is_for("updates.contoso.com"));
        assert_eq!(served.reload(false, now).unwrap(), None, "nothing changed");
        let made = generate_simple_self_signed(vec!["updates.contoso.com".to_owned()]).unwrap();
        fs::write(&cert, made.cert.pem()).unwrap();
        assert!(served.reload(false, now).is_err(), "the key is not that of the new certificate");
        assert!(served.is_for("localhost"), "the previous certificate is kept");
        fs::write(&key, made.signing_key.serialize_pem() + "\n").unwrap();
        assert!(served.reload(false, now).unwrap().is_some());
        assert!(served.is_for("updates.contoso.com") && !served.is_for("localhost"));
        assert!(served.reload(true, now).unwrap().is_some());
    }
}
