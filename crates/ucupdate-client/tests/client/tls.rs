//! Tests the certificates that a client trusts.

use crate::server::{Files, offer, options, status};
use crate::simulated::phone;
use axum::Router;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::tempdir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;
use ucupdate_client::{Client, ClientError, ConnectionFault, UrlFault};
use ucupdate_core::request::Side;
use ucupdate_core::value::FieldTime;

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Starts a server for the host `name` with a self-signed certificate. Returns its URL, and the certificate in PEM.
async fn start(name: &str, router: Router) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move { axum::serve(Tls { listener, acceptor }, router).await });
    (url, made.cert.pem())
}

fn nothing() -> Router {
    Router::new()
        .fallback(|| async { status(200, include_str!("../../../../vectors/canonical-nothing.xml")) })
}

#[tokio::test]
async fn a_server_is_trusted_by_an_extra_root_certificate_only() {
    let (url, pem) = start("localhost", nothing()).await;
    for system_roots in [false, true] {
        let trusting = options().with_system_roots(system_roots).with_root_certificates(pem.clone());
        let asked =
            phone().ask(&Client::new(trusting).unwrap(), &url, FieldTime::FILETIME_ZERO).await.unwrap();
        assert!(asked.response.modules.is_empty());

        let strange = Client::new(options().with_system_roots(system_roots)).unwrap();
        let error = phone().ask(&strange, &url, FieldTime::FILETIME_ZERO).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Connection { fault: ConnectionFault::Certificate, .. }),
            "{error}"
        );
        assert!(!error.may_pass());
        assert_eq!(error.device_code().unwrap().to_string(), "0x2f0d/0");
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let (url, pem) = start("elsewhere.contoso.com", nothing()).await;
    let client = Client::new(options().with_root_certificates(pem)).unwrap();
    let error = phone().ask(&client, &url, FieldTime::FILETIME_ZERO).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { fault: ConnectionFault::Certificate, .. }), "{error}");
}

#[tokio::test]
async fn a_connection_of_its_own_trusts_what_the_client_trusts() {
    let request = phone().next_request(FieldTime::FILETIME_ZERO);
    let (url, pem) = start("localhost", nothing()).await;
    let trusting = Client::new(options().with_root_certificates(pem)).unwrap();
    let mut connection = trusting.handler(&url).unwrap();
    for _ in 0..2 {
        assert!(connection.ask(&request).await.unwrap().response.modules.is_empty());
    }
    let (elsewhere, other) = start("elsewhere.contoso.com", nothing()).await;
    let without_tls = crate::server::serve(|_| async { status(200, "") }).await.replace("http:", "https:");
    let client = Client::new(options().with_root_certificates(other)).unwrap();
    for url in [url, elsewhere, without_tls] {
        let error = client.handler(&url).unwrap().ask(&request).await.unwrap_err();
        let of_the_client = client.ask(&url, &request).await.unwrap_err();
        assert_eq!(error.device_code(), of_the_client.device_code(), "{error}, {of_the_client}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_tls_server() {
    let url = crate::server::serve(|_| async { status(200, "") }).await.replace("http:", "https:");
    let error =
        phone().ask(&Client::new(options()).unwrap(), &url, FieldTime::FILETIME_ZERO).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { fault: ConnectionFault::Tls, .. }), "{error}");
}

#[tokio::test]
async fn a_download_over_tls_does_not_end_up_without() {
    let (_, plain) = Files::new(b"an image").start().await;
    let to_plain = Router::new().fallback(move || async move {
        let mut response = status(302, "");
        response.headers_mut().insert("location", format!("{plain}/CPE.nbt").parse().unwrap());
        response
    });
    let (url, pem) = start("localhost", to_plain).await;
    let client = Client::new(options().with_root_certificates(pem)).unwrap();
    let folder = tempdir().unwrap();
    let error = client.download(&offer(&url), Side::Internal, folder.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Url { fault: UrlFault::Downgrade, .. }), "{error}");
}

#[test]
fn what_is_no_root_certificate_is_refused() {
    let refused = |pem: &str| Client::new(options().with_root_certificates(pem)).unwrap_err().to_string();
    assert_eq!(
        refused("nothing here"),
        "the root certificates have no certificate, expected PEM with `BEGIN CERTIFICATE`"
    );
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(empty).starts_with("root certificate 1 cannot be read: "), "{}", refused(empty));
}
