//! The id of a package, or its first digits.

use crate::failure::Failure;
use std::str::FromStr;
use ucupdate::book::{Release, RuleBook, RuleKey};
use ucupdate::value::PackageId;
use ucupdate::version::ReportedVersion;

/// The number of hexadecimal digits of a package id.
const DIGITS: usize = 12;

/// The smallest number of first digits that may stand for a package id.
const MIN_DIGITS: usize = 4;

/// The id of a package, or its first digits. These must be the first digits of only one package.
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
    /// Returns the existing rules for which the package has a version, each with one version. If
    /// the package has several versions for the rule, the version that is a candidate of the rule
    /// (such as pending or approved) is returned. If none is a candidate, the first one is
    /// returned. Fails when there is no such package, or no such rule.
    pub(crate) fn rules(&self, book: &RuleBook) -> Result<Vec<(RuleKey, ReportedVersion)>, Failure> {
        let id = self.in_book(book)?;
        let Some(package) = book.package(id) else {
            return Err(Failure::not_found(format_args!(
                "no package {id}; `ucupdate package list` lists the packages"
            )));
        };
        let has_rule = |release: &&Release| book.rule(&release.rule).is_some();
        let mut rules: Vec<(RuleKey, ReportedVersion)> = Vec::new();
        for release in package.releases.iter().filter(has_rule) {
            let version = book
                .rule(&release.rule)
                .and_then(|rule| rule.candidates().find(|candidate| candidate.package == id))
                .map_or(&release.version, |candidate| &candidate.version);
            if !rules.iter().any(|(rule, _)| *rule == release.rule) {
                rules.push((release.rule.clone(), version.clone()));
            }
        }
        match rules.is_empty() {
            true => Err(Failure::new(format_args!("no rule has a version of package {id}"))),
            false => Ok(rules),
        }
    }

    /// Returns the id of the package that begins with these digits. A whole id is returned
    /// unchanged, even if there is no such package. Fails when no package or several packages begin
    /// with the digits.
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
