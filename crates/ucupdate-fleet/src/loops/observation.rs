//! [`Observation`]: one module of one request. Observations are read from audit rows.

use crate::pairing::{installed, offers};
use ucupdate_audit::{AuditRow, LoggedRow, OfferedCell, RequestedCell};
use ucupdate_core::RuleKey;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::is_simulated;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// One module of one request, with the installed version and the offered version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The device that asked.
    pub device: DeviceId,
    /// The part of the device that the request is about, such as `CPE`.
    pub update_type: UpdateType,
    /// The rule for the device and the module. `None` if the device kind or the update type is not
    /// valid in a rule. [`LoopGuard::loops_in`](super::LoopGuard::loops_in) compares the versions of
    /// a device in the scheme of the rule of its latest request that has one.
    pub rule: Option<RuleKey>,
    /// The time of the request, by the clock of the server.
    pub at: UnixTime,
    /// The version that the device reported as installed.
    pub installed: ReportedVersion,
    /// The version that the server offered. `None` if it offered nothing.
    pub offered: Option<ReportedVersion>,
    /// The server that answered. `None` if it is not known.
    pub server: Option<Box<str>>,
}

/// Reads the observations of one audit row for a [`LoopGuard`](crate::loops::LoopGuard): one for each module in the
/// request.
///
/// A row lists the modules of the request and the offered files, but not which file is for which module. An offer
/// belongs to a module if the file, or the folder of the file, has the name of the module's update type. If as many
/// offers as modules remain without a match, the first of these offers is for the first of these modules, and so
/// on.
///
/// The result is empty for a [simulated](ucupdate_core::request::is_simulated) request, and for a device that reports neither
/// a MAC address nor a serial number. Modules without a name are
/// skipped.
///
/// ```
/// use ucupdate_audit::{AuditReader, LoggedRow};
/// use ucupdate_fleet::loops::observations;
/// let log = "Logging DateTime,Mac Address,Requested,Response\n\
///     03-06-2009 17:10:39,0021630F207B,cpe.nbt;1.0.522.34;,http://ocs/OCInterim/ENU/CPE.nbt;1.0.522.103;\n";
/// let row = AuditReader::new(log.as_bytes()).next().unwrap().unwrap();
/// let seen = observations(&LoggedRow::new(row, None));
/// assert_eq!(seen[0].update_type.as_str(), "cpe");
/// assert_eq!(seen[0].offered.as_ref().unwrap().as_str(), "1.0.522.103");
/// ```
pub fn observations(logged: &LoggedRow) -> Vec<Observation> {
    let LoggedRow { server, row, .. } = logged;
    if is_simulated(&row.user_name) {
        return Vec::new();
    }
    let Some(device) = DeviceId::of(&row.mac_address, &row.serial_number) else { return Vec::new() };
    let offers = offers(&row.requested, &row.offered);
    let modules = row.requested.iter().zip(offers);
    let observation = |(asked, offer): (&RequestedCell, Option<&OfferedCell>)| {
        let update_type: UpdateType = installed(asked).update_type_stem().parse().ok()?;
        Some(Observation {
            device: device.clone(),
            rule: rule(row, &update_type),
            update_type,
            at: row.logged_at,
            installed: asked.version.clone(),
            offered: offer.map(|offer| offer.version.clone()),
            server: server.as_ref().map(|server| server.as_str().into()),
        })
    };
    modules.filter_map(observation).collect()
}

/// Returns the rule for the device kind of a row and an update type. `None` if the device kind is
/// not valid in a rule.
fn rule(row: &AuditRow, update_type: &UpdateType) -> Option<RuleKey> {
    RuleKey::new(row.kind.read().ok()?, update_type.clone()).ok()
}
