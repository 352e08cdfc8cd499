//! Lists of entries of the rule book.

use crate::api::call::Call;
use crate::api::page::page;
use crate::api::route::ListKind;
use crate::report;
use crate::response::answer::Answer;
use crate::response::problem::Problem;
use serde_json::{Value, json};
use ucupdate::book::{Assignment, GroupName, InterimImage, Rule};
use ucupdate::value::PackageId;

pub(crate) fn list(what: ListKind, call: &Call<'_>) -> Result<Answer, Problem> {
    let service = &call.side.service;
    let (snapshot, now) = (service.snapshot(), service.now());
    let book = snapshot.book();
    let (field, page) = match what {
        ListKind::TestDevices => {
            let devices = book.test_devices();
            (
                "test_devices",
                page(call, devices, |device| device.name.to_string(), |one| report::test_device(one))?,
            )
        }
        ListKind::Groups => {
            let value = |group: &&_| report::group(book, group);
            ("groups", page(call, book.groups(), |group| group.name.to_string(), value)?)
        }
        ListKind::Rollouts => {
            let rollouts = book.rules().flat_map(|rule| report::RolloutReport::all_of(rule, now));
            ("rollouts", page(call, rollouts, |one| format!("{} {}", one.rule, one.name), |one| json!(one))?)
        }
        ListKind::Pins => {
            let pins = book.rules().flat_map(|rule| rule.pins().map(move |pin| (rule, pin)));
            let key = |(rule, pin): &(&Rule, &Assignment)| format!("{} {}", rule.key(), pin.audience);
            ("pins", page(call, pins, key, |(rule, pin)| report::pin(rule, pin))?)
        }
        ListKind::Holds => {
            ("holds", page(call, book.holds(), |hold| hold.name.to_string(), |hold| report::hold(hold, now))?)
        }
        ListKind::Bans => ("bans", page(call, book.bans(), |ban| ban.scope.to_string(), |ban| json!(ban))?),
        ListKind::Aliases => {
            ("aliases", page(call, book.aliases(), |alias| json!(alias).to_string(), |alias| json!(alias))?)
        }
        ListKind::Schemes => {
            let schemes = &book.settings().schemes;
            ("schemes", page(call, schemes.iter(), |one| one.rules.to_string(), |one| json!(one))?)
        }
        ListKind::Stones => {
            let stones = &book.settings().stones;
            ("stones", page(call, stones.iter(), |stone| stone.name.to_string(), |stone| json!(stone))?)
        }
        ListKind::Interim => {
            let images = book.pending_interim_images();
            let value = |(image, package): &(&InterimImage, PackageId)| {
                report::interim_image(image, *package, "pending")
            };
            (
                "interim",
                page(call, images, |(image, _)| format!("{} {}", image.locale, image.update_type), value)?,
            )
        }
        ListKind::Stops => {
            let value = |(scope, stop): &(&_, &_)| report::stop(scope, stop);
            ("stopped", page(call, book.stops(), |(scope, _)| scope.to_string(), value)?)
        }
    };
    let mut value = json!({ "revision": snapshot.revision(), "next": page.next });
    value[field] = Value::Array(page.values);
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}

/// Returns one group with a page of the devices in its member list.
pub(crate) fn group(call: &Call<'_>) -> Result<Answer, Problem> {
    let name = call.parameters.first().map_or("", String::as_str);
    let missing = || Problem::not_found(format!("no group {name}"));
    let name: GroupName = name.parse().map_err(|_| missing())?;
    let snapshot = call.side.service.snapshot();
    let book = snapshot.book();
    let group = book.group(&name).ok_or_else(missing)?;
    let devices = page(
        call,
        book.members(&group.name),
        |device| device.to_string(),
        |device| report::with_device_or_group(json!({}), Some(device), None),
    )?;
    let mut value = report::group(book, group);
    value["devices"] = Value::Array(devices.values);
    value["next"] = json!(devices.next);
    value["revision"] = json!(snapshot.revision());
    Ok(Answer::json(value).at_revision(snapshot.revision()))
}
