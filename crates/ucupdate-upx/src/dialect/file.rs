//! A dialect in a TOML file.

use super::error::DialectError;
use super::{Dialect, ItemNames, checked, checked_namespace};
use crate::names::NAMES;

impl Dialect {
    /// Reads a dialect from the text of a TOML file.
    ///
    /// `dialect.example.toml` in this crate explains the form. An item that the file does not mention keeps its canonical
    /// names.
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
    /// Returns an error if the text is not TOML, has an unknown key, has a value that is not a name or a list
    /// of names, or gives the same name to two items in one part of a message (see
    /// [`NameScope`](crate::NameScope)).
    pub fn from_toml(text: &str) -> Result<Self, DialectError> {
        let tables: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
            DialectError::Toml { line: before.matches('\n').count() + 1, cause: error.message().into() }
        })?;
        let mut dialect = Self::canonical();
        for (table, value) in &tables {
            let known = NAMES.iter().any(|entry| entry.scope.key() == table);
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

    /// Returns the keys that a dialect file may have. The name of its TOML table stands before each key, as in
    /// `request.vendor`.
    pub fn keys() -> impl Iterator<Item = String> {
        let items = NAMES.iter().map(|entry| format!("{}.{}", entry.scope.key(), entry.key));
        items.chain(["request.namespace".to_owned(), "response.namespace".to_owned()])
    }

    fn set(&mut self, table: &str, key: &str, value: &toml::Value) -> Result<(), DialectError> {
        let path = || format!("{table}.{key}").into_boxed_str();
        let namespace = match (table, key) {
            ("request", "namespace") => Some(&mut self.request_namespace),
            ("response", "namespace") => Some(&mut self.response_namespace),
            _ => None,
        };
        if let Some(namespace) = namespace {
            let names = value.as_str().ok_or_else(|| DialectError::NotNames { key: path() })?;
            *namespace = checked_namespace(&path(), names)?;
            return Ok(());
        }
        let Some(entry) = NAMES.iter().find(|entry| entry.scope.key() == table && entry.key == key) else {
            return Err(DialectError::UnknownKey { key: path() });
        };
        let names: Option<Vec<&str>> = match value {
            toml::Value::String(name) => Some(vec![name]),
            toml::Value::Array(names) => names.iter().map(toml::Value::as_str).collect(),
            _ => None,
        };
        let Some((written, also)) = names.as_deref().and_then(<[&str]>::split_first) else {
            return Err(DialectError::NotNames { key: path() });
        };
        self.names[entry.item as usize] = ItemNames {
            written: checked(entry.item, written)?,
            also: also.iter().map(|name| checked(entry.item, name)).collect::<Result<_, _>>()?,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Item;

    #[test]
    fn the_example_is_the_canonical_dialect_and_names_every_item() {
        let example = include_str!("../../dialect.example.toml");
        assert_eq!(Dialect::from_toml(example).unwrap(), Dialect::canonical());
        let tables: toml::Table = example.parse().unwrap();
        for entry in NAMES {
            assert!(tables[entry.scope.key()].get(entry.key).is_some(), "{}", entry.key);
        }
        assert_eq!(Dialect::from_toml("").unwrap(), Dialect::canonical());
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(Dialect::from_toml(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn a_file_with_an_unknown_key_or_value_is_refused_by_its_key() {
        refused(
            "[request]\nvendors = \"V\"",
            "`request.vendors` is not an item of the protocol, expected a key of dialect.example.toml",
        );
        refused(
            "[requests]\nvendor = \"V\"",
            "`requests` is not an item of the protocol, expected a key of dialect.example.toml",
        );
        refused(
            "request = 1",
            "`request` is not an item of the protocol, expected a key of dialect.example.toml",
        );
        refused(
            "[request]\nvendor = []",
            "value of `request.vendor` is not a name, expected a name or a list of at least one name",
        );
        refused(
            "[request]\nvendor = 1",
            "value of `request.vendor` is not a name, expected a name or a list of at least one name",
        );
        refused(
            "[request_module]\nnamespace = \"a\"",
            "`request_module.namespace` is not an item of the protocol, expected a key of dialect.example.toml",
        );
        refused(
            "[response]\nroot = \"a b\"",
            "`response.root` is \"a b\", expected an XML name without a prefix, of at most 128 bytes",
        );
        refused(
            "[request]\nvendor = [\"Brand\", \"model\"]",
            "`request.vendor` and `request.model` are both named `model`, expected different names",
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
