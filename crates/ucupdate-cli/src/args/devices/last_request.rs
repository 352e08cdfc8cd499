//! The last request of a device, from the audit logs of the store.

use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::logs::audit::AuditArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::suggest::with_meant;
use std::collections::BTreeSet;
use ucupdate::audit::LoggedRow;
use ucupdate::device::DeviceId;
use ucupdate::inventory::{Inventory, InventoryDevice};
use ucupdate::request::Side;
use ucupdate::value::UnixTime;

#[derive(Debug)]
pub(crate) struct LastRequest {
    pub(crate) device: InventoryDevice,
    /// The side in the URL of the last offer. `None` if the device was never offered anything.
    pub(crate) side: Option<Side>,
}

/// Reads the last request of a device at or before `until`, or of all time without it. Fails when
/// there is no store, when a log cannot be read, and when no row names the device.
pub(crate) async fn last_request(
    selected: &SelectedDevices,
    until: Option<UnixTime>,
    audit: &AuditArgs,
    context: &mut Context,
) -> Result<LastRequest, Failure> {
    let (mut fleet, mut side) = (Inventory::default(), None);
    let take = |logged: &LoggedRow| {
        if selected.is_of(&logged.row, None) && until.is_none_or(|until| logged.row.logged_at <= until) {
            fleet.take_in(logged);
            side = logged.row.offered.last().map(|offer| side_of(&offer.url)).or(side);
        }
    };
    audit.each(context, audit.is_of_store(), false, take).await?.refuse_nothing_understood()?;
    let newest = fleet.devices().map(|(_, device)| device).max_by_key(|device| device.last_asked);
    let Some(device) = newest else {
        let when = if until.is_some() { " up to that time" } else { "" };
        let failure = Failure::not_found(format_args!("the audit logs name no {selected}{when}"));
        return Err(with_near_device(failure, &selected.name(), audit, audit.is_of_store(), context).await);
    };
    Ok(LastRequest { device, side })
}

fn side_of(url: &str) -> Side {
    let url = url.to_ascii_lowercase();
    let is_external = url.contains("/deviceupdatefiles_ext/") || url.contains("/requesthandlerext/");
    if is_external { Side::External } else { Side::Internal }
}

/// Finds a device by `name`, which is tried as a MAC address, then as a serial number, then as an
/// IP address or host. If several devices have the address, returns the one with the latest
/// request. Fails when there is no store, when a log cannot be read, and when no row names the
/// device.
pub(crate) async fn find_device(
    name: &str,
    audit: &AuditArgs,
    context: &mut Context,
) -> Result<DeviceId, Failure> {
    let meanings = [
        name.parse().ok().map(SelectedDevices::Mac),
        name.parse().ok().map(SelectedDevices::Serial),
        Some(SelectedDevices::Host(name.to_owned())),
    ];
    let mut found: [Option<DeviceId>; 3] = [None, None, None];
    let take = |logged: &LoggedRow| {
        for (meaning, found) in meanings.iter().zip(&mut found) {
            if meaning.as_ref().is_some_and(|selected| selected.is_of(&logged.row, None)) {
                let row = &logged.row;
                *found = DeviceId::of(&row.mac_address, &row.serial_number).or(found.take());
            }
        }
    };
    audit.each(context, audit.is_of_store(), true, take).await?.refuse_nothing_understood()?;
    if let Some(device) = found.into_iter().flatten().next() {
        return Ok(device);
    }
    let failure = Failure::not_found(format_args!(
        "the audit logs name no device with the MAC address, serial number or address {name}"
    ));
    Err(with_near_device(failure, name, audit, audit.is_of_store(), context).await)
}

/// Adds a suggestion to a failure: the device in the logs that is most similar to `wanted`. Reads
/// the logs again for this.
pub(crate) async fn with_near_device(
    failure: Failure,
    wanted: &str,
    audit: &AuditArgs,
    from_store: bool,
    context: &mut Context,
) -> Failure {
    let mut known = KnownDevices::default();
    let read = audit.each(context, from_store, false, |logged: &LoggedRow| known.take_in(logged)).await;
    with_meant(failure, read.ok().and_then(|_| known.nearest(wanted)))
}

/// The devices that the logs name, to suggest one of them for a mistyped MAC address, serial number or address.
#[derive(Debug, Default)]
struct KnownDevices(BTreeSet<String>);

/// The largest number of MAC addresses, serial numbers and addresses that are compared with a mistyped one.
const MAX_KNOWN: usize = 500_000;

impl KnownDevices {
    fn take_in(&mut self, logged: &LoggedRow) {
        let row = &logged.row;
        if self.0.len() < MAX_KNOWN {
            self.0.extend(row.mac_address.read().map(ToString::to_string));
            self.0.extend(row.serial_number.read().map(ToString::to_string));
            self.0.insert(row.user_host.to_string());
        }
    }

    /// Returns the only known device that differs from `wanted` in one character. `None` if there
    /// is no such device, or several. MAC addresses of one vendor differ in few digits, so less
    /// similar devices are not suggested.
    fn nearest(&self, wanted: &str) -> Option<String> {
        let (wanted, plain) = (wanted.to_uppercase(), wanted.replace(['-', ':', '.'], "").to_uppercase());
        let is_near = |known: &&String| {
            let known = known.to_uppercase();
            [&wanted, &plain].iter().any(|wanted| strsim::osa_distance(wanted, &known) == 1)
        };
        let mut near = self.0.iter().filter(is_near);
        near.next().filter(|_| near.next().is_none()).cloned()
    }
}
