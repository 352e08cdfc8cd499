//! Explanations: what a device would be answered, and why.

use super::Call;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use ucupdate::device::{Device, DeviceKind, MacAddress, SerialNumber};
use ucupdate::request::{AskedFrom, InstalledModule, Side, UpdateRequest};
use ucupdate::value::Reported;
use ucupdate::version::ReportedVersion;

/// The file that a device asks about if none is named.
const DEFAULT_FILE: &str = "cpe.nbt";

/// Explains the answer to a request of these words.
pub(crate) async fn explain(call: &Call<'_>) -> Result<Answer, Problem> {
    let query = &call.query;
    let kind: DeviceKind = query.parsed("device")?.ok_or_else(|| {
        Problem::bad_request(
            "the parameter `device` is missing, expected a kind as UCPhone/LG-Nortel/IP8540/A/ENU",
        )
    })?;
    let installed = query.text("installed").ok_or_else(|| {
        Problem::bad_request("the parameter `installed` is missing, expected the version that the device has")
    })?;
    let side = match query.text("side") {
        None => None,
        Some("internal") => Some(Side::Internal),
        Some("external") => Some(Side::External),
        Some(other) => {
            return Err(Problem::bad_request(format!(
                "the parameter `side` is `{other}`, expected internal or external"
            )));
        }
    };
    let mac: Option<MacAddress> = query.parsed("mac")?;
    let serial: Option<SerialNumber> = query.parsed("serial")?;
    let device = Device {
        kind,
        mac_address: mac.map_or_else(Reported::default, Reported::from),
        serial_number: serial.map_or_else(Reported::default, Reported::from),
    };
    let module = InstalledModule {
        file_name: query.text("file").unwrap_or(DEFAULT_FILE).into(),
        version: ReportedVersion::new(installed),
        time_stamp: Reported::default(),
    };
    let request = UpdateRequest {
        device,
        user_name: query.text("user").unwrap_or_default().into(),
        request_date_time: Reported::default(),
        modules: vec![module],
    };
    let service = &call.site.service;
    let snapshot = match query.parsed::<u64>("revision")? {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    let from = AskedFrom { side, address: query.parsed("from")? };
    let explanation = snapshot.explain(&request, from, service.now());
    let mut value = report::explanation(&explanation, &[], &[]);
    value["text"] = explanation.to_string().into();
    Ok(Answer::json(value))
}
