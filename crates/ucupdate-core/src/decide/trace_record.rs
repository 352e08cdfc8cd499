//! A decision as a record that can be stored, sent to another person, and replayed.

use crate::decide::explain::Trace;
use crate::decide::index::EligibilityIndex;
use crate::device::{Device, DeviceKind};
use crate::request::{AskedFrom, InstalledModule, Question, Side};
use crate::value::{Reported, UnixTime};
use crate::version::ReportedVersion;
use std::net::IpAddr;

/// A question with all data that its answer depends on, and the reasons of the answer. A replay on the same revision of
/// the rule book gives the same record, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TraceRecord {
    /// The revision of the rule book.
    pub revision: u64,
    /// The time of the question, in milliseconds since 1970-01-01 UTC.
    pub now: UnixTime,
    /// The side from which the request came. `None` if it is not known.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub side: Option<Side>,
    /// The address from which the request came. `None` if it is not known.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub address: Option<IpAddr>,
    /// The kind of the device, recorded as the list of its words.
    #[cfg_attr(feature = "serde", serde(rename = "device", with = "crate::device::kind_as_list"))]
    pub kind: DeviceKind,
    /// The MAC address as it was reported.
    pub mac_address: Box<str>,
    /// The serial number as it was reported.
    pub serial_number: Box<str>,
    /// The user who signed in last, as the device reported it.
    pub user_name: Box<str>,
    /// The file name of the module as it was reported.
    pub file_name: Box<str>,
    /// The version of the module as it was reported.
    pub installed: Box<str>,
    /// The file names of the other modules of the request, as reported.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub other_file_names: Vec<Box<str>>,
    /// The reason as one word; see [`Decision::word`](crate::decide::Decision::word).
    pub decision: Box<str>,
    /// The steps of the decision as text, one in each line. The last line is the decision.
    pub lines: Vec<String>,
}

impl TraceRecord {
    /// Records a question and its answer.
    pub fn of(index: &EligibilityIndex, question: &Question<'_>, now: UnixTime) -> Self {
        let trace = Trace::of(index, question, now);
        let Question { device, module, user_name, from, .. } = question;
        let steps = trace.steps.iter().map(ToString::to_string);
        Self {
            revision: index.revision(),
            now,
            side: from.side,
            address: from.address,
            kind: device.kind.clone(),
            mac_address: device.mac_address.raw().into(),
            serial_number: device.serial_number.raw().into(),
            user_name: (*user_name).into(),
            file_name: module.file_name.clone(),
            installed: module.version.as_str().into(),
            other_file_names: question.other_modules().map(|module| module.file_name.clone()).collect(),
            decision: trace.decision.word().into(),
            lines: steps.chain([trace.decision.to_string()]).collect(),
        }
    }

    /// Decides the recorded question again, at the recorded time, and records the answer. On the same revision,
    /// the new record equals this one. On another revision, it may have another answer or other steps.
    pub fn replay(&self, index: &EligibilityIndex) -> Self {
        let device = Device {
            kind: self.kind.clone(),
            mac_address: Reported::new(&self.mac_address),
            serial_number: Reported::new(&self.serial_number),
        };
        let module = |file_name: &str| InstalledModule {
            file_name: file_name.into(),
            version: ReportedVersion::new(&self.installed),
            time_stamp: Reported::default(),
        };
        let names = [&self.file_name].into_iter().chain(&self.other_file_names);
        let modules: Vec<InstalledModule> = names.map(|name| module(name)).collect();
        let from = AskedFrom { side: self.side, address: self.address };
        let question =
            Question::new(&device, &modules[0]).among(&modules, 0).by_user(&self.user_name).from(from);
        Self::of(index, &question, self.now)
    }
}
