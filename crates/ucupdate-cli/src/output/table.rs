//! Tables for people. Columns are aligned by blanks, and untrusted text is escaped.

use super::shown::Shown;
use std::fmt::{self, Display};

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    table: comfy_table::Table,
    /// Lines below rows, with the number of lines of the table above them.
    lines: Vec<(usize, String)>,
}

impl<const N: usize> Table<N> {
    /// Returns a table with this heading.
    pub(crate) fn new(heading: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_header(heading);
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        Self { table, lines: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: [&dyn Display; N]) {
        self.table.add_row(cells.map(|cell| Shown(cell).to_string()));
    }

    /// Adds a line below the last row, for a remark that is not a cell.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.lines.push((self.table.row_count() + 1, format!("  {}", Shown(line))));
    }
}

impl<const N: usize> Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.lines.iter().peekable();
        for (number, row) in (1..).zip(self.table.lines()) {
            write!(f, "{}{}", if number == 1 { "" } else { "\n" }, row.trim_end())?;
            while let Some((_, line)) = lines.next_if(|(rows, _)| *rows == number) {
                write!(f, "\n{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["RULE", "PENDING", "X"]);
        table.row([&"a/b", &"1.0\u{1b}", &"-"]);
        table.row([&"ä", &"-", &""]);
        let text = "RULE  PENDING    X\na/b   1.0\\u{1b}  -\nä     -";
        assert_eq!(table.to_string(), text);
        let mut wide = Table::new(["NAME", "X"]);
        wide.row([&"\u{96fb}\u{8a71}", &"1"]);
        wide.row([&"e\u{301}", &"2"]);
        assert_eq!(wide.to_string(), "NAME  X\n\u{96fb}\u{8a71}  1\ne\u{301}     2", "two columns, and one");
        table.line("of the last row\u{7}");
        table.row([&"b", &"", &""]);
        assert_eq!(table.to_string(), format!("{text}\n  of the last row\\u{{7}}\nb"));
    }
}
