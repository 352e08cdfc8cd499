//! Tests a server behind TLS, and the certificates that the store trusts.

use crate::{hasty, key};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use ucupdate_store::{ImageStore as _, ImageStoreExt as _};
use ucupdate_store_s3::{S3OpenError, S3OptionsError, S3Store};
use ucupdate_testkit::s3::{Bucket, S3Server};

/// Starts a TLS proxy in front of a server. Returns its URL, and its certificate in PEM.
async fn behind_tls(server: &S3Server) -> (String, String) {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let private = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], private.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let plain: SocketAddr = server.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(socket).await else { return };
                let mut server = TcpStream::connect(plain).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (endpoint, signed.cert.pem())
}

#[tokio::test]
async fn a_server_is_trusted_by_a_root_certificate_of_ones_own_and_by_nothing_else() {
    let server = S3Server::start(Bucket::default()).await;
    let (endpoint, certificate) = behind_tls(&server).await;
    let mut options = hasty(&server).with_endpoint(endpoint).with_deadline(Duration::from_secs(2));
    options = options.with_attempt_timeout(Duration::from_secs(5));
    options = options.with_self_test(true);

    let store = S3Store::open(options.clone().with_root_certificates(certificate)).await.unwrap();
    store.create(&key("a"), "x".into()).await.unwrap();
    assert_eq!(store.get_bytes(&key("a"), 9).await.unwrap(), "x");

    let refused = S3Store::open(options.clone()).await;
    assert!(matches!(refused, Err(S3OpenError::Bucket { .. })), "{refused:?}");
    let unreadable = S3Store::open(options.with_root_certificates("no certificate")).await;
    assert!(
        matches!(unreadable, Err(S3OpenError::Options(S3OptionsError::Connection { .. }))),
        "{unreadable:?}"
    );
}
