//! Tables for people. Columns are aligned with spaces, and untrusted text is escaped.

use super::shown::Shown;
use super::style::Style;
use super::terminal_width;
use super::wrapped::push_wrapped;
use comfy_table::ContentArrangement;
use std::fmt::{self, Display};

/// A table: rows under a heading. On a terminal that is too narrow, cells are broken into lines.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    table: comfy_table::Table,
    width: Option<usize>,
    /// The lines added by [`line`](Self::line). In `table`, an empty row marks the place of each
    /// line.
    lines: Vec<String>,
}

impl<const N: usize> Table<N> {
    /// Creates a table with this heading. If stdout is a terminal, the table is at most as wide as
    /// the terminal.
    pub(crate) fn new(heading: [&str; N]) -> Self {
        Self::with_width(heading, terminal_width())
    }

    fn with_width(heading: [&str; N], width: Option<usize>) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_header(heading);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        Self { table, width, lines: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [&dyn Display; N]) {
        self.table.add_row(cells.map(|cell| Shown(cell).to_string()));
    }

    /// Adds a line below the last row, for a remark that is not a cell.
    pub(crate) fn line(&mut self, line: impl Display) {
        let mut text = String::new();
        push_wrapped(&format!("  {line}"), 4, self.width.unwrap_or(usize::MAX), &mut text);
        self.lines.push(text.trim_end().to_owned());
        self.table.add_row([""; N]);
    }
}

impl<const N: usize> Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.lines.iter();
        for (number, row) in self.table.lines().enumerate() {
            let row = row.trim_end();
            let line = if row.is_empty() { lines.next().map_or("", String::as_str) } else { row };
            match number {
                0 => write!(f, "{}", Style::Heading.of(line))?,
                _ => write!(f, "\n{line}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::style::painted;
    use super::*;

    fn plain<const N: usize>(table: &Table<N>) -> String {
        painted(&table.to_string(), false)
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["RULE", "PENDING", "X"]);
        table.row([&"a/b", &"1.0\u{1b}", &"-"]);
        table.row([&"ä", &"-", &""]);
        let text = "RULE  PENDING    X\na/b   1.0\\u{1b}  -\nä     -";
        assert_eq!(plain(&table), text);
        let mut wide = Table::new(["NAME", "X"]);
        wide.row([&"\u{96fb}\u{8a71}", &"1"]);
        wide.row([&"e\u{301}", &"2"]);
        assert_eq!(plain(&wide), "NAME  X\n\u{96fb}\u{8a71}  1\ne\u{301}     2", "two columns, and one");
        table.line("of the last row\u{7}");
        table.row([&"b", &"", &""]);
        assert_eq!(plain(&table), format!("{text}\n  of the last row\\u{{7}}\nb"));
    }

    #[test]
    fn a_table_is_never_wider_than_its_terminal() {
        let mut table = Table::with_width(["RULE", "REASON"], Some(40));
        table.row([&"UCPhone/Polycom/CX700/A/ENU/CPE", &"the display stays dark after the update"]);
        table.line("devices of three offices are held until the vendor answers");
        table.row([&"UCPhone/*", &"-"]);
        let text = plain(&table);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains("\n  devices of three offices are held\n    until"), "{text}");
        assert_eq!(text.split_whitespace().filter(|word| *word == "display").count(), 1, "{text}");
    }
}
