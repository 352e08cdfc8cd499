//! The devices in audit logs, and the devices whose answers differ between two rule books.

use super::audit::AuditArgs;
use super::side::SideName;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::Snapshot;
use ucupdate::inventory::Inventory;
use ucupdate::request::{AskedFrom, Side, UpdateRequest};
use ucupdate::value::{Counted, UnixTime};
use ucupdate_admin::report;

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

/// The requests that the devices of audit logs would send now.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    requests: Vec<(UpdateRequest, AskedFrom)>,
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
        let mut devices = Devices { requests: Vec::new(), left_out: fleet.skipped_rows() };
        let side = self.assume_side.map(Side::from);
        for (_, device) in fleet.devices() {
            match device.request() {
                Some(request) => {
                    let from = AskedFrom { side, address: device.user_host.parse().ok() };
                    devices.requests.push((request, from));
                }
                None => devices.left_out += 1,
            }
        }
        Ok(devices)
    }
}

impl Devices {
    /// Returns the devices whose answer differs between `before` and `after`.
    pub(crate) fn differences(&self, before: &Snapshot, after: &Snapshot, now: UnixTime) -> Differences {
        Differences(report::Differences::between(before, after, &self.requests, self.left_out, now))
    }
}

/// The devices whose answer changes.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Differences(report::Differences);

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report::Differences { devices, left_out, answers, .. } = &self.0;
        if !answers.is_empty() {
            let mut table = Table::new(["DEVICE", "IS", "MODULE", "HAS", "BEFORE", "AFTER"]);
            for change in answers {
                let report::ChangedAnswer { device, file_name, installed, before, after, .. } = change;
                table.row([device, &change.kind, file_name, installed, before, after]);
            }
            writeln!(f, "{table}")?;
        }
        if *devices == 0 && *left_out == 0 {
            return f.write_str("no device has asked yet, so there is no answer to compare");
        }
        let changes = Counted::new(answers.len(), "answer");
        write!(f, "{changes} to {} would change", Counted::new(*devices, "device"))?;
        match left_out {
            0 => Ok(()),
            more => {
                write!(f, ", {} passed over", Counted::new(*more, "device").with_verb("was", "were"))
            }
        }
    }
}
