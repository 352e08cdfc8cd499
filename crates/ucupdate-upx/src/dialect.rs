//! A dialect: how the items of the protocol are called on the wire.

use crate::names::{Entry, ITEMS, Item, NAMES, Place, of};
use ucupdate_xml::chars::{is_xml_char, is_xml_name};

/// The most bytes a name may have.
pub const MAX_NAME_BYTES: usize = 128;

/// The names of a request and a response: one to write each item by, and any number to read it by.
///
/// No body of a real phone is published, so the names are inferred (see [`NAMES`]). Whoever holds a capture changes
/// them here, or in a file, without compiling anything. Names match without ASCII case, and whatever prefix stands
/// before them.
///
/// ```
/// use ucupdate_upx::{Dialect, Item};
/// let dialect = Dialect::canonical().with_name(Item::Vendor, "Brand")?.with_alias(Item::Vendor, "Vendor")?;
/// assert_eq!(dialect.name(Item::Vendor), "Brand");
/// assert_eq!(dialect.aliases(Item::Vendor).collect::<Vec<_>>(), ["Vendor"]);
/// # Ok::<(), ucupdate_upx::DialectError>(())
/// ```
///
/// A dialect says names. It cannot say that an item is *written* as an attribute, or in another order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    names: Vec<Names>,
    request_namespace: Box<str>,
    response_namespace: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Names {
    written: Box<str>,
    also: Vec<Box<str>>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self::canonical()
    }
}

impl Dialect {
    /// The dialect of the project: the audit log's column titles without their blanks.
    pub fn canonical() -> Self {
        let names =
            NAMES.iter().map(|entry| Names { written: entry.canonical.into(), also: Vec::new() }).collect();
        Self { names, request_namespace: Box::default(), response_namespace: Box::default() }
    }

    /// The name an item is written by, and read by.
    #[inline]
    pub fn name(&self, item: Item) -> &str {
        &self.names[item as usize].written
    }

    /// The further names an item is read by.
    pub fn aliases(&self, item: Item) -> impl Iterator<Item = &str> {
        self.names[item as usize].also.iter().map(|name| &**name)
    }

    /// The namespace a written request declares for itself; blank for none. In reading, namespaces never matter.
    pub fn request_namespace(&self) -> &str {
        &self.request_namespace
    }

    /// The namespace a written response declares for itself; blank for none. In reading, namespaces never matter.
    pub fn response_namespace(&self) -> &str {
        &self.response_namespace
    }

    /// The same with another name for an item; the aliases stay.
    ///
    /// # Errors
    /// When it is no name of XML without a prefix, or another item of the same place has it.
    pub fn with_name(mut self, item: Item, name: &str) -> Result<Self, DialectError> {
        self.names[item as usize].written = checked(item, name)?;
        self.distinct()
    }

    /// The same with one more name to read an item by.
    ///
    /// # Errors
    /// As for [`with_name`](Self::with_name).
    pub fn with_alias(mut self, item: Item, name: &str) -> Result<Self, DialectError> {
        self.names[item as usize].also.push(checked(item, name)?);
        self.distinct()
    }

    /// The same with a namespace for written requests; blank for none.
    ///
    /// # Errors
    /// When it holds what XML cannot.
    pub fn with_request_namespace(mut self, namespace: &str) -> Result<Self, DialectError> {
        self.request_namespace = checked_namespace("request.namespace", namespace)?;
        Ok(self)
    }

    /// The same with a namespace for written responses; blank for none.
    ///
    /// # Errors
    /// When it holds what XML cannot.
    pub fn with_response_namespace(mut self, namespace: &str) -> Result<Self, DialectError> {
        self.response_namespace = checked_namespace("response.namespace", namespace)?;
        Ok(self)
    }

