//! [`Query`]: the parameters of a request.

use super::path::{check_length, decode};
use crate::response::problem::Problem;
use std::fmt::Display;
use std::str::FromStr;

/// The parameters of a request. Each parameter may be given once, and an unknown one is refused: a
/// mistyped `dry_run` must not make a change.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query. `known` has the names that the operation knows.
    pub(crate) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let query = query.unwrap_or_default();
        check_length(query)?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name, "query")?;
            if !known.contains(&name.as_str()) {
                return Err(Problem::bad_request(match known {
                    [] => format!("the parameter `{name}` is not known, expected none"),
                    known => format!("the parameter `{name}` is not known, expected {}", known.join(", ")),
                }));
            }
            if parameters.iter().any(|(there, _)| *there == name) {
                return Err(Problem::bad_request(format!("the parameter `{name}` is given twice")));
            }
            parameters.push((name, decode(&value.replace('+', " "), "query")?));
        }
        Ok(Self(parameters))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = |error| Problem::bad_request(format!("the parameter `{name}` is `{text}`: {error}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// Reads `true` or `false`. A parameter that is not given is `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Problem::bad_request(format!(
                "the parameter `{name}` is `{other}`, expected true or false"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_repeated_and_undecodable_parameters_are_refused() {
        let known = ["dry_run", "limit"];
        let query = Query::read(Some("dry_run=true&limit=2%30"), &known).unwrap();
        assert_eq!((query.flag("dry_run").unwrap(), query.parsed("limit").unwrap()), (true, Some(20)));
        for wrong in
            ["dryrun=true", "dry_run=true&dry_run=false", "limit=%ff", "limit=%00", &"&".repeat(5000)]
        {
            assert!(Query::read(Some(wrong), &known).is_err(), "{wrong}");
        }
        assert!(Query::read(Some("dry_run=yes"), &known).unwrap().flag("dry_run").is_err());
        assert!(Query::read(Some("limit=-1"), &known).unwrap().parsed::<usize>("limit").is_err());
    }
}
