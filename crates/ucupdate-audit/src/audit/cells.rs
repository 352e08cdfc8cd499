//! Splits a line of the audit log into its cells.

use crate::finding::LineProblem;
use std::borrow::Cow;

/// Splits a line at its delimiters into cells. A cell may be quoted. A doubled quote inside quotes
/// is one quote.
///
/// Fails if the line has more than `most` cells, or if a quoted cell is not closed in the line or
/// has text after its closing quote. Each line is one row, so a cell cannot continue in the next
/// line.
pub(crate) fn split(line: &str, delimiter: char, most: usize) -> Result<Vec<Cow<'_, str>>, LineProblem> {
    let mut cells = Vec::with_capacity(16);
    let mut rest = Some(line);
    while let Some(text) = rest {
        if cells.len() == most {
            return Err(LineProblem::TooManyColumns { limit: most });
        }
        let cell;
        (cell, rest) = match text.strip_prefix('"') {
            Some(inside) => quoted(inside, delimiter).ok_or(LineProblem::Quote { cell: cells.len() + 1 })?,
            None => match find(text, delimiter) {
                Some(end) => (text[..end].into(), Some(&text[end + delimiter.len_utf8()..])),
                None => (text.into(), None),
            },
        };
        cells.push(cell);
    }
    Ok(cells)
}

/// Reads a quoted cell. `inside` begins after the opening quote. Returns the cell, and the text after its delimiter if
/// there is one. Returns `None` if the quote is not closed, or has text after it.
fn quoted(inside: &str, delimiter: char) -> Option<(Cow<'_, str>, Option<&str>)> {
    let mut end = find(inside, '"')?;
    let mut doubled = false;
    while inside[end + 1..].starts_with('"') {
        doubled = true;
        end += 2 + find(&inside[end + 2..], '"')?;
    }
    let cell = &inside[..end];
    let cell = if doubled { cell.replace("\"\"", "\"").into() } else { cell.into() };
    match &inside[end + 1..] {
        "" => Some((cell, None)),
        rest => Some((cell, Some(rest.strip_prefix(delimiter)?))),
    }
}

/// Returns the byte offset of the first `wanted` in a text. This is faster than `str::find` for
/// short texts such as cells.
pub(super) fn find(text: &str, wanted: char) -> Option<usize> {
    match u8::try_from(wanted) {
        Ok(byte) if byte.is_ascii() => memchr::memchr(byte, text.as_bytes()),
        _ => text.find(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn cells(line: &str) -> Vec<Cow<'_, str>> {
        split(line, ',', 64).unwrap()
    }

    #[test]
    fn cells_are_divided_by_delimiters_outside_quotes() {
        assert_eq!(split("a;\"b;c\";d,e", ';', 64).unwrap(), ["a", "b;c", "d,e"]);
        assert_eq!(cells(""), [""]);
        assert_eq!(cells("a,,"), ["a", "", ""]);
        assert_eq!(cells("\"\",\"a,b\",\"c\"\"d\"\"\",e\"f"), ["", "a,b", "c\"d\"", "e\"f"]);
    }

    #[test]
    fn a_damaged_quote_names_its_cell() {
        for line in ["a,\"b", "a,\"b\"c", "a,\"b\"\"", "a,\""] {
            assert!(matches!(split(line, ',', 64), Err(LineProblem::Quote { cell: 2 })), "{line}");
        }
    }

    #[test]
    fn columns_end_at_the_limit() {
        assert_eq!(split("a,b", ',', 2).unwrap().len(), 2);
        assert!(matches!(split("a,b,c", ',', 2), Err(LineProblem::TooManyColumns { limit: 2 })));
    }

    proptest! {
        /// The `csv` crate reads the same cells from every line that both accept.
        #[test]
        fn cells_are_those_the_csv_crate_reads(line in "[a\",]{1,12}") {
            let Ok(ours) = split(&line, ',', 64) else { return Ok(()) };
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(ours, record.iter().collect::<Vec<_>>());
        }
    }
}
