//! The fields of a W3C extended log, and the cells of a row.

use super::format::ACCESS_FIELDS;
use std::borrow::Cow;

/// A field of an access log that this crate reads. Other fields are kept as text in
/// [`AccessRow::others`](super::AccessRow::others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Date,
    Time,
    ServerIp,
    Method,
    Stem,
    Query,
    /// A whole URL, as proxies log it.
    Url,
    ServerPort,
    UserName,
    ClientIp,
    UserAgent,
    Status,
    SubStatus,
    Win32Status,
    TimeTaken,
    /// The field with the address of the client. The caller sets its name by
    /// [`AccessReader::with_client_from`](super::AccessReader::with_client_from).
    Forwarded,
}

/// The names of the fields: first those of IIS, then the other names that proxies use.
const NAMES: [(&str, Field); 18] = [
    ("date", Field::Date),
    ("time", Field::Time),
    ("s-ip", Field::ServerIp),
    ("cs-method", Field::Method),
    ("cs-uri-stem", Field::Stem),
    ("cs-uri-query", Field::Query),
    ("s-port", Field::ServerPort),
    ("cs-username", Field::UserName),
    ("c-ip", Field::ClientIp),
    ("cs(user-agent)", Field::UserAgent),
    ("sc-status", Field::Status),
    ("sc-substatus", Field::SubStatus),
    ("sc-win32-status", Field::Win32Status),
    ("time-taken", Field::TimeTaken),
    ("cs-uri", Field::Url),
    ("s-operation", Field::Method),
    ("c-agent", Field::UserAgent),
    ("r-port", Field::ServerPort),
];

/// Returns the names of fields that this crate reads.
#[cfg(feature = "fuzzing")]
pub(crate) fn known_fields() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// The fields of a log in the order of a row: a known field, or the name of an unknown one. If two
/// names mean the same field, only the first one is known.
#[derive(Clone, Debug)]
pub(super) struct Fields(Vec<Result<Field, Box<str>>>);

impl Fields {
    /// Reads the names in a `#Fields:` line. `forwarded` is the HTTP header whose field has the
    /// address of the client. Fails when there are more than `most` names.
    pub(super) fn new(names: &str, most: usize, forwarded: Option<&str>) -> Result<Self, ()> {
        let mut fields: Vec<Result<Field, Box<str>>> = Vec::new();
        for name in names.split([' ', '\t']).filter(|name| !name.is_empty()) {
            if fields.len() == most {
                return Err(());
            }
            let is_forwarded = forwarded.is_some_and(|forwarded| is_header(name, forwarded));
            let known =
                NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, field)| *field);
            let known = if is_forwarded { Some(Field::Forwarded) } else { known };
            let known = known.filter(|field| !fields.contains(&Ok(*field)));
            fields.push(known.ok_or_else(|| name.into()));
        }
        Ok(Self(fields))
    }

    /// Returns the fields for a log whose first lines are missing. `count` is the number of cells
    /// in its rows: 14 for the fields of OCS's access log, 15 for the default fields of IIS 8 and
    /// later. Returns `None` for another number.
    pub(super) fn usual(count: usize, forwarded: Option<&str>) -> Option<Self> {
        let names = match count {
            14 => ACCESS_FIELDS.to_owned(),
            15 => ACCESS_FIELDS.replace("cs(User-Agent)", "cs(User-Agent) cs(Referer)"),
            _ => return None,
        };
        Self::new(&names, count, forwarded).ok()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Result<Field, Box<str>>> {
        self.0.iter()
    }

    /// Returns `true` if the log has the field with the address of the client
    /// ([`Field::Forwarded`]).
    pub(super) fn has_forwarded(&self) -> bool {
        self.0.contains(&Ok(Field::Forwarded))
    }

    /// Returns the indices of the fields in which an unescaped blank may occur, the most likely
    /// field first.
    pub(super) fn free_texts(&self) -> impl Iterator<Item = usize> {
        let known = [Field::Query, Field::UserAgent, Field::Stem, Field::Url, Field::UserName];
        let known = known.into_iter().filter_map(|field| self.0.iter().position(|name| *name == Ok(field)));
        let others = self.0.iter().enumerate().filter(|(_, name)| name.is_err()).map(|(place, _)| place);
        known.chain(others)
    }
}

