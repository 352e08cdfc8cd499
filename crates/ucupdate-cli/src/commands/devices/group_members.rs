//! `ucupdate group add-member` and `remove-member`: who is on a group's list, in changes of a bounded size.

use crate::args::author::AuthorArgs;
use crate::args::change::ChangeReport as Report;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::output::told::Told;
use crate::suggest::refused;
use std::path::{Path, PathBuf};
use ucupdate::ChangeError;
use ucupdate::book::{BookCommand, GroupName, MAX_LISTED, Note, Refusal};
use ucupdate::device::{DeviceId, MacAddress, SerialNumber};
use ucupdate::value::ParseError;

#[derive(Debug, clap::Args)]
pub(crate) struct MembersArgs {
    /// The group's name
    name: GroupName,
    #[command(flatten)]
    devices: ListedArgs,
    #[command(flatten)]
    author: AuthorArgs,
}

/// Which devices.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct ListedArgs {
    /// A MAC address, as 00-21-63-0F-20-7B or 0021630F207B
    #[arg(long)]
    mac: Vec<MacAddress>,
    /// A serial number
    #[arg(long)]
    serial: Vec<SerialNumber>,
    /// A file with a MAC address or a serial number on each line; # begins a remark
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// The most bytes of a file of devices: a million and more of them.
const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes of a change its devices may take: a revision has at most a mebibyte, and more is in it than these.
const MAX_BATCH_BYTES: usize = 768 * 1024;

pub(crate) async fn run(args: MembersArgs, add: bool, context: &mut Context) -> Result<(), Failure> {
    let MembersArgs { name, devices: ListedArgs { mac, serial, from }, author } = args;
    let mut devices: Vec<DeviceId> = mac.into_iter().map(DeviceId::Mac).collect();
    devices.extend(serial.into_iter().map(DeviceId::Serial));
    if let Some(path) = from {
        devices.extend(files::blocking(move || read(&path)).await?);
    }
    devices.sort();
    devices.dedup();
    if add && devices.len() > MAX_LISTED {
        // Refused before the first part is done.
        let (found, limit) = (devices.len(), MAX_LISTED);
        return Err(ChangeError::Refused(Refusal::TooManyMembers { name, found, limit }).into());
    }
    let service = context.administer(IfMissing::Refuse).await?;
    let batches = batches(&name, devices);
    let mut sum = Sum::default();
    let many = batches.len();
    for (number, batch) in (1..).zip(batches) {
        let (group, nobody) = (name.clone(), Vec::new());
        let command = match add {
            true => BookCommand::ChangeMembers { group, add: batch, remove: nobody },
            false => BookCommand::ChangeMembers { group, add: nobody, remove: batch },
        };
        match service.admin(&author.name()).command(&command).await {
            Ok(changed) => sum.take_in(changed),
            // Those before it stand, and the same call again does the rest.
            Err(error) if number > 1 => {
                return Err(Failure::in_doing(
                    format_args!("part {number} of {many}, those before are done"),
                    &error,
                ));
            }
            Err(error) => return Err(refused(error, service.snapshot().book())),
        }
    }
    context.output.result(&Report { revision: sum.revision, told: sum.told() })
}

/// The sum of several changes.
#[derive(Debug, Default)]
struct Sum {
    revision: Option<u64>,
    /// The group as the book spells it, its length before, and how many devices were added, removed and unchanged.
    members: Option<(GroupName, usize, [usize; 3])>,
    others: Vec<Note>,
}

impl Sum {
    fn take_in(&mut self, changed: ucupdate::Changed) {
        self.revision = changed.revision.or(self.revision);
        for note in changed.notes {
            match note {
                Note::MembersChanged { name, before, added, removed, unchanged } => {
                    let (_, _, sums) = self.members.get_or_insert((name, before, [0; 3]));
                    sums.iter_mut().zip([added, removed, unchanged]).for_each(|(sum, more)| *sum += more);
                }
                other => self.others.push(other),
            }
        }
    }

    fn told(self) -> Told {
        let members = self.members.map(|(name, before, [added, removed, unchanged])| Note::MembersChanged {
            name,
            before,
            added,
            removed,
            unchanged,
        });
        members.into_iter().chain(self.others).collect()
    }
}

/// Returns the devices in parts of which each makes a change that a revision holds. The first is there even if it is
/// empty, so that a group that is none is found out.
fn batches(group: &GroupName, devices: Vec<DeviceId>) -> Vec<Vec<DeviceId>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for device in devices {
        let size = stored_bytes(group, &device);
        if bytes + size > MAX_BATCH_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(batch) = batches.last_mut() {
            batch.push(device);
        }
    }
    batches
}

