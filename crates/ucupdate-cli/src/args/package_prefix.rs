//! The id of a package, or its first digits.

use crate::failure::Failure;
use std::str::FromStr;
use ucupdate::book::RuleBook;
use ucupdate::value::PackageId;

/// The number of digits of an id.
const DIGITS: usize = 12;

/// The fewest digits that name a package.
const MIN_DIGITS: usize = 4;

/// The id of a package, or as many of its first digits as no other package has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackagePrefix(String);

impl FromStr for PackagePrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_fit =
            (MIN_DIGITS..=DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        match is_fit {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(format!(
                "package id is {text:?}, expected 12 hexadecimal digits, or the first {MIN_DIGITS} or more of them"
            )),
        }
    }
}

impl PackagePrefix {
    /// Returns the id of the package that begins with these digits. A whole id is returned as it is. Fails
    /// when no package or several packages begin so.
    pub(crate) fn in_book(&self, book: &RuleBook) -> Result<PackageId, Failure> {
        if let Some(id) = Some(&self.0).filter(|text| text.len() == DIGITS) {
            return id.parse().map_err(|error| Failure::usage(format_args!("{error}")));
        }
        let ids = book.packages().map(|package| package.id());
        let found: Vec<PackageId> = ids.filter(|id| id.to_string().starts_with(&self.0)).collect();
        match found[..] {
            [id] => Ok(id),
            [] => Err(Failure::not_found(format_args!(
                "no package begins with {}; `ucupdate package list` lists the packages",
                self.0
            ))),
            _ => {
                let ids: Vec<String> = found.iter().take(5).map(ToString::to_string).collect();
                Err(Failure::new(format_args!(
                    "{} packages begin with {}, expected more digits: {}",
                    found.len(),
                    self.0,
                    ids.join(", ")
                )))
            }
        }
    }
}
