//! The user agent that a client sends when it signs in, and the products in it.

use crate::device::client_filter::ClientType;
use crate::version::ReportedVersion;

/// The largest size of a user agent in bytes. A longer user agent is not read, and has no products.
pub const MAX_USER_AGENT_BYTES: usize = 1024;

/// The largest number of products that are read from a user agent. Further products are ignored.
pub const MAX_PRODUCTS: usize = 8;

/// A user agent as it was sent, and the products in it.
///
/// The form is SIP's `User-Agent` (RFC 3261, section 20.41): products with their versions, and comments in
/// parentheses. Comments are ignored. Clients send the name of their platform before their own name, as in
/// `UCCAPI/3.5.6890.0 OC/3.5.6890.0 (...)`. An example in MS-SIPREGE and, for phones, the inventory report
/// of Lync confirm this order.
///
/// ```
/// use ucupdate_core::device::UserAgent;
/// let agent = UserAgent::new("CPE/4.0.7423.1 OCPhone/4.0.7423.1 (Microsoft Lync 2010 (Beta) Phone Edition)");
/// let named: Vec<&str> = agent.products().iter().map(|product| product.client_type.as_str()).collect();
/// assert_eq!(named, ["CPE", "OCPhone"]);
/// assert_eq!(agent.products()[1].version.as_ref().unwrap().as_str(), "4.0.7423.1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    said: Box<str>,
    products: Vec<ClientProduct>,
}

/// One product of a user agent: a client and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientProduct {
    /// The type of the client, such as `OCPhone`.
    pub client_type: ClientType,
    /// The version of the client, even if it cannot be read. `None` if the product has no version.
    pub version: Option<ReportedVersion>,
}

impl UserAgent {
    /// Parses a user agent. Products that cannot be parsed are ignored. If the text is longer than
    /// [`MAX_USER_AGENT_BYTES`], there are no products.
    pub fn new(said: &str) -> Self {
        let mut products = Vec::new();
        if said.len() <= MAX_USER_AGENT_BYTES {
            products.extend(words(said).filter_map(product).take(MAX_PRODUCTS));
        }
        Self { said: said.into(), products }
    }

    /// Returns the user agent as it was sent.
    pub fn raw(&self) -> &str {
        &self.said
    }

    /// Returns the products in the order of the header.
    pub fn products(&self) -> &[ClientProduct] {
        &self.products
    }
}

/// Parses `name` or `name/version`. `None` if the name is not a valid client type.
fn product(word: &str) -> Option<ClientProduct> {
    let (name, version) = match word.split_once('/') {
        Some((name, version)) => (name, Some(ReportedVersion::new(version))),
        None => (word, None),
    };
    Some(ClientProduct { client_type: name.parse().ok()?, version })
}

/// Returns the words between blanks, without comments in parentheses. A comment that is not closed extends
/// to the end.
fn words(said: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let mut escaped = false;
    let outside = move |c: char| {
        if depth == 0 {
            depth += usize::from(c == '(');
            return c == '(' || c.is_ascii_whitespace();
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        true
    };
    said.split(outside).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ucupdate_testkit::texts::pattern;

    #[track_caller]
    fn read(said: &str) -> Vec<(String, Option<String>)> {
        let text = |product: &ClientProduct| {
            let version = product.version.as_ref().map(ToString::to_string);
            (product.client_type.to_string(), version)
        };
        UserAgent::new(said).products().iter().map(text).collect()
    }

    #[test]
    fn products_are_read_and_comments_passed_over() {
        let product = |name: &str, version: &str| (name.to_owned(), Some(version.to_owned()));
        for (said, expected) in [
            (
                "UCCAPI/3.5.6890.0 OC/3.5.6890.0 (Microsoft Office Communicator 2007 R2)",
                vec![product("UCCAPI", "3.5.6890.0"), product("OC", "3.5.6890.0")],
            ),
            ("(a (b/1.0) c\\) d/1.0) OC/2.0", vec![product("OC", "2.0")]),
            ("OC/2.0(x)UCCP/2.0", vec![product("OC", "2.0"), product("UCCP", "2.0")]),
            ("OC/2.0 (LMC/8.0", vec![product("OC", "2.0")]),
            ("a/b/c", vec![product("a", "b/c")]),
            ("Microsoft UCPhone Device", {
                let bare = |name: &str| (name.to_owned(), None);
                vec![bare("Microsoft"), bare("UCPhone"), bare("Device")]
            }),
            ("/1.0 \u{7}/1.0 ) ", vec![(")".to_owned(), None)]),
            ("", vec![]),
        ] {
            assert_eq!(read(said), expected, "{said}");
        }
    }

    #[test]
    fn no_more_is_read_than_the_limits_say() {
        assert_eq!(read(&"a/1.0 ".repeat(MAX_PRODUCTS + 1)).len(), MAX_PRODUCTS);
        let longest = format!("OC/2.0 {}", "x".repeat(MAX_USER_AGENT_BYTES - 7));
        assert_eq!(longest.len(), MAX_USER_AGENT_BYTES);
        assert_eq!(read(&longest).len(), 1, "a text that is not a label is skipped");
        assert!(read(&(longest + "x")).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_kept_as_said(said in pattern("[a-z/. ()\\\\]{0,40}|\\PC{0,40}")) {
            let agent = UserAgent::new(&said);
            prop_assert_eq!(agent.raw(), &said);
            prop_assert!(agent.products().len() <= MAX_PRODUCTS);
        }
    }
}
