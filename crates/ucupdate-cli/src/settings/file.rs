//! The configuration file, in TOML.

use super::key::{Kind, Setting};
use super::{Given, SettingOrigin, wrong};
use crate::failure::Failure;
use crate::files::refuse_missing;
use clap::Command;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use ucupdate_folder::open_regular;

/// Largest size of a configuration file in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a configuration file. Each key and each value is checked. The error contains the file, and for each mistake the line,
/// what was found and what was expected.
pub(crate) fn read(path: &Path, command: &Command, keys: &[Setting]) -> Result<Vec<Given>, Failure> {
    refuse_missing(path)?;
    let mut text = String::new();
    let read = open_regular(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Failure::in_doing(path.display(), &error).into_not_understood(),
        _ => Failure::in_doing(path.display(), &error),
    })?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Failure::not_understood(format_args!(
            "{}: has more than {MAX_BYTES} bytes, expected a configuration file in TOML",
            path.display()
        )));
    }
    let document = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(&text, span.start));
        wrong(path, line, format_args!("not TOML: {}", error.message()))
    })?;
    let mut file = FileReading { path, text: &text, command, keys, found: Vec::new(), mistakes: Vec::new() };
    file.table("", document.get_ref());
    file.mistakes.sort();
    if let Some(((line, first), further)) = file.mistakes.split_first() {
        let further: String = further.iter().map(|(line, text)| format!("; line {line}: {text}")).collect();
        return Err(wrong(path, *line, format_args!("{first}{further}")));
    }
    file.found.sort_by_key(|given| match given.origin {
        SettingOrigin::File(_, line) => line,
        SettingOrigin::Variable(_) => 0,
    });
    Ok(file.found)
}

/// Returns the number of the line that contains the byte at offset `at`. The first line is 1.
fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Returns whether `table` is `other` or is inside it. Example: `rollout.start` is inside
/// `rollout`.
fn is_at_or_below(table: &str, other: &str) -> bool {
    table.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

struct FileReading<'a> {
    path: &'a Path,
    text: &'a str,
    command: &'a Command,
    keys: &'a [Setting],
    found: Vec<Given>,
    /// The mistakes in the file, each with the number of its line.
    mistakes: Vec<(usize, String)>,
}

impl FileReading<'_> {
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let line = line_at(self.text, name.span().start);
            let key = match above {
                "" => name.get_ref().to_string(),
                above => format!("{above}.{}", name.get_ref()),
            };
            let is_table = self.keys.iter().any(|setting| is_at_or_below(&setting.table(), &key));
            let setting = self.keys.iter().find(|setting| setting.key() == key);
            match (value.get_ref(), setting) {
                (DeValue::Table(below), _) if is_table => self.table(&key, below),
                (DeValue::Table(_), _) => self.mistakes.push((line, self.unknown_table(&key))),
                (found, _) if is_table => {
                    let text = format!("`{key}` is a {}, expected a table, as [{key}]", found.type_str());
                    self.mistakes.push((line, text));
                }
                (_, None) => self.mistakes.push((line, self.unknown(&key))),
                (_, Some(setting)) => match self.values(setting, value, line) {
                    Ok(values) => {
                        let origin = SettingOrigin::File(self.path.to_owned(), line);
                        self.found.push(Given { setting: setting.clone(), values, origin });
                    }
                    Err(mistake) => self.mistakes.push(mistake),
                },
            }
        }
    }

    /// Returns the message for a table that is not known. The message suggests the most similar
    /// table.
    fn unknown_table(&self, key: &str) -> String {
        let tables = self.keys.iter().map(Setting::table).filter(|table| !table.is_empty());
        let near = tables.map(|table| (strsim::damerau_levenshtein(&table, key), table)).min();
        let near = near
            .filter(|(distance, _)| *distance <= 2)
            .map(|(_, table)| format!("; did you mean [{table}]?"));
        format!(
            "[{key}] is not a table of settings, expected the name of a verb that has settings, as [serve]{}",
            near.unwrap_or_default()
        )
    }

    /// Returns the message for a key that is not known. The message suggests the most similar key.
    fn unknown(&self, key: &str) -> String {
        let last = key.rsplit('.').next().unwrap_or(key).replace('_', "-");
        let table = key.rsplit_once('.').map_or("", |(table, _)| table);
        let of = |setting: &&Setting| strsim::damerau_levenshtein(setting.name(), &last);
        // Several verbs may have an option of the same name. The table itself is preferred, then
        // the settings of all verbs and of `serve`.
        let is_far = |setting: &&Setting| match setting.table() {
            at if at == table => 0,
            at if at.is_empty() || at == "serve" => 1,
            _ => 2,
        };
        let near = self.keys.iter().min_by_key(|setting| (of(setting), is_far(setting)));
        let near = near.filter(|setting| of(setting) <= last.len().div_ceil(3));
        let near = near.map(|near| match near.table().as_str() {
            "" => format!("; did you mean {}, above all tables?", near.name()),
            table => format!("; did you mean {} in the table [{table}]?", near.name()),
        });
        format!(
            "`{key}` is not a setting, expected a key that `ucupdate config example` lists{}",
            near.unwrap_or_default()
        )
    }

    fn values(
        &self,
        setting: &Setting,
        value: &Spanned<DeValue<'_>>,
        line: usize,
    ) -> Result<Vec<Option<String>>, (usize, String)> {
        let wrong_type = |found: &DeValue<'_>, line: usize| {
            let (key, expected) = (setting.key(), setting.expected());
            (line, format!("`{key}` is of the type {}, expected {expected}", found.type_str()))
        };
        let text = |value: &Spanned<DeValue<'_>>, line: usize| {
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
                DeValue::Float(number) => number.as_str().to_owned(),
                found => return Err(wrong_type(found, line)),
            };
            match setting.check(&text, self.command) {
                Ok(()) => Ok(Some(text)),
                Err(reason) => Err((line, format!("`{}` {reason}", setting.key()))),
            }
        };
        match (setting.kind(), value.get_ref()) {
            (Kind::Flag | Kind::OptionalValue, DeValue::Boolean(true)) => Ok(vec![None]),
            (Kind::Flag | Kind::OptionalValue, DeValue::Boolean(false)) => Ok(Vec::new()),
            (Kind::Flag, found) => Err(wrong_type(found, line)),
            (Kind::List, DeValue::Array(items)) => {
                items.iter().map(|item| text(item, line_at(self.text, item.span().start))).collect()
            }
            _ => text(value, line).map(|value| vec![value]),
        }
    }
}
