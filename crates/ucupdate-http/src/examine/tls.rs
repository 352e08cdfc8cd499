//! The certificate and the TLS versions of a server, as devices see them.
//!
//! The parent module finds whether the chain is trusted, because its requests verify the chain.
//! This module also reads certificates that are not trusted.

use super::LIMIT;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use ucupdate::store::error_chain;
use ucupdate::{Finding, FindingSeverity};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate that expires within this time gets a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Returns the findings about the certificate and the TLS versions at an address.
pub(super) async fn findings(host: &str, address: SocketAddr) -> Vec<Finding> {
    let chain_of = match timeout(LIMIT, certificates(host, address)).await {
        Ok(Ok(chain_of)) => chain_of,
        Ok(Err(error)) => return vec![failed(host, &error_chain(&error))],
        Err(_) => return vec![failed(host, &format!("no answer within {} s", LIMIT.as_secs()))],
    };
    let mut findings = Vec::new();
    if let Some(own) = chain_of.first() {
        findings.extend(certificate_findings(host, own, chain_of.len(), SystemTime::now()));
    }
    if !speaks_tls_1_0(host, address).await {
        findings.push(Finding::new(
            "no-tls-1.0",
            FindingSeverity::Note,
            host,
            format!("{host} does not speak TLS 1.0, and phones of 2009 speak nothing newer"),
            "TLS 1.0 for phones of 2009, where there are any".to_owned(),
            "put nginx or haproxy in front, as deploy/ shows, or let these phones ask by http inside"
                .to_owned(),
        ));
    }
    findings
}

fn failed(host: &str, reason: &str) -> Finding {
    Finding::new(
        "tls-failed",
        FindingSeverity::Problem,
        host,
        format!("no TLS 1.2 or 1.3 connection to {host}: {reason}"),
        "a server that speaks TLS at this port".to_owned(),
        "check the port of the URL and the certificate of the server or its proxy".to_owned(),
    )
}

/// Returns the findings about the certificate `own` of a server. `sent` is the number of
/// certificates that the server sent.
fn certificate_findings(host: &str, own: &CertificateDer<'_>, sent: usize, now: SystemTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |kind, severity, found: String, expected: &str, remedy: &str| {
        findings.push(Finding::new(kind, severity, host, found, expected.to_owned(), remedy.to_owned()));
    };
    let has_name = ParsedCertificate::try_from(own).is_ok_and(|parsed| {
        ServerName::try_from(host).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    });
    let Ok(certificate) = Certificate::from_der(own) else {
        add(
            "certificate-unreadable",
            FindingSeverity::Problem,
            format!("the certificate of {host} cannot be read"),
            "an X.509 certificate",
            "give the server or its proxy a certificate that browsers accept",
        );
        return findings;
    };
    let body = &certificate.tbs_certificate;
    if !has_name {
        add(
            "certificate-name",
            FindingSeverity::Problem,
            format!("the certificate is for {}, and not for {host}", names(&certificate)),
            "a certificate with the name of the URL among its alternative names",
            "give the server or its proxy a certificate for this name",
        );
    }
    let (begin, end) = (body.validity.not_before.to_system_time(), body.validity.not_after.to_system_time());
    if now > end {
        add(
            "certificate-expired",
            FindingSeverity::Problem,
            format!("the certificate of {host} expired at {}", body.validity.not_after),
            "a certificate that is valid now",
            "renew it",
        );
    } else if now < begin {
        add(
            "certificate-not-yet-valid",
            FindingSeverity::Problem,
            format!("the certificate of {host} is valid from {} only", body.validity.not_before),
            "a certificate that is valid now",
            "check the clock of this machine, or use the previous certificate",
        );
    } else if now + SOON > end {
        add(
            "certificate-expires-soon",
            FindingSeverity::Warning,
            format!("the certificate of {host} expires at {}", body.validity.not_after),
            "a certificate that is valid for two weeks or more",
            "renew it",
        );
    }
    if sent == 1 && body.issuer != body.subject {
        add(
            "chain-short",
            FindingSeverity::Note,
            format!("{host} sends one certificate, and not that of its issuer {}", body.issuer),
            "all certificates up to the root, unless the root itself issued it",
            "put the certificates of intermediate authorities behind the server's own in its PEM file",
        );
    }
    if !is_sha1(&certificate) {
        add(
            "signature-sha2",
            FindingSeverity::Note,
            format!("the certificate of {host} has a SHA-2 signature, which phones of 2009 cannot check"),
            "a SHA-1 signature for phones of 2009, where there are any",
            "let these phones ask by http inside, or give the proxy a certificate of your own authority for them",
        );
    }
    findings
}

/// Returns whether a certificate is signed by RSA or ECDSA with SHA-1.
fn is_sha1(certificate: &Certificate) -> bool {
    ["1.2.840.113549.1.1.5", "1.2.840.10045.4.1"].contains(&&*certificate.signature_algorithm.oid.to_string())
}

fn names(certificate: &Certificate) -> String {
    let named = certificate.tbs_certificate.get::<SubjectAltName>().ok().flatten();
    let names: Vec<String> = named
        .map(|(_, names)| names.0)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.to_string()),
            _ => None,
        })
        .take(10)
        .collect();
    if names.is_empty() { certificate.tbs_certificate.subject.to_string() } else { names.join(", ") }
}

/// Returns the certificates that a server sends, its own first. They need not be trusted.
async fn certificates(host: &str, address: SocketAddr) -> io::Result<Vec<CertificateDer<'static>>> {
    let provider = Arc::new(ring::default_provider());
    let seen = Arc::new(AnyCertificate { provider: Arc::clone(&provider), chain: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let mut chain = seen.chain.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *chain))
}

