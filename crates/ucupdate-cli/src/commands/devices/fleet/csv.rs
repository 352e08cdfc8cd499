//! Writes the devices of a fleet as comma-separated values (RFC 4180).

use super::overview::Overview;
use crate::output::time::iso;
use std::io::{self, Read};
use ucupdate::audit::AUDIT_HEADER;
use ucupdate::inventory::{DeviceNumber, DeviceStanding, InventoryModule};
use ucupdate::value::{UnixTime, is_unseen};

/// The titles of the columns after those of the audit log.
const TITLES: &[&str] = &[
    "Module",
    "Installed Version",
    "Target Version",
    "State",
    "Reason",
    "Explanation",
    "Last Offered Version",
    "Behind",
    "First Asked",
    "Last Asked",
    "Requests",
    "Server",
    "Other Modules",
];

/// Returns the titles of all columns. The first ones are those of a device in the audit log, so
/// that scripts for audit logs can read this file too.
fn titles() -> impl Iterator<Item = String> {
    let of_log = AUDIT_HEADER.split(',').take_while(|title| !title.starts_with("Requested"));
    of_log.chain(TITLES.iter().copied()).map(str::to_owned)
}

/// A reader of the CSV file: a header, and one row for each device. A row is made when it is read.
pub(super) struct Csv<'a> {
    overview: &'a Overview,
    devices: std::slice::Iter<'a, DeviceNumber>,
    text: Vec<u8>,
    /// The number of bytes of `text` that have been read.
    taken: usize,
}

impl<'a> Csv<'a> {
    pub(super) fn new(overview: &'a Overview, devices: &'a [DeviceNumber]) -> Self {
        let mut text = String::new();
        push_row(titles(), &mut text);
        Self { overview, devices: devices.iter(), text: text.into_bytes(), taken: 0 }
    }

    fn row(&self, number: DeviceNumber) -> String {
        let device = self.overview.fleet.device(number);
        let standing = self.overview.standing(number, &device);
        let module = standing.module.and_then(|place| device.modules.get(place));
        let others = device.modules.iter().enumerate().filter(|(place, _)| Some(*place) != standing.module);
        let others: Vec<String> = others.map(|(_, module)| named(module)).collect();
        let [device_type, other_words @ ..] = device.kind.into_array().map(String::from);
        let text = |text: Option<&dyn ToString>| text.map(ToString::to_string).unwrap_or_default();
        let mut row = String::new();
        push_row(
            [
                logged(device.last_asked),
                device.user_name.into(),
                device.user_host.into(),
                device_type,
                device.request_date_time.raw().to_owned(),
                device.mac_address.raw().to_owned(),
                device.serial_number.raw().to_owned(),
            ]
            .into_iter()
            .chain(other_words)
            .chain([
                module.map(|module| module.installed.file_name.to_string()).unwrap_or_default(),
                module.map(|module| module.installed.version.to_string()).unwrap_or_default(),
                text(standing.target().map(|target| target as &dyn ToString)),
                standing.state.name().to_owned(),
                standing.reason().unwrap_or_default().to_owned(),
                text(standing.decision.as_ref().map(|decision| decision as &dyn ToString)),
                module
                    .and_then(|module| module.offered.as_ref())
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                behind(&standing).to_owned(),
                iso(device.first_asked),
                iso(device.last_asked),
                device.asks.to_string(),
                text(device.server.as_ref().map(|server| server as &dyn ToString)),
                others.join("; "),
            ]),
            &mut row,
        );
        row
    }
}

impl Read for Csv<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.text.len() {
            let Some(number) = self.devices.next() else { return Ok(0) };
            (self.text, self.taken) = (self.row(*number).into_bytes(), 0);
        }
        let read = (&self.text[self.taken..]).read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}

/// Returns the file name of a module and its version, such as `cpe.nbt 1.0.522.34`.
pub(super) fn named(module: &InventoryModule) -> String {
    format!("{} {}", module.installed.file_name, module.installed.version)
}

fn behind(standing: &DeviceStanding<'_>) -> &'static str {
    match standing.decision {
        None => "",
        Some(_) if standing.is_behind() => "yes",
        Some(_) => "no",
    }
}

/// Returns a time in the format of the audit log: month first, in UTC. Example:
/// `03-06-2009 17:10:38`.
fn logged(time: UnixTime) -> String {
    let time = time.civil_utc();
    format!(
        "{:02}-{:02}-{:04} {:02}:{:02}:{:02}",
        time.month(),
        time.day(),
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn push_row(cells: impl IntoIterator<Item = String>, row: &mut String) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            row.push(',');
        }
        push_cell(&cell, row);
    }
    row.push_str("\r\n");
}

/// Appends a cell to the row. A text that a spreadsheet would take for a formula gets an apostrophe
/// before it. Control characters become blanks, because a spreadsheet may break the row at them.
fn push_cell(cell: &str, row: &mut String) {
    let is_formula = cell
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let is_quoted = cell.contains([',', '"']) || cell.trim() != cell;
    if is_quoted {
        row.push('"');
    }
    if is_formula {
        row.push('\'');
    }
    for character in cell.chars() {
        match character {
            '"' => row.push_str("\"\""),
            character if character.is_control() => row.push(' '),
            character if is_unseen(character) => row.extend(character.escape_unicode()),
            character => row.push(character),
        }
    }
    if is_quoted {
        row.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_another_cell() {
        for (cell, written) in [
            ("IP8540", "IP8540"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("  =cmd|' /C calc'!A0", "\"'  =cmd|' /C calc'!A0\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"' =1\""),
            ("a\nb\rc\u{1b}", "a b c "),
            ("a\u{202e}\u{a0}b", "a\\u{202e}\\u{a0}b"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("", ""),
        ] {
            let mut row = String::new();
            push_cell(cell, &mut row);
            assert_eq!(row, written, "{cell:?}");
        }
    }
}
