//! The devices that get different answers by two rule books.

use serde::Serialize;
use std::fmt;
use ucupdate::Snapshot;
use ucupdate::decide::{AnswerChange, Decision, OfferKind, diff};
use ucupdate::device::{DeviceId, DeviceKind};
use ucupdate::request::{AskedFrom, Question, UpdateRequest};
use ucupdate::value::UnixTime;

/// The answers that differ between two rule books, and the numbers of devices and answers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Differences {
    /// The number of devices that were compared.
    pub devices: usize,
    /// The number of devices that were left out because their last request cannot be repeated, plus the number of log
    /// rows of devices that were left out because of a limit.
    pub left_out: u64,
    /// The first changed answers. Each one is about one module of one device.
    pub answers: Vec<ChangedAnswer>,
    /// The number of all changed answers, including those after the first ones in `answers`.
    pub changed_answers: usize,
}

/// One module of a device, to which the two rule books give different answers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ChangedAnswer {
    /// The MAC address or else the serial number, for people.
    #[serde(skip)]
    pub device: String,
    /// The MAC address of the device. `None` if it reported none.
    pub mac: Option<String>,
    /// The serial number as the device reported it. `None` if it reported none.
    pub serial: Option<String>,
    /// The kind of the device as the device reported it: device type, vendor, model, hardware revision and locale.
    #[serde(flatten)]
    pub kind: DeviceKind,
    /// The user who signed in last.
    pub user: String,
    /// The file name of the module, as the device reported it.
    pub file_name: String,
    /// The version that the device had at its last request.
    pub installed: String,
    /// The answer by the earlier rule book.
    pub before: AnswerReport,
    /// The answer by the later rule book.
    pub after: AnswerReport,
}

/// An answer to one module.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AnswerReport {
    /// The decision as one word, such as `offer` or `held`.
    pub decision: &'static str,
    /// The reason as a sentence.
    pub because: String,
    /// The offered version. `None` if nothing is offered.
    pub version: Option<String>,
    /// The version to which the offered one is a stepping stone. `None` if nothing or no stepping stone is offered.
    pub stepping_stone_to: Option<String>,
}

impl Differences {
    /// Compares the answers to requests by two rule books. Returns the first `most` changed answers, and counts the others.
    pub fn between(
        before: &Snapshot,
        after: &Snapshot,
        requests: impl IntoIterator<Item = (UpdateRequest, AskedFrom)>,
        left_out: u64,
        most: usize,
        now: UnixTime,
    ) -> Self {
        let mut found = Self { devices: 0, left_out, answers: Vec::new(), changed_answers: 0 };
        for (request, from) in requests {
            found.devices += 1;
            for change in diff(before.index(), after.index(), Question::all_of(&request, from), now) {
                found.changed_answers += 1;
                if found.answers.len() < most {
                    found.answers.push(ChangedAnswer::of(&change));
                }
            }
        }
        found
    }
}

impl ChangedAnswer {
    /// Compares the answers to one request by two rule books. Returns one entry for each module whose answer changes.
    pub fn all_of(
        before: &Snapshot,
        after: &Snapshot,
        request: &UpdateRequest,
        from: AskedFrom,
        now: UnixTime,
    ) -> Vec<Self> {
        let changes = diff(before.index(), after.index(), Question::all_of(request, from), now);
        changes.map(|change| Self::of(&change)).collect()
    }

    fn of(change: &AnswerChange<'_, '_, '_>) -> Self {
        let Question { device, module, user_name, .. } = change.question;
        let identity = DeviceId::of(&device.mac_address, &device.serial_number);
        let reported = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            device: identity.map_or_else(|| "-".to_owned(), |identity| identity.to_string()),
            mac: device.mac_address.read().map(ToString::to_string),
            serial: reported(device.serial_number.raw()),
            kind: device.kind.clone(),
            user: user_name.to_owned(),
            file_name: module.file_name.to_string(),
            installed: module.version.to_string(),
            before: AnswerReport::of(&change.before),
            after: AnswerReport::of(&change.after),
        }
    }
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
