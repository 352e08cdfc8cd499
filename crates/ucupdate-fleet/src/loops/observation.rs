//! What a row of an audit log says of loops: each module that was asked about, and what was offered for it.

use crate::pairing::{installed, offers};
use ucupdate_audit::{AuditRow, LoggedRow, OfferedCell, RequestedCell};
use ucupdate_core::RuleKey;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::DeviceId;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::ReportedVersion;

/// One module of one request: what the device has, and what it was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Who asked.
    pub device: DeviceId,
    /// About which part of it.
    pub update_type: UpdateType,
    /// The rule that is for it, where its words make one; only shown.
    pub rule: Option<RuleKey>,
    /// When it asked, by the server's clock.
    pub at: UnixTime,
    /// The version it has.
    pub installed: ReportedVersion,
    /// The version it was offered, if any.
    pub offered: Option<ReportedVersion>,
    /// Which server answered, where that is known.
    pub server: Option<Box<str>>,
}

/// What a [`LoopGuard`](crate::loops::LoopGuard) is fed of one row: one observation for each module asked about.
///
/// A row names the file asked for and the file offered, not which offer is for which module. They belong together where
/// the offered file, or the folder it lies in, is called like the update type asked about; and where that leaves as many
/// offers as modules, in order. A row of a device that says neither MAC address nor serial number gives none, and a module
/// without a name neither.
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

/// The rule the row's words name, where they name one.
fn rule(row: &AuditRow, update_type: &UpdateType) -> Option<RuleKey> {
    RuleKey::new(row.kind.read().ok()?, update_type.clone()).ok()
}
