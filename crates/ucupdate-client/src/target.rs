//! Checks URLs: only http and https, and no credentials. Makes the URL of an offered file from the base URL and the
//! name of the file.

use crate::error::{ClientError, UrlFault};
use reqwest::Url;
use std::borrow::Cow;
use ucupdate_core::value::FileName;

/// Parses and checks the URL of a request handler, which comes from the caller.
pub(crate) fn handler_url(url: &str) -> Result<Url, ClientError> {
    checked(url).map_err(|fault| refused(url, fault))
}

/// Returns the URL of a file: the base URL, `/`, and the percent-encoded name.
pub(crate) fn file_url(base: &str, name: &FileName) -> Result<Url, ClientError> {
    let folder = checked(base).and_then(|url| {
        if url.query().is_some() || url.fragment().is_some() { Err(UrlFault::NotAFolder) } else { Ok(url) }
    });
    let mut url = folder.map_err(|fault| refused(base, fault))?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(name.as_str());
    }
    Ok(url)
}

pub(crate) fn redirected(from: &Url, location: &str, follows: fn(&str) -> bool) -> Result<Url, ClientError> {
    let joined = from.join(location).map_err(unreadable).and_then(|to| checked(to.as_str())).and_then(|to| {
        match (from.scheme(), to.scheme()) {
            ("https", "http") => Err(UrlFault::Downgrade),
            _ if !follows(to.as_str()) => Err(UrlFault::NotFollowed),
            _ => Ok(to),
        }
    });
    joined.map_err(|fault| refused(location, fault))
}

/// Returns a URL for error messages, with `?...` in place of its query. The query may be a
/// signature that grants access to the file.
pub(crate) fn shown(url: &Url) -> Box<str> {
    without_query(url.as_str()).into()
}

/// Returns the text with `?...` in place of everything from its first `?` on. The text is usually a
/// URL.
pub(crate) fn without_query(text: &str) -> Cow<'_, str> {
    match text.split_once('?') {
        Some((before, _)) => Cow::Owned(format!("{before}?...")),
        None => Cow::Borrowed(text),
    }
}

/// Creates the error for the URL `text`. The URL in the error has no user name, no password and no
/// query.
fn refused(text: &str, fault: UrlFault) -> ClientError {
    let url = match Url::parse(text) {
        Ok(mut url) if has_credentials(&url) => {
            let _ = url.set_username("").and_then(|()| url.set_password(None));
            shown(&url)
        }
        _ => without_query(text).into(),
    };
    ClientError::Url { url, fault }
}

fn checked(text: &str) -> Result<Url, UrlFault> {
    if text.trim().is_empty() {
        return Err(UrlFault::Blank);
    }
    let url = Url::parse(text).map_err(unreadable)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlFault::Scheme { found: url.scheme().into() });
    }
    if has_credentials(&url) {
        return Err(UrlFault::Credentials);
    }
    Ok(url)
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn unreadable(cause: impl std::fmt::Display) -> UrlFault {
    UrlFault::Unreadable { cause: cause.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn why(result: Result<Url, ClientError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_file_lies_below_the_base_url_with_or_without_its_last_slash() {
        let name: FileName = "CPE.nbt".parse().unwrap();
        let expected = "http://pool01.contoso.com/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";
        for base in [
            "http://pool01.contoso.com/DeviceUpdateFiles_Int/OCInterim/ENU",
            "http://pool01.contoso.com/DeviceUpdateFiles_Int/OCInterim/ENU/",
        ] {
            assert_eq!(file_url(base, &name).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        let name: FileName = "CPE.nbt".parse().unwrap();
        assert_eq!(why(file_url(" ", &name)), "URL \" \" is blank");
        assert_eq!(
            why(file_url("file:///etc", &name)),
            "URL \"file:///etc\" has the scheme file, expected http or https"
        );
        assert_eq!(
            why(file_url("http://a/b?c=", &name)),
            "URL \"http://a/b?...\" contains `?` or `#`, expected the URL of a folder"
        );
        assert_eq!(
            why(handler_url("http://me:secret@a/?token=secret")),
            "URL \"http://a/?...\" contains a user name or password, expected none"
        );
        assert_eq!(
            why(handler_url("ftp://me:secret@a/?token=secret")),
            "URL \"ftp://a/?...\" has the scheme ftp, expected http or https"
        );
        assert_eq!(
            why(handler_url("ucdevice.upx")),
            "URL \"ucdevice.upx\" cannot be read: relative URL without a base"
        );
    }

    #[test]
    fn a_redirect_may_lead_to_https_but_not_from_it() {
        let plain = Url::parse("http://a/b/c").unwrap();
        let safe = Url::parse("https://a/b/c").unwrap();
        let redirected = |from: &Url, to| redirected(from, to, |url| !url.starts_with("http://c/"));
        assert_eq!(redirected(&plain, "https://b/d").unwrap().as_str(), "https://b/d");
        assert_eq!(redirected(&safe, "/d").unwrap().as_str(), "https://a/d");
        assert_eq!(
            why(redirected(&safe, "http://a/d")),
            "URL \"http://a/d\" leads from https to http, which is not followed"
        );
        assert!(redirected(&plain, "ftp://a/d").is_err());
        assert_eq!(
            why(redirected(&plain, "//c/d?signature=1")),
            "URL \"//c/d?...\" leads to a server to which redirects are not followed"
        );
    }

    #[test]
    fn a_host_beyond_ascii_is_read_or_refused_in_any_case() {
        let from = Url::parse("http://a/b/c").unwrap();
        for (host, expected) in [
            ("\u{c4}A", Some("xn--a-zfa")),
            ("%C3%84%41", Some("xn--a-zfa")),
            ("xn--A-ZFA", Some("xn--a-zfa")),
            ("%FFA", None),
            ("xn--", None),
        ] {
            let read =
                [handler_url(&format!("http://{host}/")), redirected(&from, &format!("//{host}/"), |_| true)];
            for url in read {
                assert_eq!(url.ok().as_ref().and_then(Url::host_str), expected, "{host}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_stays_one_part_of_the_path_below_the_folder(name in "[ -~]{1,40}") {
            if let Ok(name) = name.parse::<FileName>() {
                let url = file_url("http://a/b", &name).unwrap();
                let parts: Vec<&str> = url.path_segments().unwrap().collect();
                prop_assert_eq!(parts.len(), 2);
                prop_assert_eq!(parts[0], "b");
                prop_assert_eq!(url.query(), None);
                prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}
