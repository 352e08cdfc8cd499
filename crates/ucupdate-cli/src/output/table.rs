//! Tables for people: columns aligned by blanks, foreign text made fit for a terminal.

use super::shown::Shown;
use std::fmt::{self, Display};

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    /// Lines below rows, with the number of rows above them.
    lines: Vec<(usize, String)>,
}

impl<const N: usize> Table<N> {
    /// A table with this heading.
    pub(crate) fn new(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)], lines: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: [&dyn Display; N]) {
        self.rows.push(cells.map(|cell| Shown(cell).to_string()));
    }

    /// Adds a line below the last row: what is to be said of it and is no column.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.lines.push((self.rows.len(), format!("  {}", Shown(line))));
    }
}

impl<const N: usize> Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let mut lines = self.lines.iter().peekable();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(&format!("{cell:width$}  "));
            }
            f.write_str(line.trim_end())?;
            while let Some((_, line)) = lines.next_if(|(rows, _)| *rows == index + 1) {
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
        table.line("of the last row\u{7}");
        table.row([&"b", &"", &""]);
        assert_eq!(table.to_string(), format!("{text}\n  of the last row\\u{{7}}\nb"));
    }
}
