//! The devices of audit logs, and whose answer changes between two rule books.

use super::audit::AuditArgs;
use super::side::SideName;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::Snapshot;
use ucupdate::decide::{AnswerChange, Decision, OfferKind, diff};
use ucupdate::device::{DeviceId, DeviceKind};
use ucupdate::inventory::Inventory;
use ucupdate::request::{AskedFrom, Question, Side, UpdateRequest};
use ucupdate::value::UnixTime;

/// The options that choose devices from audit logs. Each device is taken as it was at its last request.
#[derive(Debug, clap::Args)]
#[command(mut_arg("audit", |audit| audit.visible_alias("devices")))]
pub(crate) struct DevicesArgs {
    #[command(flatten)]
    audit: AuditArgs,
    /// Assume that the devices ask from this side. Audit logs do not record it, and without it no group by side contains them
    #[arg(long, value_name = "SIDE")]
    assume_side: Option<SideName>,
}

/// The requests that the devices of audit logs would send now.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    requests: Vec<(UpdateRequest, AskedFrom)>,
    /// Devices whose words could be no request's, or for which there was no room.
    left_out: u64,
}

impl DevicesArgs {
    /// Whether the devices are those of the store's own audit logs.
    pub(crate) fn is_of_store(&self) -> bool {
        self.audit.is_of_store()
    }

    /// Reads the devices.
    ///
    /// # Errors
    /// When there is no store, or a log cannot be read.
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
    /// Returns the devices whose answer is another in `after` than in `before`.
    pub(crate) fn differences(&self, before: &Snapshot, after: &Snapshot, now: UnixTime) -> Differences {
        let questions = self.requests.iter().flat_map(|(request, from)| Question::all_of(request, *from));
        let changes =
            diff(before.index(), after.index(), questions, now).map(|change| ChangeReport::of(&change));
        Differences { devices: self.requests.len(), left_out: self.left_out, answers: changes.collect() }
    }
}

/// The devices whose answer changes.
#[derive(Debug, Serialize)]
pub(crate) struct Differences {
    /// The number of devices that were looked at.
    devices: usize,
    /// How many were passed over, since what they say of themselves could be no request's, or there are too many.
    left_out: u64,
    /// The changed answers, one for each module.
    answers: Vec<ChangeReport>,
}

#[derive(Debug, Serialize)]
struct ChangeReport {
    #[serde(skip)]
    device: String,
    mac: Option<String>,
    serial: Option<String>,
    #[serde(flatten)]
    kind: DeviceKind,
    user: String,
    file_name: String,
    /// The version it had when it asked last.
    installed: String,
    before: AnswerReport,
    after: AnswerReport,
}

#[derive(Debug, Serialize)]
struct AnswerReport {
    /// The reason as one word.
    decision: &'static str,
    /// The reason as a sentence.
    because: String,
    /// The offered version, or `None`.
    version: Option<String>,
    /// The version that is a stepping stone to, if it is one.
    stepping_stone_to: Option<String>,
}

impl AnswerReport {
    fn of(decision: &Decision<'_>) -> Self {
        let target = match decision {
            Decision::Offer { kind: OfferKind::SteppingStone { target, .. }, .. } => Some(target.to_string()),
            _ => None,
        };
        Self {
            decision: decision.word(),
            because: decision.to_string(),
            version: decision.offer().map(|offer| offer.version.to_string()),
            stepping_stone_to: target,
        }
    }
}

impl fmt::Display for AnswerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version.as_deref().unwrap_or(self.decision))?;
        match &self.stepping_stone_to {
            Some(target) => write!(f, " to {target}"),
            None => Ok(()),
        }
    }
}

impl ChangeReport {
    fn of(change: &AnswerChange<'_, '_, '_>) -> Self {
        let Question { device, module, user_name, .. } = change.question;
        let identity = DeviceId::of(&device.mac_address, &device.serial_number);
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            device: identity.map_or_else(|| "-".to_owned(), |identity| identity.to_string()),
            mac: device.mac_address.read().map(ToString::to_string),
            serial: said(device.serial_number.raw()),
            kind: device.kind.clone(),
            user: user_name.to_owned(),
            file_name: module.file_name.to_string(),
            installed: module.version.to_string(),
            before: AnswerReport::of(&change.before),
            after: AnswerReport::of(&change.after),
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.answers.is_empty() {
            let mut table = Table::new(["DEVICE", "IS", "MODULE", "HAS", "BEFORE", "AFTER"]);
            for change in &self.answers {
                let ChangeReport { device, file_name, installed, before, after, .. } = change;
                table.row([device, &change.kind, file_name, installed, before, after]);
            }
            writeln!(f, "{table}")?;
        }
        let changes = self.answers.len();
        write!(f, "{changes} answer(s) to {} device(s) change", self.devices)?;
        match self.left_out {
            0 => Ok(()),
            more => write!(f, ", {more} device(s) were passed over"),
        }
    }
}
