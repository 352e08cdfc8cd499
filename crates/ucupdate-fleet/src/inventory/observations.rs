//! What a row of an audit log says of loops: each module that was asked about, and what was offered for it.

use crate::loops::Observation;
use ucupdate_audit::{AuditRow, LoggedRow, OfferedCell, RequestedCell};
use ucupdate_core::RuleKey;
use ucupdate_core::book::UpdateType;
use ucupdate_core::device::DeviceId;
use ucupdate_core::request::InstalledModule;

/// What a [`LoopGuard`](crate::loops::LoopGuard) is fed of one row: one observation for each module asked about.
///
/// A row names the file asked for and the file offered, not which offer is for which module. They belong together where
/// the offered file, or the folder it lies in, is called like the update type asked about; and where that leaves as many
/// offers as modules, in order. A row of a device that says neither MAC address nor serial number gives none, and a module
/// without a name neither.
///
/// ```
/// use ucupdate_audit::{AuditReader, LoggedRow};
/// use ucupdate_fleet::inventory::observations;
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

/// What was offered for each module asked about.
pub(super) fn offers<'a>(
    asked: &[RequestedCell],
    offered: &'a [OfferedCell],
) -> Vec<Option<&'a OfferedCell>> {
    let mut left: Vec<&OfferedCell> = offered.iter().collect();
    let mut take = |cell: &RequestedCell| {
        let module = installed(cell);
        let place = left.iter().position(|offer| is_for(&offer.url, module.update_type_stem()))?;
        Some(left.remove(place))
    };
    let mut found: Vec<Option<&OfferedCell>> = asked.iter().map(&mut take).collect();
    if found.iter().filter(|found| found.is_none()).count() == left.len() {
        found
            .iter_mut()
            .filter(|found| found.is_none())
            .zip(left)
            .for_each(|(open, offer)| *open = Some(offer));
    }
    found
}

/// The module as core knows it.
pub(super) fn installed(cell: &RequestedCell) -> InstalledModule {
    InstalledModule {
        file_name: cell.file_name.clone(),
        version: cell.version.clone(),
        time_stamp: cell.time_stamp.clone(),
    }
}

/// Whether the file at this URL is of this update type, by its name or its folder's.
fn is_for(url: &str, update_type: &str) -> bool {
    let mut parts = url.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.eq_ignore_ascii_case(update_type)
        || parts.next().is_some_and(|folder| folder.eq_ignore_ascii_case(update_type))
}

/// The rule the row's words name, where they name one.
fn rule(row: &AuditRow, update_type: &UpdateType) -> Option<RuleKey> {
    let key = RuleKey::new(
        row.device_type.parse().ok()?,
        row.vendor.parse().ok()?,
        row.model.parse().ok()?,
        row.revision.parse().ok()?,
        row.locale.parse().ok()?,
        update_type.clone(),
    );
    key.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::ReportedVersion;
    use ucupdate_core::value::Reported;

    #[track_caller]
    fn paired(asked: &[&str], offered: &[&str]) -> Vec<Option<String>> {
        let (version, time_stamp) = (ReportedVersion::new("1.0"), Reported::default());
        let asked: Vec<RequestedCell> = asked
            .iter()
            .map(|name| RequestedCell {
                file_name: (*name).into(),
                version: version.clone(),
                time_stamp: time_stamp.clone(),
            })
            .collect();
        let offered: Vec<OfferedCell> = offered
            .iter()
            .map(|url| OfferedCell {
                url: (*url).into(),
                version: version.clone(),
                time_stamp: time_stamp.clone(),
            })
            .collect();
        offers(&asked, &offered).into_iter().map(|offer| offer.map(|offer| offer.url.to_string())).collect()
    }

    #[test]
    fn an_offer_belongs_to_the_module_it_is_called_like() {
        let some = |url: &str| Some(url.to_owned());
        let (cpe, boot) = ("http://h/3.5/CPE/CPE.nbt", "http://h/3.5/Boot/image.bin");
        for (asked, offered, expected) in [
            (&["cpe.nbt"][..], &[cpe][..], vec![some(cpe)]),
            (&["cpe.nbt"], &[], vec![None]),
            (&["boot.bin", "cpe.nbt"], &[cpe], vec![None, some(cpe)]),
            (&["cpe.nbt", "boot.bin"], &[boot, cpe], vec![some(cpe), some(boot)]),
            // Called otherwise: as many are left as are open, so in order.
            (&["cpe.nbt", "4.5.sip.ld"], &[cpe, "http://h/x/y.ld"], vec![some(cpe), some("http://h/x/y.ld")]),
            // More are open than are left, so nobody knows.
            (&["a.nbt", "b.nbt"], &["http://h/x/y.nbt"], vec![None, None]),
            (&["cpe.nbt", "cpe.nbt"], &[cpe], vec![some(cpe), None]),
        ] {
            assert_eq!(paired(asked, offered), expected, "{asked:?} {offered:?}");
        }
    }
}