/// How many bytes a device takes in a revision: in the command, and with the group's name as a changed entry.
fn stored_bytes(group: &GroupName, device: &DeviceId) -> usize {
    let text = match device {
        DeviceId::Mac(mac) => mac.to_string(),
        DeviceId::Serial(serial) => serial.to_string(),
    };
    // JSON writes a quote or backslash as two characters; control characters are in neither.
    let written = |text: &str| text.len() + text.matches(['"', '\\']).count();
    2 * (written(&text) + r#"{"serial":""},"#.len())
        + written(group.as_str())
        + r#"{"key":["",],"now":{}},"#.len()
}

fn read(path: &Path) -> Result<Vec<DeviceId>, Failure> {
    let text = String::from_utf8(files::read(path, MAX_LIST_BYTES)?)
        .map_err(|error| Failure::in_doing(path.display(), &error))?;
    let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let named =
        lines.map(|(number, line)| (number, without_remark(line))).filter(|(_, line)| !line.is_empty());
    let devices = named.map(|(number, line)| {
        device(line)
            .map_err(|reason| Failure::new(format_args!("{}: line {number}: {reason}", path.display())))
    });
    devices.collect()
}

/// Returns a line up to its remark: `#` at its beginning, or after a blank.
fn without_remark(line: &str) -> &str {
    let remark = line
        .match_indices('#')
        .find(|(at, _)| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    remark.map_or(line, |(at, _)| &line[..at]).trim()
}

/// Reads the device of a line. Twelve hexadecimal digits are a MAC address, and so must be what is of pairs of them; a mistyped address
/// must not pass for a serial number, nor a row of a table. `serial:` and `mac:` before it say which it is.
fn device(line: &str) -> Result<DeviceId, String> {
    let serial =
        |text: &str| text.parse().map(DeviceId::Serial).map_err(|error: ParseError| error.to_string());
    let mac = |text: &str| text.trim().parse().map(DeviceId::Mac);
    if let Some(text) = line.strip_prefix("serial:") {
        return serial(text);
    }
    if let Some(text) = line.strip_prefix("mac:") {
        return mac(text).map_err(|error| error.to_string());
    }
    if line.contains([',', ';', '"', ' ', '\t']) {
        return Err(format!("expected a MAC address or a serial number; write serial:{line} if it is one"));
    }
    let digits = line.chars().filter(char::is_ascii_hexdigit).count();
    let divided = line.contains(['-', ':', '.']);
    if line.chars().all(|c| c.is_ascii_hexdigit() || "-:.".contains(c)) && (divided || digits == 12) {
        return mac(line).map_err(|error| format!("{error}; write serial:{line} if it is a serial number"));
    }
    serial(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_mac_address_or_a_serial_number_and_a_mistyped_address_is_neither() {
        for (line, expected) in [
            ("00-21-63-0F-20-7B", "MAC address 0021630F207B"),
            ("0021630f207b", "MAC address 0021630F207B"),
            ("mac: 0021630F207B", "MAC address 0021630F207B"),
            ("C185H001209", "serial number C185H001209"),
            ("1234567", "serial number 1234567"),
            ("serial:0021630F207B", "serial number 0021630F207B"),
            ("serial:12-34", "serial number 12-34"),
            ("P-12.34", "serial number P-12.34"),
        ] {
            assert_eq!(format!("{:#}", device(line).unwrap()), expected, "{line}");
        }
        for line in [
            "00-21-63-0F-20",
            "00:21:63:0F:20:7B:01",
            "mac:C185H001209",
            "serial: ",
            "0021630F207B,hall",
            "A B",
        ] {
            assert!(device(line).is_err(), "{line}");
        }
        assert!(device("00-21-63").unwrap_err().ends_with("write serial:00-21-63 if it is a serial number"));
    }

    #[test]
    fn a_remark_begins_a_line_or_stands_after_a_blank() {
        for (line, left) in
            [("# x", ""), ("  #x", ""), ("A1 # x # y", "A1"), (" A#1 ", "A#1"), ("A#1\t#é", "A#1"), ("", "")]
        {
            assert_eq!(without_remark(line), left, "{line}");
        }
    }

    #[test]
    fn a_batch_fits_into_a_revision_however_long_names_and_numbers_are() {
        let group: GroupName = "g".repeat(128).parse().unwrap();
        for serial in ["1".repeat(128), format!("{}x", "\"\\".repeat(60))] {
            let device = |number: u32| {
                let text = format!("{number:06}{}", &serial[6..]);
                DeviceId::Serial(text.parse().unwrap())
            };
            let batches = batches(&group, (0..20_000).map(device).collect());
            assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 20_000);
            for batch in batches {
                let entry = |device: &DeviceId| {
                    serde_json::to_string(&(&group, device)).unwrap().len() + r#"{"key":,"now":{}},"#.len()
                };
                let bytes =
                    serde_json::to_string(&batch).unwrap().len() + batch.iter().map(entry).sum::<usize>();
                assert!(bytes <= MAX_BATCH_BYTES + batch.len(), "{bytes}");
            }
        }
        assert_eq!(batches(&group, Vec::new()), [[]]);
    }
}
