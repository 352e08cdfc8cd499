//! The devices in audit logs, and the devices whose answers differ between two rule books.

use super::audit::AuditArgs;
use super::side::SideName;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::Table;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
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

/// The devices of audit logs, and how they would ask now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Devices {
    fleet: Arc<Inventory>,
    /// The devices whose words are valid in a request. A request is made only when it is compared, because it takes ten times
    /// the memory of a device in the inventory.
    asking: Arc<[DeviceNumber]>,
    side: Option<Side>,
    /// The number of devices that were left out, because their words are not valid in a request or the limit was
    /// reached.
    left_out: u64,
}

impl DevicesArgs {
    /// Returns whether the devices are those of the store's own audit logs.
    pub(crate) fn is_of_store(&self) -> bool {
        self.audit.is_of_store()
    }

    /// Reads the devices. Fails when there is no store, or a log cannot be read.
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
        Differences { devices: self.clone(), before: Arc::clone(before), after: Arc::clone(after), now }
    }
}

/// The devices whose answer changes. They are found while they are written, one after the other, because there may be a million.
#[derive(Debug)]
pub(crate) struct Differences {
    devices: Devices,
    before: Arc<Snapshot>,
    after: Arc<Snapshot>,
    now: UnixTime,
}

impl Differences {
    /// Returns the changed answers, in the order of the devices.
    fn answers(&self) -> impl Iterator<Item = ChangedAnswer> {
        let Devices { fleet, asking, side, .. } = &self.devices;
        asking.iter().flat_map(move |number| {
            let device = fleet.device(*number);
            let from = AskedFrom { side: *side, address: device.user_host.parse().ok() };
            let changed =
                |request| ChangedAnswer::all_of(&self.before, &self.after, &request, from, self.now);
            device.request().map(changed).unwrap_or_default()
        })
    }
}

impl Serialize for Differences {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Answers<'a>(&'a Differences);
        impl Serialize for Answers<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.answers())
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
        let mut table = Table::new(["DEVICE", "IS", "MODULE", "HAS", "BEFORE", "AFTER"]);
        let mut changed = 0;
        for change in self.answers() {
            let ChangedAnswer { device, kind, file_name, installed, before, after, .. } = &change;
            table.row([device, kind, file_name, installed, before, after]);
            changed += 1;
        }
        if changed > 0 {
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
                write!(f, ", {} passed over", Counted::new(more, "device").with_verb("was", "were"))
            }
        }
    }
}
