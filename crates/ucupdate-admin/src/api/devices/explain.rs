//! Explanations: the answer that a device would get, and its reasons.

use super::device::device_id;
use crate::api::call::Call;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use ucupdate::device::{Device, DeviceKind, MacAddress, SerialNumber};
use ucupdate::request::{AskedFrom, InstalledModule, Side, UpdateRequest};
use ucupdate::value::Reported;
use ucupdate::version::ReportedVersion;

/// The file name of the module if the query names none.
const DEFAULT_FILE: &str = "cpe.nbt";

/// Explains the answer to the request that the query describes, or to the last request of the
/// device `id`.
pub(crate) async fn explain(call: &Call<'_>) -> Result<Answer, Problem> {
    let query = &call.query;
    if let Some(id) = query.text("id") {
        return last_request(call, id).await;
    }
    let kind: DeviceKind = query.parsed("device")?.ok_or_else(|| {
        Problem::bad_request(
            "one of the parameters `device` and `id` is missing, expected a kind as UCPhone/LG-Nortel/IP8540/A/ENU, or a MAC \
             address or serial number",
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
    answered(call, &request, AskedFrom { side, address: query.parsed("from")? }).await
}

/// Explains the answer to the last request of a device, as the audit logs have it.
async fn last_request(call: &Call<'_>, id: &str) -> Result<Answer, Problem> {
    let side = call.side;
    let missing = || Problem::not_found(format!("no device {id} is in the audit logs"));
    let known = device_id(id).ok_or_else(missing)?;
    let fleet = side.fleets.read(&side.service, &side.options.limits).await.map_err(Problem::unavailable)?;
    let device = fleet.inventory.device(fleet.number(&known).ok_or_else(missing)?);
    let request = device.request().ok_or_else(|| {
        Problem::not_found(format!("the last request of device {id} has words that cannot be repeated"))
    })?;
    answered(call, &request, AskedFrom { side: None, address: device.user_host.parse().ok() }).await
}

/// Explains the answer to a request by the newest revision, or by the one that the client names.
async fn answered(call: &Call<'_>, request: &UpdateRequest, from: AskedFrom) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let snapshot = match call.query.parsed::<u64>("revision")? {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    let explanation = snapshot.explain(request, from, service.now());
    let mut value = report::explanation(&explanation, &[], &[]);
    value["text"] = explanation.to_string().into();
    Ok(Answer::json(value))
}
