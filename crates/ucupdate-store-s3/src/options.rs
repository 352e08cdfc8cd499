//! Options of a store in a bucket. A caller can fill them from the usual `AWS_*` environment
//! variables.

use crate::error::S3OptionsError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use ucupdate_store::{MAX_KEY_BYTES, StoreKey};

/// Largest length of a key in S3, in bytes.
const MAX_S3_KEY_BYTES: usize = 1024;
/// Largest length of a prefix in bytes. A key of S3 has room for the prefix, a `/` and the longest key of a store.
const MAX_PREFIX_BYTES: usize = MAX_S3_KEY_BYTES - MAX_KEY_BYTES - 1;
/// Largest part of an upload in S3, in bytes.
const MAX_PART_BYTES: usize = 5 * 1024 * 1024 * 1024;

/// Options of an [`S3Store`](crate::S3Store): bucket, server, credentials and timeouts.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_store_s3::{Credentials, S3Options};
///
/// let options = S3Options::at("s3://firmware/fleet/a")?
///     .with_endpoint("http://127.0.0.1:9102")
///     .with_credentials(Credentials::keys("key id", "secret"))
///     .with_deadline(Duration::from_secs(20));
/// assert_eq!(options.bucket(), "firmware");
/// assert_eq!(options.prefix(), "fleet/a");
/// assert_eq!(options.region(), "us-east-1");
/// # Ok::<_, ucupdate_store_s3::S3OptionsError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct S3Options {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    pub(crate) virtual_hosts: bool,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    pub(crate) system_roots: bool,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) part_bytes: usize,
    pub(crate) self_test: bool,
    pub(crate) retry_notice: RetryNotice,
}

/// A function that is called with the reason of each failed try. `None` if the caller set no
/// function.
#[derive(Clone, Default)]
pub(crate) struct RetryNotice(Option<Arc<Notice>>);

type Notice = dyn Fn(&str) + Send + Sync;

impl RetryNotice {
    pub(crate) fn call(&self, reason: &str) {
        if let Some(notice) = &self.0 {
            notice(reason);
        }
    }
}

impl fmt::Debug for RetryNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "RetryNotice" } else { "None" })
    }
}

/// The source of the credentials with which requests are signed.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// An access key.
    Keys {
        /// Identifier of the access key.
        key_id: String,
        /// Secret of the access key.
        secret: String,
        /// Session token of a temporary key; `None` for a permanent key.
        session_token: Option<String>,
    },
    /// A role with a web identity token in a file, as on Kubernetes with AWS.
    WebIdentity {
        /// Path of the file with the token.
        token_file: String,
        /// Amazon Resource Name (ARN) of the role.
        role_arn: String,
        /// Name of the session; `None` for the default of `object_store`.
        session_name: Option<String>,
    },
    /// The credentials that AWS gives to a container of ECS, from a path on a local server.
    Container {
        /// Path of the form `/v2/credentials/...`.
        relative_uri: String,
    },
    /// The credentials that AWS gives to a pod of EKS, from a URL.
    Pod {
        /// URL from which the credentials are fetched.
        full_uri: String,
        /// Path of the file with the token for requests to this URL.
        token_file: String,
    },
    /// The credentials that AWS gives to a virtual machine of EC2.
    Instance,
}

impl Credentials {
    /// Creates credentials from an access key and its secret.
    pub fn keys(key_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::Keys { key_id: key_id.into(), secret: secret.into(), session_token: None }
    }
}

impl fmt::Debug for Credentials {
    /// Prints the kind of the credentials and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { key_id, .. } => {
                f.debug_struct("Keys").field("key_id", key_id).finish_non_exhaustive()
            }
            Self::WebIdentity { role_arn, .. } => {
                f.debug_struct("WebIdentity").field("role_arn", role_arn).finish_non_exhaustive()
            }
            Self::Container { .. } => f.write_str("Container"),
            Self::Pod { .. } => f.write_str("Pod"),
            Self::Instance => f.write_str("Instance"),
        }
    }
}

