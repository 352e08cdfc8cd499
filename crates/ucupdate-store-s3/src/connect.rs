//! The connection to a server: a client of `object_store` that uses our HTTP client and makes no retries.

use crate::body::{self, ExpectedDocument, MAX_BODY_BYTES, ObjectBody, limited};
use crate::cause::ErrorResponse;
use crate::error::S3OptionsError;
use crate::options::{Credentials, S3Options};
use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientOptions, RetryConfig};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_store::BoxError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates a builder with the server, the bucket and the credentials of the options.
pub(crate) fn builder(options: &S3Options) -> AmazonS3Builder {
    use AmazonS3ConfigKey as Key;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&options.bucket)
        .with_region(&options.region)
        .with_virtual_hosted_style_request(options.virtual_hosts);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    match &options.credentials {
        Credentials::Keys { key_id, secret, session_token } => {
            builder = builder.with_access_key_id(key_id).with_secret_access_key(secret);
            if let Some(token) = session_token {
                builder = builder.with_token(token);
            }
        }
        Credentials::WebIdentity { token_file, role_arn, session_name } => {
            builder = builder
                .with_config(Key::WebIdentityTokenFile, token_file)
                .with_config(Key::RoleArn, role_arn);
            if let Some(name) = session_name {
                builder = builder.with_config(Key::RoleSessionName, name);
            }
        }
        Credentials::Container { relative_uri } => {
            builder = builder.with_config(Key::ContainerCredentialsRelativeUri, relative_uri);
        }
        Credentials::Pod { full_uri, token_file } => {
            builder = builder
                .with_config(Key::ContainerCredentialsFullUri, full_uri)
                .with_config(Key::ContainerAuthorizationTokenFile, token_file);
        }
        Credentials::Instance => {}
    }
    builder
}

/// Creates the client. Replaces the settings of the builder for retries, connections and
/// conditional writes.
pub(crate) fn client(builder: AmazonS3Builder, options: &S3Options) -> Result<AmazonS3, S3OptionsError> {
    builder
        // A hidden retry would find the object of the first try, and report that another writer was faster.
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_bulk_delete(true)
        .with_http_connector(Connector { http: http(options)? })
        .build()
        .map_err(|error| S3OptionsError::Connection { source: error.into() })
}

fn http(options: &S3Options) -> Result<reqwest::Client, S3OptionsError> {
    let failed = |source: BoxError| S3OptionsError::Connection { source };
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls(options).map_err(failed)?)
        .user_agent(concat!("ucupdate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .http1_only()
        // The size of a compressed body would differ from the size of the object.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .no_proxy()
        // A signature is valid for one host only, so redirects are not followed.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .build()
        .map_err(|error| failed(error.into()))
}

/// Returns the TLS configuration. It is made here, because the one that `reqwest` makes needs a
/// crypto provider for the whole process.
fn tls(options: &S3Options) -> Result<ClientConfig, BoxError> {
    let mut roots = RootCertStore::empty();
    let mut extra = Vec::new();
    for pem in &options.root_certificates {
        let before = extra.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate?;
            roots.add(certificate.clone())?;
            extra.push(certificate);
        }
        if extra.len() == before {
            return Err(
                "the root certificates have no certificate, expected PEM with `BEGIN CERTIFICATE`".into()
            );
        }
    }
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    // A system without root certificates is not an error, because a private server may be used
    // without TLS.
    let system =
        if options.system_roots { Verifier::new_with_extra_roots(extra, provider).ok() } else { None };
    Ok(match system {
        Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        None => builder.with_root_certificates(roots),
    }
    .with_no_client_auth())
}

#[derive(Debug)]
struct Connector {
    http: reqwest::Client,
}

impl HttpConnector for Connector {
    /// Returns one HTTP client for objects and credentials. The caller enforces timeouts.
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(NamedErrors(self.http.clone())))
    }
}

/// An HTTP service that returns an error response as [`ErrorResponse`] if `object_store` would hide
/// its status code. Other error responses are passed on. The service limits the bodies of successful
/// answers, except those of objects. Where a document is expected, it checks that the body is one.
#[derive(Debug)]
struct NamedErrors(reqwest::Client);

#[async_trait]
impl HttpService for NamedErrors {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let document = ExpectedDocument::of(&request);
        let has_object = request.extensions().get::<ObjectBody>().is_some();
        let answer = HttpService::call(&self.0, request).await?;
        let status = answer.status().as_u16();
        if answer.status().is_success() || status == 304 {
            return match document {
                Some(document) => checked(document, answer).await,
                None if has_object => Ok(answer),
                None => Ok(limited(answer)),
            };
        }
        let (parts, body) = answer.into_parts();
        // If the body cannot be read, the status is enough.
        let bytes = match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(bytes) => bytes.to_bytes(),
            Err(_) => bytes::Bytes::new(),
        };
        let said = ErrorResponse::new(status, &String::from_utf8_lossy(&bytes));
        let named = match status {
            // `object_store` has variants for these statuses.
            401 | 403 | 409 | 412 => true,
            404 => said.code() != "NoSuchBucket",
            _ => false,
        };
        if named {
            Ok(HttpResponse::from_parts(parts, bytes.into()))
        } else {
            Err(HttpError::new(HttpErrorKind::Unknown, said))
        }
    }
}

/// Reads the body of a successful answer, and checks that it is the requested document. A server
/// may also report an error in such a body.
async fn checked(document: ExpectedDocument, answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = answer.into_parts();
    let bytes = document.read(body).await?;
    let text = String::from_utf8_lossy(&bytes);
    if body::root(&text) == Some("Error") {
        let said = ErrorResponse::new(parts.status.as_u16(), &text);
        return Err(HttpError::new(HttpErrorKind::Unknown, said));
    }
    let content_type = parts.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match document.check(content_type, &text) {
        Ok(()) => Ok(HttpResponse::from_parts(parts, bytes.into())),
        Err(unexpected) => Err(HttpError::new(HttpErrorKind::Unknown, unexpected)),
    }
}
