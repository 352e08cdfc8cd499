//! The path in a public URL of the server (`/prefix` in `https://host/prefix`). A reverse proxy may
//! remove this path from requests or keep it. The server accepts both.

use http::Uri;
use http::uri::PathAndQuery;
use ucupdate::Origin;

/// The paths in the public URLs of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefixes(Vec<Box<str>>);

impl Prefixes {
    /// Returns the paths of these URLs. Most URLs have none.
    pub(crate) fn of<'o>(origins: impl IntoIterator<Item = &'o Origin>) -> Self {
        let mut prefixes = Vec::new();
        for origin in origins {
            let after_scheme = origin.as_str().split_once("//").map_or("", |(_, rest)| rest);
            let prefix: Option<Box<str>> =
                after_scheme.find('/').and_then(|at| after_scheme.get(at..)).map(Box::from);
            prefixes.extend(prefix.filter(|prefix| !prefixes.contains(prefix)));
        }
        Self(prefixes)
    }

    /// Returns the URI without its prefix. `None` if it has no prefix, or if `served` returns
    /// `false` for the rest of the path. ASCII case is ignored.
    pub(crate) fn strip(&self, uri: &Uri, served: impl Fn(&str) -> bool) -> Option<Uri> {
        let path = uri.path();
        let prefix = self.0.iter().find(|prefix| below(prefix, path).is_some_and(&served))?;
        let whole: PathAndQuery = uri.path_and_query()?.as_str().get(prefix.len()..)?.parse().ok()?;
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(whole);
        Uri::from_parts(parts).ok()
    }
}

/// Returns the part of `path` after the prefix, with its first slash. `None` if the path does not
/// begin with the prefix.
fn below<'p>(prefix: &str, path: &'p str) -> Option<&'p str> {
    let (start, rest) = path.split_at_checked(prefix.len())?;
    (start.eq_ignore_ascii_case(prefix) && rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(origins: &[&str]) -> Prefixes {
        let origins: Vec<Origin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        Prefixes::of(&origins)
    }

    fn served(path: &str) -> bool {
        path.starts_with("/RequestHandler/")
    }

    #[test]
    fn a_prefix_is_what_follows_host_and_port() {
        assert_eq!(prefixes(&["http://a", "https://a:8443"]), Prefixes::default());
        assert_eq!(
            prefixes(&["http://a/p", "https://b:8443/q/r", "http://c/p"]),
            Prefixes(vec!["/p".into(), "/q/r".into()])
        );
    }

    #[test]
    fn a_prefix_is_taken_off_once_and_the_query_stays() {
        let prefixes = prefixes(&["http://a/p"]);
        let stripped = |uri: &str| prefixes.strip(&uri.parse().unwrap(), served).map(|uri| uri.to_string());
        assert_eq!(stripped("/p/RequestHandler/x?y=/p"), Some("/RequestHandler/x?y=/p".to_owned()));
        assert_eq!(stripped("/P/RequestHandler/x"), Some("/RequestHandler/x".to_owned()));
        assert_eq!(stripped("http://a/p/RequestHandler/x"), Some("http://a/RequestHandler/x".to_owned()));
        for untouched in [
            "/RequestHandler/x",
            "/p",
            "/p/",
            "/pq/RequestHandler/x",
            "/p/p/RequestHandler/x",
            "/p/other",
            "*",
        ] {
            assert_eq!(stripped(untouched), None, "{untouched}");
        }
    }

    #[test]
    fn a_prefix_that_looks_like_a_served_path_takes_nothing_away() {
        let prefixes = prefixes(&["http://a/RequestHandler"]);
        assert_eq!(prefixes.strip(&"/RequestHandler/ucdevice.upx".parse().unwrap(), served), None);
        let twice = prefixes.strip(&"/RequestHandler/RequestHandler/ucdevice.upx".parse().unwrap(), served);
        assert_eq!(twice.unwrap().path(), "/RequestHandler/ucdevice.upx");
    }
}
