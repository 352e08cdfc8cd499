//! Fetches files from https URLs. A file is fetched as a whole, and its SHA-256 is checked, before
//! anything reads it.

use crate::failure::{Failure, chain, with_limit_option};
use crate::remote::tls;
use futures_util::StreamExt as _;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use std::fmt;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;
use ucupdate::value::{Sha256Digest, Sha256Hasher};

/// The longest time for opening a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// The longest time without any bytes from the server.
const STALL_TIME: Duration = Duration::from_secs(60);

/// The longest time for fetching a whole file.
const WHOLE_TIME: Duration = Duration::from_secs(6 * 60 * 60);

/// The largest number of redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// The https URL of a file, and the SHA-256 that the file must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    url: Url,
    sha256: Sha256Digest,
}

impl fmt::Display for Address {
    /// Writes the URL without its query, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address with a name or a password is refused before it is shown.
        f.write_str(self.url.as_str().split(['?', '#']).next().unwrap_or_default())
    }
}

/// Returns whether an argument is an http or https URL, and not the path of a file.
pub(crate) fn is_address(text: &Path) -> bool {
    let text = text.to_string_lossy();
    ["https://", "http://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

impl Address {
    /// Parses a URL. Fails when it is not an https URL, or contains a user name or a password.
    pub(crate) fn new(text: &Path, sha256: Sha256Digest) -> Result<Self, Failure> {
        let text = text.to_string_lossy();
        let url: Url = text.parse().map_err(|error| {
            Failure::usage(format_args!("the address of a package cannot be read: {error}"))
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::usage(
                "the address of a package has a user name or a password, expected one without; fetch the file with another \
                 program, and give it to `ucupdate ingest -`",
            ));
        }
        let address = Self { url, sha256 };
        if address.url.scheme() != "https" {
            return Err(Failure::usage(format_args!(
                "{address}: the package would cross the network without TLS, expected an https address"
            )));
        }
        Ok(address)
    }

    /// Returns the last part of the URL's path, which is the name of the file. If that is empty,
    /// returns `package`.
    pub(crate) fn file_name(&self) -> String {
        let last = self.url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        let name = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
        let plain: String = name.chars().filter(|c| !c.is_control()).collect();
        if plain.is_empty() { "package".to_owned() } else { plain }
    }

    /// Fetches the file into a temporary file without a name, which is removed when it is closed.
    /// Returns the temporary file and its size in bytes. `progress` gets the number of bytes so far
    /// and the announced size.
    ///
    /// Fails when the server does not answer with a file of at most `most` bytes, or when the file
    /// has another digest.
    pub(crate) async fn fetch(
        &self,
        most: u64,
        ca_file: Option<&Path>,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<(File, u64), Failure> {
        let response = self.send(ca_file).await?;
        let announced = response.content_length();
        let too_large = || {
            let reached = format!("the file is larger than {most} bytes, which is the limit `cabinet_bytes`");
            Failure::new(with_limit_option(reached))
        };
        if announced.is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut file = tempfile::tempfile()
            .map_err(|error| Failure::in_doing("making a temporary file for the package", &error))?;
        let (mut pieces, mut digesting) = (response.bytes_stream(), Sha256Hasher::default());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| {
                Failure::new(format_args!("the file ended early: {}; try again", chain(&error.without_url())))
            })?;
            if digesting.size() + piece.len() as u64 > most {
                return Err(too_large());
            }
            digesting.update(&piece);
            file = super::blocking(move || {
                file.write_all(&piece)
                    .map_err(|error| Failure::in_doing("writing a temporary file for the package", &error))?;
                Ok(file)
            })
            .await?;
            progress(digesting.size(), announced);
        }
        let found = digesting.digest();
        if found != self.sha256 {
            return Err(Failure::new(format_args!(
                "the file has the SHA-256 {found}, expected {}; nothing was stored. Check the address, and ask the publisher of \
                 the package for its digest",
                self.sha256
            )));
        }
        file.rewind()
            .map_err(|error| Failure::in_doing("reading a temporary file for the package", &error))?;
        Ok((file, digesting.size()))
    }

    async fn send(&self, ca_file: Option<&Path>) -> Result<Response, Failure> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(ca_file)?)
            .redirect(Policy::custom(redirect))
            .connect_timeout(CONNECT_TIME)
            .read_timeout(STALL_TIME)
            .timeout(WHOLE_TIME)
            .user_agent(concat!("ucupdate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::in_doing("setting up the client", &error))?;
        let sent = client.get(self.url.clone()).send().await;
        let response = sent.map_err(|error| {
            let error = error.without_url();
            Failure::new(match tls::known_reason(&error) {
                Some(reason) => reason,
                None => format!("{}; check the address", chain(&error)),
            })
        })?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => Err(Failure::not_found(format_args!(
                "the server has no such file ({status}); check the address"
            ))),
            status => {
                Err(Failure::new(format_args!("the server answered {status}, expected 200 and the file")))
            }
        }
    }
}

/// Follows redirects to https, at most [`MAX_REDIRECTS`] of them. Fails at any other redirect.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.url().scheme() != "https" {
        return attempt.error("the server redirects to an address without TLS, expected https");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("the server redirects again and again");
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    fn address(text: &str) -> Result<Address, Failure> {
        Address::new(Path::new(text), Sha256Digest::of(b""))
    }

    #[test]
    fn an_address_is_https_and_has_no_password_and_a_refusal_shows_no_secret() {
        for wrong in [
            "http://a.b/uc.cab?token=secret",
            "http://a.b/uc.cab#secret",
            "http://ann:secret@a.b/uc.cab",
            "https://",
            "https://ann:secret@a.b/uc.cab",
            "https://ann@a.b/uc.cab",
            "https://a.b:port/?token=secret",
        ] {
            let Err(Failure::Explained(FailureKind::Usage, reason)) = address(wrong) else {
                panic!("{wrong} is taken")
            };
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_file_is_called_by_the_last_part_of_its_path_and_a_query_is_not_shown() {
        let with_query = address("https://a.b/x/UC%20Updates.cab?token=secret#top").unwrap();
        assert_eq!(with_query.file_name(), "UC Updates.cab");
        assert_eq!(with_query.to_string(), "https://a.b/x/UC%20Updates.cab");
        assert_eq!(address("https://a.b").unwrap().file_name(), "package");
        assert_eq!(address("https://a.b/%0A%1B").unwrap().file_name(), "package");
    }

    #[test]
    fn an_address_is_no_path() {
        for (text, is) in [
            ("https://a/b", true),
            ("HTTP://a/b", true),
            ("https", false),
            ("-", false),
            ("a/https://", false),
        ] {
            assert_eq!(is_address(Path::new(text)), is, "{text}");
        }
    }
}
