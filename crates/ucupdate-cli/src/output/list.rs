//! [`List`]: a list that is written as a table for people, or as one field of a JSON object for
//! scripts.

use super::table::Table;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt::{self, Display};

#[derive(Debug)]
pub(crate) struct List<const N: usize> {
    field: &'static str,
    none: &'static str,
    values: Vec<Value>,
    table: Table<N>,
}

impl<const N: usize> List<N> {
    /// Creates a list. `field` is the name of its JSON field, `none` is the text for an empty list,
    /// and `heading` is that of its table.
    pub(crate) fn new(field: &'static str, none: &'static str, heading: [&str; N]) -> Self {
        Self { field, none, values: Vec::new(), table: Table::new(heading) }
    }

    /// Adds an entry: its value for scripts, and its cells for people.
    pub(crate) fn row(&mut self, value: impl Serialize, cells: [&dyn Display; N]) {
        // The values have text keys and finite numbers only, so they can always be written as JSON.
        self.values.push(serde_json::to_value(value).unwrap_or_default());
        self.table.row(cells);
    }

    /// Adds a line below the last row of the table.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.table.line(line);
    }

    /// Returns the JSON values of the entries.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }
}

impl<const N: usize> Serialize for List<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.field, &self.values)?;
        map.end()
    }
}

impl<const N: usize> Display for List<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.values.is_empty() { f.write_str(self.none) } else { self.table.fmt(f) }
    }
}