    /// Reads a dialect from a TOML file, as `dialect.example.toml` in this crate explains one. What the file does not
    /// name is called as in the canonical dialect.
    ///
    /// ```
    /// use ucupdate_upx::{Dialect, Item};
    /// let dialect = Dialect::from_toml("[request]\nvendor = [\"Brand\", \"Vendor\"]\n")?;
    /// assert_eq!(dialect.name(Item::Vendor), "Brand");
    /// assert_eq!(dialect.name(Item::Model), "Model");
    /// assert!(Dialect::from_toml("[request]\nvendors = \"Brand\"\n").is_err());
    /// # Ok::<(), ucupdate_upx::DialectError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not TOML, has a key that nobody knows, a value that is no name (or list of names), or two items
    /// of one place under one name.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, DialectError> {
        let tables: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            DialectError::Toml { line: before.matches('\n').count() + 1, cause: error.message().into() }
        })?;
        let mut dialect = Self::canonical();
        for (table, value) in &tables {
            let known = NAMES.iter().any(|entry| entry.place.key() == table);
            let toml::Value::Table(values) = value else {
                return Err(DialectError::UnknownKey { key: table.as_str().into() });
            };
            if !known {
                return Err(DialectError::UnknownKey { key: table.as_str().into() });
            }
            for (key, value) in values {
                dialect.set(table, key, value)?;
            }
        }
        dialect.distinct()
    }

    #[cfg(feature = "toml")]
    fn set(&mut self, table: &str, key: &str, value: &toml::Value) -> Result<(), DialectError> {
        let path = || format!("{table}.{key}").into_boxed_str();
        let namespace = match (table, key) {
            ("request", "namespace") => Some(&mut self.request_namespace),
            ("response", "namespace") => Some(&mut self.response_namespace),
            _ => None,
        };
        if let Some(namespace) = namespace {
            let said = value.as_str().ok_or_else(|| DialectError::NotNames { key: path() })?;
            *namespace = checked_namespace(&path(), said)?;
            return Ok(());
        }
        let Some(entry) = NAMES.iter().find(|entry| entry.place.key() == table && entry.key == key) else {
            return Err(DialectError::UnknownKey { key: path() });
        };
        let said: Option<Vec<&str>> = match value {
            toml::Value::String(name) => Some(vec![name]),
            toml::Value::Array(names) => names.iter().map(toml::Value::as_str).collect(),
            _ => None,
        };
        let Some((written, also)) = said.as_deref().and_then(<[&str]>::split_first) else {
            return Err(DialectError::NotNames { key: path() });
        };
        self.names[entry.item as usize] = Names {
            written: checked(entry.item, written)?,
            also: also.iter().map(|name| checked(entry.item, name)).collect::<Result<_, _>>()?,
        };
        Ok(())
    }

    /// The item of `place` that is called `name`, looked for from `hint` on: items mostly come in the order of the table.
    #[inline]
    pub(crate) fn find(&self, place: Place, name: &str, hint: usize) -> Option<Item> {
        let entries = of(place);
        let (before, after) = entries.split_at(hint.min(entries.len()));
        after.iter().chain(before).find(|entry| self.is_called(entry, name)).map(|entry| entry.item)
    }

    #[inline]
    fn is_called(&self, entry: &Entry, name: &str) -> bool {
        let names = &self.names[entry.item as usize];
        names.written.eq_ignore_ascii_case(name)
            || names.also.iter().any(|also| also.eq_ignore_ascii_case(name))
    }

    /// Itself, if no two items of a place share a name.
    fn distinct(self) -> Result<Self, DialectError> {
        debug_assert_eq!(self.names.len(), ITEMS);
        for (index, entry) in NAMES.iter().enumerate() {
            let written = std::iter::once(self.name(entry.item));
            for name in written.chain(self.aliases(entry.item)) {
                let others = NAMES.iter().skip(index + 1).filter(|other| other.place == entry.place);
                for other in others {
                    if self.is_called(other, name) {
                        return Err(DialectError::SameName {
                            name: name.into(),
                            first: key(entry.item),
                            second: key(other.item),
                        });
                    }
                }
            }
        }
        Ok(self)
    }
}

fn key(item: Item) -> Box<str> {
    let entry = item.entry();
    format!("{}.{}", entry.place.key(), entry.key).into()
}

fn checked(item: Item, name: &str) -> Result<Box<str>, DialectError> {
    if name.len() > MAX_NAME_BYTES || !is_xml_name(name) {
        return Err(DialectError::NotAName { key: key(item), name: name.into() });
    }
    Ok(name.into())
}

fn checked_namespace(key: &str, namespace: &str) -> Result<Box<str>, DialectError> {
    if !namespace.chars().all(|found| is_xml_char(found) && !found.is_control()) {
        return Err(DialectError::Namespace { key: key.into(), namespace: namespace.into() });
    }
    Ok(namespace.into())
}

