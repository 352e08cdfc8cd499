//! Assigns the offers of an audit row to the modules of the request.

use ucupdate_audit::{OfferedCell, RequestedCell};
use ucupdate_core::request::InstalledModule;

/// Returns, for each module of the request, the offer for it. An offer is for a module if its URL has the name of
/// the module's update type. If as many modules as offers remain without a match, the first of these modules gets
/// the first of these offers, and so on. Otherwise they get none.
pub(crate) fn offers<'a>(
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

/// Converts a requested cell of an audit row (file name, version and time stamp) into a module.
pub(crate) fn installed(cell: &RequestedCell) -> InstalledModule {
    InstalledModule {
        file_name: cell.file_name.clone(),
        version: cell.version.clone(),
        time_stamp: cell.time_stamp.clone(),
    }
}

/// Returns whether the file at a URL is for an update type: the file (without extension) or its
/// folder has the name of the update type.
fn is_for(url: &str, update_type: &str) -> bool {
    let mut parts = url.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.eq_ignore_ascii_case(update_type)
        || parts.next().is_some_and(|folder| folder.eq_ignore_ascii_case(update_type))
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
            // No name matches. One offer and one module are left, so they belong together.
            (&["cpe.nbt", "4.5.sip.ld"], &[cpe, "http://h/x/y.ld"], vec![some(cpe), some("http://h/x/y.ld")]),
            // More modules than offers are left, so the pairing is unknown.
            (&["a.nbt", "b.nbt"], &["http://h/x/y.nbt"], vec![None, None]),
            (&["cpe.nbt", "cpe.nbt"], &[cpe], vec![some(cpe), None]),
        ] {
            assert_eq!(paired(asked, offered), expected, "{asked:?} {offered:?}");
        }
    }
}