impl S3Options {
    /// Creates options for a whole bucket, with the default of each `with_` method.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            credentials: Credentials::Instance,
            virtual_hosts: false,
            root_certificates: Vec::new(),
            system_roots: true,
            attempt_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(60),
            part_bytes: 8 * 1024 * 1024,
            self_test: true,
            retry_notice: RetryNotice::default(),
        }
    }

    /// Creates options from an address `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// [`S3OptionsError::Address`] for any other text.
    pub fn at(address: &str) -> Result<Self, S3OptionsError> {
        let refused = || S3OptionsError::Address { found: address.into() };
        let rest = address.strip_prefix("s3://").ok_or_else(refused)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refused());
        }
        Ok(Self::new(bucket).with_prefix(prefix.strip_suffix('/').unwrap_or(prefix)))
    }

    /// Sets options from the usual environment variables of AWS. `variable` returns the value of
    /// the variable with a given name. An empty value counts as unset. This function does not read
    /// the environment itself.
    ///
    /// | variable | sets |
    /// |---|---|
    /// | `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else `AWS_ENDPOINT` | the server |
    /// | `AWS_REGION`, else `AWS_DEFAULT_REGION` | the region |
    /// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | an access key |
    /// | `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`, `AWS_ROLE_SESSION_NAME` | otherwise a role |
    /// | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` | otherwise the credentials of a container |
    /// | `AWS_CONTAINER_CREDENTIALS_FULL_URI`, `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | otherwise those of a pod |
    ///
    /// # Errors
    /// [`S3OptionsError::Variable`] when a key is set without its secret, or a secret without its key.
    ///
    /// ```
    /// use ucupdate_store_s3::{Credentials, S3Options};
    ///
    /// let environment = [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "?")];
    /// let variable = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
    /// let options = S3Options::new("firmware").with_variables(variable)?;
    /// assert_eq!(options.region(), "eu-central-1");
    /// assert!(matches!(options.credentials(), Credentials::Keys { .. }));
    /// # Ok::<_, ucupdate_store_s3::S3OptionsError>(())
    /// ```
    pub fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, S3OptionsError> {
        let of = |name: &str| variable(name).filter(|value| !value.is_empty());
        let first = |names: [&str; 3]| names.into_iter().find_map(of);
        if let Some(endpoint) = first(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]) {
            self.endpoint = Some(endpoint);
        }
        if let Some(region) = of("AWS_REGION").or_else(|| of("AWS_DEFAULT_REGION")) {
            self.region = region;
        }
        let both = |one: &'static str, other: &'static str| match (of(one), of(other)) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(S3OptionsError::Variable { set: one, missing: other }),
            (None, Some(_)) => Err(S3OptionsError::Variable { set: other, missing: one }),
        };
        if let Some((key_id, secret)) = both("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")? {
            self.credentials = Credentials::Keys { key_id, secret, session_token: of("AWS_SESSION_TOKEN") };
        } else if let (Some(token_file), Some(role_arn)) =
            (of("AWS_WEB_IDENTITY_TOKEN_FILE"), of("AWS_ROLE_ARN"))
        {
            let session_name = of("AWS_ROLE_SESSION_NAME");
            self.credentials = Credentials::WebIdentity { token_file, role_arn, session_name };
        } else if let Some(relative_uri) = of("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            self.credentials = Credentials::Container { relative_uri };
        } else if let (Some(full_uri), Some(token_file)) =
            (of("AWS_CONTAINER_CREDENTIALS_FULL_URI"), of("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
        {
            self.credentials = Credentials::Pod { full_uri, token_file };
        }
        Ok(self)
    }

    /// Sets the text that comes before every key in the bucket, without the `/` after it. Example:
    /// `fleet/a`. Default: empty, so the store uses the whole bucket. Everything below the prefix
    /// belongs to the store. Do not write there with other programs.
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Sets the URL of the server, such as `https://s3.example.com`. Default: the server of AWS for
    /// the region. An `http://` URL is used without TLS.
    pub fn with_endpoint(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..self }
    }

    /// Sets the region, which is part of every signature. Default: `us-east-1`.
    pub fn with_region(self, region: impl Into<String>) -> Self {
        Self { region: region.into(), ..self }
    }

    /// Sets the source of the credentials. Default: [`Credentials::Instance`].
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Sets whether URLs have the bucket in the host name and not in the path. Default: `false`.
    /// With `true`, a custom endpoint must contain the bucket already.
    pub fn with_virtual_hosts(self, virtual_hosts: bool) -> Self {
        Self { virtual_hosts, ..self }
    }

    /// Adds trusted root certificates as PEM text. A text may have several. Default: none.
    pub fn with_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Sets whether the root certificates of the system are trusted too. Default: `true`.
    pub fn with_system_roots(self, system_roots: bool) -> Self {
        Self { system_roots, ..self }
    }

    /// Sets the time limit of one try of a request. Default: 30 seconds. The wait for the next
    /// bytes of a body has the same limit.
    ///
    /// A try to create, write or complete an object has at most half of
    /// [`with_deadline`](Self::with_deadline). So time remains to check whether a try without an
    /// answer was done.
    pub fn with_attempt_timeout(self, attempt_timeout: Duration) -> Self {
        Self { attempt_timeout, ..self }
    }

    /// Returns the time limit of one try of a request.
    pub const fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// Sets a function that is called when a try fails and may be repeated. Its argument is the reason, such as
    /// `Connection refused`. The function must not block. Without it a store retries silently until the deadline.
    pub fn with_retry_notice(self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { retry_notice: RetryNotice(Some(Arc::new(notice))), ..self }
    }

    /// Sets the time for which a request is retried, with growing pauses. After this time the call
    /// returns [`StoreError::Unavailable`](ucupdate_store::StoreError::Unavailable). The last try
    /// may take one [`with_attempt_timeout`](Self::with_attempt_timeout) more. Zero means a single
    /// try. Default: 60 seconds.
    ///
    /// A request that creates or writes an object, or completes its upload, is not repeated in the
    /// last quarter of this time, or in the last
    /// [`with_attempt_timeout`](Self::with_attempt_timeout) if that is shorter. The store may need
    /// this time to check whether an earlier try without an answer has succeeded. It checks this
    /// once even if the time is over.
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets the size of a part in bytes. A larger object is uploaded in parts, and a `put` holds up
    /// to three parts in memory. S3 accepts at most 10,000 parts, and every part except the last
    /// must have at least 5 MiB. Default: 8 MiB, so an object has at most 78 GiB.
    pub fn with_part_bytes(self, part_bytes: usize) -> Self {
        Self { part_bytes, ..self }
    }

    /// Sets whether opening checks that the server honours `If-None-Match: *`. Default: `true`. Use `false` for a
    /// server that was checked before, or for an access key that may only read. **If the server ignores this condition,
    /// two writers undo each other's changes without notice.**
    pub fn with_self_test(self, self_test: bool) -> Self {
        Self { self_test, ..self }
    }

    /// Sets the name of the bucket. The bucket must exist; the store never creates it.
    pub fn with_bucket(self, bucket: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), ..self }
    }

    /// Returns the name of the bucket, without an endpoint and without the prefix.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the text that comes before every key in the bucket, without a `/` at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the URL of the server, or `None` for AWS.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Returns the region that is part of every signature. It is `us-east-1` if none was set.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the source of the credentials.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Checks the options. Returns the prefix with a `/` at its end, or an empty text if there is
    /// no prefix.
    pub(crate) fn checked_prefix(&self) -> Result<String, S3OptionsError> {
        if self.part_bytes == 0 || self.part_bytes > MAX_PART_BYTES {
            return Err(S3OptionsError::PartBytes { found: self.part_bytes, limit: MAX_PART_BYTES });
        }
        if let Some(endpoint) = &self.endpoint
            && !endpoint.starts_with("http://")
            && !endpoint.starts_with("https://")
        {
            return Err(S3OptionsError::Endpoint { found: endpoint.as_str().into() });
        }
        if self.prefix.is_empty() {
            return Ok(String::new());
        }
        if self.prefix.len() > MAX_PREFIX_BYTES {
            return Err(S3OptionsError::PrefixTooLong { found: self.prefix.len(), limit: MAX_PREFIX_BYTES });
        }
        StoreKey::parse(&self.prefix)
            .map_err(|source| S3OptionsError::Prefix { found: self.prefix.as_str().into(), source })?;
        Ok(format!("{}/", self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_maybe_a_prefix() {
        for (address, bucket, prefix) in [
            ("s3://firmware", "firmware", ""),
            ("s3://firmware/", "firmware", ""),
            ("s3://firmware/fleet", "firmware", "fleet/"),
            ("s3://firmware/fleet/a/", "firmware", "fleet/a/"),
        ] {
            let options = S3Options::at(address).unwrap();
            assert_eq!(
                (options.bucket.as_str(), options.checked_prefix().unwrap().as_str()),
                (bucket, prefix)
            );
        }
        for address in ["", "s3:", "s3://", "s3:///fleet", "firmware", "https://firmware", "S3://firmware"] {
            let message = S3Options::at(address).unwrap_err().to_string();
            assert_eq!(message, format!("expected `s3://BUCKET` or `s3://BUCKET/PREFIX`, found `{address}`"));
        }
    }

    #[test]
    fn options_of_which_no_store_can_be_made_are_refused() {
        let of = |prefix: &str| S3Options::new("b").with_prefix(prefix).checked_prefix();
        assert!(matches!(of("a//b"), Err(S3OptionsError::Prefix { .. })));
        assert!(matches!(of("/a"), Err(S3OptionsError::Prefix { .. })));
        let long = format!("{}/{}", "x".repeat(200), "x".repeat(54));
        assert_eq!(of(&long).unwrap().len() + MAX_KEY_BYTES, MAX_S3_KEY_BYTES);
        assert!(matches!(
            of(&format!("{long}x")),
            Err(S3OptionsError::PrefixTooLong { found: 256, limit: 255 })
        ));
        let refused = S3Options::new("b").with_endpoint("localhost:9000").checked_prefix();
        assert!(matches!(refused, Err(S3OptionsError::Endpoint { .. })));
        let refused = S3Options::new("b").with_part_bytes(0).checked_prefix();
        assert!(matches!(refused, Err(S3OptionsError::PartBytes { found: 0, .. })));
    }

    fn of(variables: &[(&str, &str)]) -> Result<S3Options, S3OptionsError> {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|&(_, value)| value.to_owned());
        S3Options::new("b").with_variables(variable)
    }

    #[test]
    fn variables_say_where_and_who_and_the_more_exact_name_wins() {
        let options = of(&[
            ("AWS_ENDPOINT_URL", "http://general"),
            ("AWS_ENDPOINT_URL_S3", "http://exact"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", ""),
        ])
        .unwrap();
        assert_eq!(options.endpoint.as_deref(), Some("http://exact"));
        assert_eq!(options.region(), "eu-west-1");
        assert!(matches!(options.credentials, Credentials::Instance));

        let options = of(&[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "token"),
            ("AWS_ROLE_ARN", "role"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2"),
        ])
        .unwrap();
        assert!(matches!(options.credentials, Credentials::WebIdentity { session_name: None, .. }));
        let options = of(&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2")]).unwrap();
        assert!(matches!(options.credentials, Credentials::Container { .. }));
        let options = of(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://pod"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token"),
        ])
        .unwrap();
        assert!(matches!(options.credentials, Credentials::Pod { .. }));
    }

    #[test]
    fn half_a_key_is_refused_by_name() {
        let message = of(&[("AWS_SECRET_ACCESS_KEY", "?")]).unwrap_err().to_string();
        assert_eq!(
            message,
            "the variable `AWS_SECRET_ACCESS_KEY` is set and `AWS_ACCESS_KEY_ID` is not, expected both or neither"
        );
    }

    #[test]
    fn no_secret_is_shown() {
        let credentials = Credentials::Keys {
            key_id: "shown".into(),
            secret: "hidden".into(),
            session_token: Some("hidden".into()),
        };
        let shown = format!("{:?}", S3Options::new("b").with_credentials(credentials));
        assert!(shown.contains("shown") && !shown.contains("hidden"), "{shown}");
    }
}