/// Returns `true` if a field is named after this HTTP header, as in `X-Forwarded-For` or `cs(X-Forwarded-For)`.
fn is_header(field: &str, header: &str) -> bool {
    let inner = field.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')')).unwrap_or(field);
    field.eq_ignore_ascii_case(header) || inner.eq_ignore_ascii_case(header)
}

/// Splits a row into its cells. Returns at most `most` + 1 cells. The additional cell shows that
/// the row has too many. `expected` is the number of fields.
///
/// If the row has the expected number of cells when only tabs divide it, blanks are part of the
/// cells. Otherwise blanks and tabs divide the cells, and a quoted cell may contain blanks.
pub(super) fn cells(line: &str, expected: usize, most: usize) -> Vec<Cow<'_, str>> {
    if line.contains('\t') {
        let tabbed: Vec<Cow<'_, str>> =
            line.split('\t').take(most + 1).map(|cell| unquoted(cell.trim())).collect();
        match tabbed.split_last() {
            _ if tabbed.len() == expected => return tabbed,
            Some((_, rest)) if rest.len() == expected && line.ends_with('\t') => return rest.to_vec(),
            _ => {}
        }
    }
    if line.contains('"') {
        let quoted = quoted_cells(line, most);
        if quoted.len() == expected {
            return quoted;
        }
    }
    let ends = memchr::memchr2_iter(b' ', b'\t', line.as_bytes()).chain([line.len()]);
    let mut begin = 0;
    ends.map(|end| &line[std::mem::replace(&mut begin, end + 1)..end])
        .filter(|cell| !cell.is_empty())
        .take(most + 1)
        .map(Cow::Borrowed)
        .collect()
}

fn unquoted(cell: &str) -> Cow<'_, str> {
    match cell.strip_prefix('"').and_then(|inside| inside.strip_suffix('"')) {
        Some(inside) => plus_for_blanks(inside),
        None => plus_for_blanks(cell),
    }
}

/// Returns a text with `+` in place of each blank and tab, because these divide the fields. An
/// empty text becomes `-`.
fn plus_for_blanks(text: &str) -> Cow<'_, str> {
    match text {
        "" => "-".into(),
        text if text.contains([' ', '\t']) => text.replace([' ', '\t'], "+").into(),
        text => text.into(),
    }
}

fn quoted_cells(line: &str, most: usize) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t']);
    while !rest.is_empty() && cells.len() <= most {
        let quoted = rest.strip_prefix('"').and_then(|inside| {
            let end = inside
                .match_indices('"')
                .map(|(at, _)| at)
                .find(|at| inside[at + 1..].is_empty() || inside[at + 1..].starts_with([' ', '\t']))?;
            Some((plus_for_blanks(&inside[..end]), &inside[end + 1..]))
        });
        let (cell, behind) = quoted.unwrap_or_else(|| {
            let end = rest.find([' ', '\t']).unwrap_or(rest.len());
            (rest[..end].into(), &rest[end..])
        });
        cells.push(cell);
        rest = behind.trim_start_matches([' ', '\t']);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_divided_by_blanks_tabs_and_quotes() {
        for (line, expected) in [
            ("a  b c", &["a", "b", "c"][..]),
            ("a \"b c\" d", &["a", "b+c", "d"]),
            ("a \"b\"c d", &["a", "\"b\"c", "d"]),
            ("a \"b c", &["a", "\"b", "c"]),
            ("a\tb c\td", &["a", "b+c", "d"]),
            ("a\t\td\t", &["a", "-", "d"]),
            ("a b c d", &["a", "b", "c", "d"]),
            ("\"\" b c", &["-", "b", "c"]),
        ] {
            assert_eq!(cells(line, 3, 64), expected, "{line:?}");
        }
    }

    #[test]
    fn a_header_is_found_in_both_spellings() {
        for name in ["X-Forwarded-For", "cs(X-Forwarded-For)", "x-forwarded-for"] {
            assert!(Fields::new(name, 8, Some("X-Forwarded-For")).unwrap().has_forwarded(), "{name}");
        }
        assert!(!Fields::new("c-ip", 8, Some("X-Forwarded-For")).unwrap().has_forwarded());
    }
}