/// Why there is no such dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialectError {
    /// The file is not TOML.
    #[error("line {line}: {cause}")]
    Toml {
        /// The line, counted from one.
        line: usize,
        /// What is wrong there.
        cause: Box<str>,
    },
    /// A key that names no item.
    #[error("`{key}` is no item of the dialect")]
    UnknownKey {
        /// The key.
        key: Box<str>,
    },
    /// A value that is neither a name nor a list of names.
    #[error("`{key}` is not a name or a list of at least one name")]
    NotNames {
        /// The key.
        key: Box<str>,
    },
    /// A name that XML does not allow, or with a prefix, or too long.
    #[error(
        "`{key}` is {name:?}, expected a name of XML without a prefix, of at most {MAX_NAME_BYTES} bytes"
    )]
    NotAName {
        /// The key.
        key: Box<str>,
        /// What was given.
        name: Box<str>,
    },
    /// A namespace that XML cannot hold.
    #[error("`{key}` is {namespace:?}, which holds a control character")]
    Namespace {
        /// The key.
        key: Box<str>,
        /// What was given.
        namespace: Box<str>,
    },
    /// Two items of one place under one name.
    #[error("`{first}` and `{second}` are both called `{name}`")]
    SameName {
        /// The name.
        name: Box<str>,
        /// One key.
        first: Box<str>,
        /// The other.
        second: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_items_of_one_place_never_share_a_name() {
        let refused = Dialect::canonical().with_name(Item::Vendor, "MODEL").unwrap_err();
        assert_eq!(refused.to_string(), "`request.vendor` and `request.model` are both called `MODEL`");
        let refused = Dialect::canonical().with_alias(Item::BaseUrl, "version").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`response_module.version` and `response_module.base_url` are both called `Version`"
        );
        assert!(Dialect::canonical().with_name(Item::FileName, "Vendor").is_ok(), "another place");
        assert!(Dialect::canonical().with_alias(Item::Vendor, "Vendor").is_ok(), "its own name");
    }

    #[test]
    fn what_is_no_name_of_xml_is_refused() {
        for name in ["", "a b", "1a", "a:b", "<a", "-a", &"x".repeat(MAX_NAME_BYTES + 1)] {
            let refused = Dialect::canonical().with_name(Item::Vendor, name).unwrap_err();
            assert!(matches!(refused, DialectError::NotAName { .. }), "{name}");
        }
        assert!(Dialect::canonical().with_response_namespace("urn:a\u{0}").is_err());
    }

    #[cfg(feature = "toml")]
    mod file {
        use super::*;

        #[test]
        fn the_example_is_the_canonical_dialect_and_names_every_item() {
            let example = include_str!("../dialect.example.toml");
            assert_eq!(Dialect::from_toml(example).unwrap(), Dialect::canonical());
            let tables: toml::Table = example.parse().unwrap();
            for entry in NAMES {
                assert!(tables[entry.place.key()].get(entry.key).is_some(), "{}", entry.key);
            }
            assert_eq!(Dialect::from_toml("").unwrap(), Dialect::canonical());
        }

        #[track_caller]
        fn refused(text: &str, message: &str) {
            assert_eq!(Dialect::from_toml(text).unwrap_err().to_string(), message);
        }

        #[test]
        fn a_file_that_says_what_nobody_knows_is_refused_by_name() {
            refused("[request]\nvendors = \"V\"", "`request.vendors` is no item of the dialect");
            refused("[requests]\nvendor = \"V\"", "`requests` is no item of the dialect");
            refused("request = 1", "`request` is no item of the dialect");
            refused(
                "[request]\nvendor = []",
                "`request.vendor` is not a name or a list of at least one name",
            );
            refused("[request]\nvendor = 1", "`request.vendor` is not a name or a list of at least one name");
            refused(
                "[request_module]\nnamespace = \"a\"",
                "`request_module.namespace` is no item of the dialect",
            );
            refused(
                "[response]\nroot = \"a b\"",
                "`response.root` is \"a b\", expected a name of XML without a prefix, of at most 128 bytes",
            );
            refused(
                "[request]\nvendor = [\"Brand\", \"model\"]",
                "`request.vendor` and `request.model` are both called `model`",
            );
            assert!(Dialect::from_toml("[request]\n= 1").unwrap_err().to_string().starts_with("line 2: "));
        }

        #[test]
        fn a_list_is_one_name_to_write_and_more_to_read() {
            let text = "[response]\nnamespace = \"urn:x\"\nroot = [\"Updates\", \"Response\", \"Answer\"]";
            let dialect = Dialect::from_toml(text).unwrap();
            assert_eq!(dialect.name(Item::ResponseRoot), "Updates");
            assert_eq!(dialect.aliases(Item::ResponseRoot).collect::<Vec<_>>(), ["Response", "Answer"]);
            assert_eq!(dialect.response_namespace(), "urn:x");
        }
    }
}
