//! `ucupdate group add-member` and `remove-member`: change the list of a group. Large changes are
//! made in parts.

use super::member_list;
use crate::args::change::ChangeReport;
use crate::args::change::author::AuthorArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::output::change_notes::ChangeNotes;
use crate::suggest::refused;
use std::path::{Path, PathBuf};
use ucupdate::ChangeError;
use ucupdate::book::{BookCommand, GroupName, MAX_LISTED, Note, Refusal};
use ucupdate::device::{DeviceId, MacAddress, SerialNumber};

#[derive(Debug, clap::Args)]
pub(crate) struct MembersArgs {
    /// The name of the group
    name: GroupName,
    #[command(flatten)]
    devices: ListedArgs,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct ListedArgs {
    /// A MAC address, such as 00-21-63-0F-20-7B or 0021630F207B
    #[arg(long)]
    mac: Vec<MacAddress>,
    /// A serial number
    #[arg(long)]
    serial: Vec<SerialNumber>,
    /// A file with one MAC address or serial number per line; # begins a comment
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// The largest size of a file of devices in bytes, which is enough for a million devices.
const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

/// The largest number of bytes that the devices of one revision may take. A change of many devices
/// is made in several revisions of this size, so that each revision that servers read is small.
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
        // The size is checked before the first part of the change is made.
        let (found, limit) = (devices.len(), MAX_LISTED);
        return Err(ChangeError::Refused(Refusal::TooManyMembers { name, found, limit }).into());
    }
    let asked = if add { devices.clone() } else { Vec::new() };
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
            // Earlier parts are made, and the same call again makes the rest.
            Err(error) if number > 1 => {
                return Err(Failure::in_doing(
                    format_args!("part {number} of {many}, those before are done"),
                    &error,
                ));
            }
            Err(error) => return Err(refused(error, service.snapshot().book())),
        }
    }
    context.output.lines(&ChangeReport::new(sum.revision, sum.into_notes()))?;
    context.note_unseen(&asked).await;
    Ok(())
}

/// The sum of the results of several changes.
#[derive(Debug, Default)]
struct Sum {
    revision: Option<u64>,
    members: Option<Members>,
    others: Vec<Note>,
}

/// The sum of the changes of the list of a group.
#[derive(Debug)]
struct Members {
    /// The name of the group in the spelling of the rule book.
    name: GroupName,
    /// The length of the list before the first change.
    before: usize,
    added: usize,
    removed: usize,
    unchanged: usize,
}

impl Sum {
    fn take_in(&mut self, changed: ucupdate::Changed) {
        self.revision = changed.revision.or(self.revision);
        for note in changed.notes {
            match note {
                Note::MembersChanged { name, before, added, removed, unchanged } => {
                    let none = Members { name, before, added: 0, removed: 0, unchanged: 0 };
                    let sum = self.members.get_or_insert(none);
                    sum.added += added;
                    sum.removed += removed;
                    sum.unchanged += unchanged;
                }
                other => self.others.push(other),
            }
        }
    }

    fn into_notes(self) -> ChangeNotes {
        let members = self.members.map(|sum| {
            let Members { name, before, added, removed, unchanged } = sum;
            Note::MembersChanged { name, before, added, removed, unchanged }
        });
        members.into_iter().chain(self.others).collect()
    }
}

/// Divides the devices into parts that each fit into one revision. There is at least one part, even
/// without devices, so that a missing group is reported.
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

/// Returns the number of bytes that a device takes in a revision. It occurs in the command, and in
/// the changed entry with the name of the group.
fn stored_bytes(group: &GroupName, device: &DeviceId) -> usize {
    let text = match device {
        DeviceId::Mac(mac) => mac.to_string(),
        DeviceId::Serial(serial) => serial.to_string(),
    };
    // JSON writes a quote or a backslash as two characters. Neither text contains control characters.
    let written = |text: &str| text.len() + text.matches(['"', '\\']).count();
    2 * (written(&text) + r#"{"serial":""},"#.len())
        + written(group.as_str())
        + r#"{"key":["",],"now":{}},"#.len()
}

fn read(path: &Path) -> Result<Vec<DeviceId>, Failure> {
    let text = String::from_utf8(files::read(path, MAX_LIST_BYTES)?)
        .map_err(|error| Failure::in_doing(path.display(), &error))?;
    member_list::devices(&text).map_err(|reason| Failure::new(format_args!("{}: {reason}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

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
