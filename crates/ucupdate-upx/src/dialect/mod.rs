//! A dialect: the names of the protocol's items on the wire.

mod error;
#[cfg(feature = "toml")]
mod file;

pub use self::error::DialectError;

use crate::names::{ITEMS, Item, ItemFacts, NAMES, NameScope, of};
use ucupdate_xml::chars::{is_xml_char, is_xml_name};

/// The largest size of a name in a [`Dialect`] in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The names of the items on the wire. Each item has one name for writing and any number of names for reading.
///
/// No body of a real phone is published, so the names are inferred (see [`NAMES`]). With a capture from a phone, the names
/// can be changed by these methods or in a file. Names match without regard to ASCII case and namespace prefixes.
///
/// ```
/// use ucupdate_upx::{Dialect, Item};
/// let dialect = Dialect::canonical().with_name(Item::Vendor, "Brand")?.with_alias(Item::Vendor, "Vendor")?;
/// assert_eq!(dialect.name(Item::Vendor), "Brand");
/// assert_eq!(dialect.aliases(Item::Vendor).collect::<Vec<_>>(), ["Vendor"]);
/// # Ok::<(), ucupdate_upx::DialectError>(())
/// ```
///
/// A dialect changes names only. Items are always written as elements, in the order of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    names: Vec<ItemNames>,
    request_namespace: Box<str>,
    response_namespace: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ItemNames {
    written: Box<str>,
    also: Vec<Box<str>>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self::canonical()
    }
}

impl Dialect {
    /// Returns the dialect that this project uses by default. Most of its names are the column titles of
    /// the audit log without blanks.
    pub fn canonical() -> Self {
        let names = NAMES
            .iter()
            .map(|entry| ItemNames {
                written: entry.canonical.into(),
                also: entry.aliases.iter().map(|alias| Box::from(*alias)).collect(),
            })
            .collect();
        Self { names, request_namespace: Box::default(), response_namespace: Box::default() }
    }

    /// Returns the name that is written for an item. The item is read under this name too.
    #[inline]
    pub fn name(&self, item: Item) -> &str {
        &self.names[item as usize].written
    }

    /// Returns the aliases of an item. The item is read under these names too, but never written.
    pub fn aliases(&self, item: Item) -> impl Iterator<Item = &str> {
        self.names[item as usize].also.iter().map(|name| &**name)
    }

    /// Returns the default namespace that written requests declare. It is blank if there is none. Reading ignores
    /// namespaces.
    pub fn request_namespace(&self) -> &str {
        &self.request_namespace
    }

    /// Returns the default namespace that written responses declare. It is blank if there is none. Reading ignores
    /// namespaces.
    pub fn response_namespace(&self) -> &str {
        &self.response_namespace
    }

    /// Sets the name that is written for an item. The item keeps its aliases.
    ///
    /// # Errors
    /// Returns an error if the name is too long or not an XML name without a prefix, or if another item of
    /// the same scope has the name.
    pub fn with_name(mut self, item: Item, name: &str) -> Result<Self, DialectError> {
        let names = &mut self.names[item as usize];
        names.written = checked(item, name)?;
        names.also.retain(|also| !also.eq_ignore_ascii_case(name));
        self.distinct()
    }

    /// Adds an alias for an item, which is only used for reading.
    ///
    /// # Errors
    /// Returns an error as [`with_name`](Self::with_name) does.
    pub fn with_alias(mut self, item: Item, name: &str) -> Result<Self, DialectError> {
        self.names[item as usize].also.push(checked(item, name)?);
        self.distinct()
    }

    /// Sets the default namespace that written requests declare. If it is blank, they declare none.
    ///
    /// # Errors
    /// Returns an error if the namespace contains a control character, or a character that XML forbids.
    pub fn with_request_namespace(mut self, namespace: &str) -> Result<Self, DialectError> {
        self.request_namespace = checked_namespace("request.namespace", namespace)?;
        Ok(self)
    }

    /// Sets the default namespace that written responses declare. If it is blank, they declare none.
    ///
    /// # Errors
    /// Returns an error if the namespace contains a control character, or a character that XML forbids.
    pub fn with_response_namespace(mut self, namespace: &str) -> Result<Self, DialectError> {
        self.response_namespace = checked_namespace("response.namespace", namespace)?;
        Ok(self)
    }

    /// Returns the item of `scope` that has this name or alias. `None` if the dialect does not know the name
    /// there. The search begins at the item with the index `hint` in the scope, because bodies mostly have
    /// their items in the order of [`NAMES`].
    #[inline]
    pub(crate) fn find(&self, scope: NameScope, name: &str, hint: usize) -> Option<Item> {
        let entries = of(scope);
        let (before, after) = entries.split_at(hint.min(entries.len()));
        after.iter().chain(before).find(|entry| self.is_called(entry, name)).map(|entry| entry.item)
    }

    #[inline]
    fn is_called(&self, entry: &ItemFacts, name: &str) -> bool {
        let names = &self.names[entry.item as usize];
        *names.written == *name
            || names.written.eq_ignore_ascii_case(name)
            || names.also.iter().any(|also| also.eq_ignore_ascii_case(name))
    }

    /// Checks that no two items in one part of a message share a name. Returns the dialect itself, or an error
    /// that names both items.
    fn distinct(self) -> Result<Self, DialectError> {
        debug_assert_eq!(self.names.len(), ITEMS);
        for (index, entry) in NAMES.iter().enumerate() {
            let written = std::iter::once(self.name(entry.item));
            for name in written.chain(self.aliases(entry.item)) {
                let others = NAMES.iter().skip(index + 1).filter(|other| other.scope == entry.scope);
                for other in others {
                    if self.is_called(other, name) {
                        return Err(DialectError::SameName {
                            name: name.into(),
                            first: entry.item.to_string().into(),
                            second: other.item.to_string().into(),
                        });
                    }
                }
            }
        }
        Ok(self)
    }
}

fn checked(item: Item, name: &str) -> Result<Box<str>, DialectError> {
    if name.len() > MAX_NAME_BYTES || !is_xml_name(name) {
        return Err(DialectError::NotAName { key: item.to_string().into(), name: name.into() });
    }
    Ok(name.into())
}

fn checked_namespace(key: &str, namespace: &str) -> Result<Box<str>, DialectError> {
    if !namespace.chars().all(|found| is_xml_char(found) && !found.is_control()) {
        return Err(DialectError::Namespace { key: key.into(), namespace: namespace.into() });
    }
    Ok(namespace.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_items_of_one_scope_never_share_a_name() {
        let refused = Dialect::canonical().with_name(Item::Vendor, "MODEL").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`request.vendor` and `request.model` are both named `MODEL`, expected different names"
        );
        let refused = Dialect::canonical().with_alias(Item::BaseUrl, "version").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`response_module.version` and `response_module.base_url` are both named `Version`, expected different names"
        );
        assert!(Dialect::canonical().with_name(Item::FileName, "Vendor").is_ok(), "another scope");
        assert!(Dialect::canonical().with_alias(Item::Vendor, "Vendor").is_ok(), "its own name");
    }

    #[test]
    fn a_text_that_is_not_an_xml_name_is_refused() {
        for name in ["", "a b", "1a", "a:b", "<a", "-a", &"x".repeat(MAX_NAME_BYTES + 1)] {
            let refused = Dialect::canonical().with_name(Item::Vendor, name).unwrap_err();
            assert!(matches!(refused, DialectError::NotAName { .. }), "{name}");
        }
        assert!(Dialect::canonical().with_response_namespace("urn:a\u{0}").is_err());
    }
}
