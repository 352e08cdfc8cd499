//! The list of the devices, and the search in it.

use super::fleet::{device_json, id_of};
use crate::api::call::Call;
use crate::api::page::page;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::json;
use ucupdate::inventory::DeviceNumber;

/// Returns a page of the devices whose MAC address, serial number, user, address or kind contains the text of the search.
pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Problem> {
    let side = call.side;
    let fleet = side.fleets.read(&side.service, &side.options.limits).await.map_err(Problem::unavailable)?;
    let search = call.query.text("search").unwrap_or_default().trim().to_ascii_lowercase();
    let plain: String = search.chars().filter(|character| !matches!(character, '-' | ':')).collect();
    let inventory = &fleet.inventory;
    let is_found = |number: &DeviceNumber| {
        let device = inventory.device(*number);
        search.is_empty()
            || [device.user_name.as_ref(), device.user_host.as_ref(), device.serial_number.raw()]
                .into_iter()
                .chain([device.kind.to_string().as_str()])
                .any(|text| text.to_ascii_lowercase().contains(&search))
            || id_of(&device).to_ascii_lowercase().contains(&plain)
    };
    let found = inventory.numbers().into_iter().filter(is_found);
    let page = page(
        call,
        found,
        |number| id_of(&inventory.device(*number)),
        |number| device_json(&inventory.device(*number)),
    )?;
    let value = json!({
        "devices": page.values,
        "next": page.next,
        "known": inventory.len(),
        "read_at": report::iso(fleet.read_at),
    });
    Ok(Answer::json(value))
}
