//! The devices in audit logs, and the devices whose answers differ between two rule books.

pub(crate) mod device_or_group;
pub(crate) mod kind;
pub(crate) mod last_request;
pub(crate) mod question;
pub(crate) mod selected_devices;
pub(crate) mod side;

use crate::args::devices::side::SideName;
use crate::args::logs::audit::AuditArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::Table;
use clap::Arg;
use serde::ser::{SerializeSeq as _, SerializeStruct as _};
use serde::{Serialize, Serializer};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use ucupdate::Snapshot;
use ucupdate::inventory::{DeviceNumber, Inventory};
use ucupdate::request::{AskedFrom, Side};
use ucupdate::value::{Counted, UnixTime};
use ucupdate_admin::report::ChangedAnswer;

/// The options that choose devices from audit logs. Each device is taken as it was at its last request.
#[derive(Debug, clap::Args)]
#[command(mut_arg("audit", |audit| audit.visible_alias("devices")))]
pub(crate) struct DevicesArgs {
    #[command(flatten)]
    audit: AuditArgs,
    /// Assume that the devices ask from this side. Audit logs do not record the side, so without this option no group
    /// by side contains a device
    #[arg(long, value_name = "SIDE")]
    assume_side: Option<SideName>,
}

/// Makes an option of [`DevicesArgs`] require `--dry-run`.
pub(crate) fn only_in_dry_run(option: Arg) -> Arg {
    match option.get_id().as_str() {
        "audit" | "since" | "until_time" | "simulated" | "time_zone" | "assume_side" => {
            option.requires("dry_run")
        }
        _ => option,
    }
}

/// The largest number of changed answers in one table. A table holds all its rows in memory,
/// because the widest one decides its width.
const TABLE_ROWS: usize = 10_000;

/// The devices of audit logs, and the requests that they would send now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Devices {
    fleet: Arc<Inventory>,
    /// The devices whose words (kind, MAC address and so on) are valid in a request. A request is
    /// made only when its answers are compared, because it takes more memory than a device in the
    /// inventory.
    asking: Arc<[DeviceNumber]>,
    side: Option<Side>,
    /// The number of devices that were left out, because their words are not valid in a request, or
    /// because the limit of the inventory was reached.
    left_out: u64,
}

impl DevicesArgs {
    /// Returns whether the devices come from the audit logs of the store, and not from files.
    pub(crate) fn is_of_store(&self) -> bool {
        self.audit.is_of_store()
    }

    /// Reads the devices from the audit logs. Fails when there is no store, or a log cannot be
    /// read.
    pub(crate) async fn devices(&self, context: &mut Context) -> Result<Devices, Failure> {
        let mut fleet = Inventory::default();
        let read = self.audit.each_row(context, |logged| fleet.take_in(logged)).await?;
        read.refuse_nothing_understood()?;
        let mut asking = fleet.numbers();
        let all = asking.len();
        asking.retain(|number| fleet.device(*number).request().is_some());
        Ok(Devices {
            left_out: fleet.skipped_rows() + (all - asking.len()) as u64,
            fleet: Arc::new(fleet),
            asking: asking.into(),
            side: self.assume_side.map(Side::from),
        })
    }
}

impl Devices {
    /// Returns the devices whose answer differs between `before` and `after`.
    pub(crate) fn differences(
        &self,
        before: &Arc<Snapshot>,
        after: &Arc<Snapshot>,
        now: UnixTime,
    ) -> Differences {
        let (before, after) = (Arc::clone(before), Arc::clone(after));
        Differences { devices: self.clone(), answers: Answers::Unfound { before, after, now } }
    }
}

/// The devices whose answer changes, in the order of the inventory.
#[derive(Debug)]
pub(crate) struct Differences {
    devices: Devices,
    answers: Answers,
}

#[derive(Debug)]
enum Answers {
    /// The answers are not known yet. They are computed while they are written, because there may
    /// be a million.
    Unfound {
        before: Arc<Snapshot>,
        after: Arc<Snapshot>,
        now: UnixTime,
    },
    Found(Vec<ChangedAnswer>),
}

impl Differences {
    /// Computes the changed answers now, so that the two rule books need not be kept in memory
    /// until the answers are written.
    pub(crate) fn found(mut self) -> Self {
        let mut answers = Vec::new();
        let Ok(()) = self.try_for_each(|answer| {
            answers.push(answer.clone());
            Ok::<_, Infallible>(())
        });
        self.answers = Answers::Found(answers);
        self
    }

    /// Calls `look` with each changed answer. Stops at the first error.
    fn try_for_each<E>(&self, mut look: impl FnMut(&ChangedAnswer) -> Result<(), E>) -> Result<(), E> {
        let (before, after, now) = match &self.answers {
            Answers::Found(answers) => return answers.iter().try_for_each(look),
            Answers::Unfound { before, after, now } => (before, after, *now),
        };
        let Devices { fleet, asking, side, .. } = &self.devices;
        for number in asking.iter() {
            let device = fleet.device(*number);
            let Some(request) = device.request() else { continue };
            let from = AskedFrom { side: *side, address: device.user_host.parse().ok() };
            ChangedAnswer::all_of(before, after, &request, from, now).iter().try_for_each(&mut look)?;
        }
        Ok(())
    }
}

impl Serialize for Differences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Answers<'a>(&'a Differences);
        impl Serialize for Answers<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut answers = serializer.serialize_seq(None)?;
                self.0.try_for_each(|answer| answers.serialize_element(answer))?;
                answers.end()
            }
        }
        let mut object = serializer.serialize_struct("Differences", 3)?;
        object.serialize_field("devices", &self.devices.asking.len())?;
        object.serialize_field("left_out", &self.devices.left_out)?;
        object.serialize_field("answers", &Answers(self))?;
        object.end()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (devices, left_out) = (self.devices.asking.len(), self.devices.left_out);
        let new_table = || Table::new(["DEVICE", "IS", "MODULE", "HAS", "BEFORE", "AFTER"]);
        let (mut table, mut changed, mut rows) = (new_table(), 0, 0);
        self.try_for_each(|change| {
            let ChangedAnswer { device, kind, file_name, installed, before, after, .. } = change;
            table.row([device, kind, file_name, installed, before, after]);
            (changed, rows) = (changed + 1, rows + 1);
            if rows == TABLE_ROWS {
                writeln!(f, "{table}")?;
                (table, rows) = (new_table(), 0);
            }
            Ok(())
        })?;
        if rows > 0 {
            writeln!(f, "{table}")?;
        }
        if devices == 0 && left_out == 0 {
            return f.write_str("no device has asked yet, so there is no answer to compare");
        }
        let changes = Counted::new(changed, "answer");
        write!(f, "{changes} to {} would change", Counted::new(devices, "device"))?;
        match left_out {
            0 => Ok(()),
            more => {
                write!(f, ", {} skipped", Counted::new(more, "device").with_verb("was", "were"))
            }
        }
    }
}