/// A verifier that accepts any certificate and keeps the chain. This is safe, because no data is
/// sent over the connection.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(own).chain(intermediates);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) =
            all.map(|certificate| certificate.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns whether a server answers the greeting of a TLS 1.0 client with TLS 1.0.
async fn speaks_tls_1_0(host: &str, address: SocketAddr) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&client_hello(host)).await?;
        // A record of 5 bytes, then the message: its kind, its length in 3 bytes, its version.
        let mut start = [0; 11];
        stream.read_exact(&mut start).await?;
        Ok::<_, io::Error>(start)
    };
    let Ok(Ok(start)) = timeout(LIMIT, greeting).await else { return false };
    let (is_handshake, is_server_hello) = (start[0] == 22, start[5] == 2);
    is_handshake && is_server_hello && start[9..] == TLS_1_0
}

/// The version number of TLS 1.0.
const TLS_1_0: [u8; 2] = [3, 1];

/// The cipher suites that clients of 2009 offered: RSA, DHE and ECDHE with AES, 3DES and RC4. The
/// last number is no suite: it says that the client supports secure renegotiation.
const CIPHER_SUITES: [u16; 14] = [
    0x002f, 0x0035, 0x000a, 0x0005, 0x0004, 0x0033, 0x0039, 0xc013, 0xc014, 0xc012, 0xc009, 0xc00a, 0xc008,
    0x00ff,
];

/// Returns the first TLS record of a client that speaks TLS 1.0 and nothing newer.
fn client_hello(host: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        [&length.to_be_bytes()[..], bytes].concat()
    };
    let extension = |kind: u16, content: &[u8]| [&kind.to_be_bytes()[..], &sized(content)].concat();
    let mut extensions = Vec::new();
    // An IP address is not sent as a server name.
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0][..], &sized(host.as_bytes())].concat();
        extensions.extend(extension(0, &sized(&name)));
    }
    extensions.extend(extension(10, &sized(&[0, 23, 0, 24, 0, 25])));
    extensions.extend(extension(11, &[1, 0]));
    let suites: Vec<u8> = CIPHER_SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let body = [
        &TLS_1_0[..],
        // The random bytes can be constant, because the connection ends after the greeting.
        &[0x5a; 32],
        &[0],
        &sized(&suites),
        &[1, 0],
        &sized(&extensions),
    ]
    .concat();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[22][..], &TLS_1_0, &sized(&message)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair, generate_simple_self_signed};
    use tokio::net::TcpListener;

    fn kinds(host: &str, own: &CertificateDer<'_>, now: SystemTime) -> Vec<&'static str> {
        certificate_findings(host, own, 1, now).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn names_and_dates_of_a_certificate_are_looked_at() {
        let made = generate_simple_self_signed(vec!["updates.contoso.com".to_owned()]).unwrap();
        let (own, now) = (made.cert.der(), SystemTime::now());
        assert_eq!(kinds("updates.contoso.com", own, now), ["signature-sha2"]);
        assert_eq!(kinds("other.contoso.com", own, now), ["certificate-name", "signature-sha2"]);
        let late = now + Duration::from_secs(3000 * 365 * 86_400);
        assert_eq!(kinds("updates.contoso.com", own, late), ["certificate-expired", "signature-sha2"]);
        let early = kinds("updates.contoso.com", own, SystemTime::UNIX_EPOCH);
        assert_eq!(early, ["certificate-not-yet-valid", "signature-sha2"]);
        let found = certificate_findings("b", own, 1, now);
        assert!(found[0].found.contains("is for updates.contoso.com, and not for b"), "{found:?}");
        let noise = CertificateDer::from(vec![7; 20]);
        assert_eq!(kinds("b", &noise, now), ["certificate-unreadable"]);
    }

    #[test]
    fn a_certificate_of_few_days_and_one_without_its_issuer_are_found() {
        let params = |name: &str| {
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let key = || KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params("authority"), key()).unwrap();
        let own = params("updates.contoso.com").signed_by(&key(), &issuer).unwrap();
        let (own, now) = (own.der(), SystemTime::now());
        assert_eq!(kinds("updates.contoso.com", own, now), ["chain-short", "signature-sha2"]);
        let sent_with_issuer = certificate_findings("updates.contoso.com", own, 2, now);
        assert_eq!(sent_with_issuer.len(), 1, "{sent_with_issuer:?}");
        let certificate = Certificate::from_der(own).unwrap();
        let end = certificate.tbs_certificate.validity.not_after.to_system_time();
        let last_week = certificate_findings("updates.contoso.com", own, 2, end - SOON / 2);
        let kinds: Vec<_> = last_week.iter().map(|finding| (finding.kind, finding.severity)).collect();
        assert_eq!(kinds[0], ("certificate-expires-soon", FindingSeverity::Warning));
    }

    #[tokio::test]
    async fn the_greeting_of_a_client_is_answered_by_its_version() {
        for (answer, speaks) in [
            (&[22, 3, 1, 0, 50, 2, 0, 0, 46, 3, 1][..], true),
            (&[22, 3, 3, 0, 50, 2, 0, 0, 46, 3, 3], false),
            (&[21, 3, 1, 0, 2, 2, 70], false),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", false),
            (b"", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut start = [0; 11];
                stream.read_exact(&mut start).await.unwrap();
                stream.write_all(answer).await.unwrap();
                start
            });
            assert_eq!(speaks_tls_1_0("a.b", address).await, speaks, "{answer:?}");
            let start = serving.await.unwrap();
            assert_eq!((start[0], start[5], &start[9..]), (22, 1, &TLS_1_0[..]));
        }
    }
}
