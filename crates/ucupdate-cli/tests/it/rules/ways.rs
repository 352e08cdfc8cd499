//! Tests `stone` and `plan`: the steps of a device to its target.

use crate::place::{IP8540, Place, package};
use serde_json::json;

const KIND: &str = "UCPhone/LG-Nortel/IP8540/A/ENU";

fn way(place: &Place, installed: &str) -> String {
    let planned = place.run(&["plan", "--device", KIND, "--installed", installed]).done();
    planned.lines().nth(1).unwrap().to_owned()
}

/// Returns a place with the interim image, 3.5 and 4.0. Version 4.0 is approved.
fn two_releases() -> Place {
    let place = Place::with_package();
    place.run(&["interim", "approve", "ENU"]).done();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"newer"));
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    place
}

#[test]
fn a_plan_shows_each_step_and_where_the_way_ends() {
    let place = two_releases();
    assert_eq!(
        way(&place, "1.0.522.34"),
        "cpe.nbt: 1.0.522.34 -> 1.0.522.103 (stepping stone) -> 4.0.7577.0"
    );
    let stone = "stone add r2 --device-type UCPhone --vendor LG-Nortel --model IP8540 --hardware-revision A \
         --below 3.5 --by 3.5.6907.0";
    let added = "stepping stone r2: UCPhone/LG-Nortel/IP8540/A/* below 3.5 goes by 3.5.6907.0\n";
    assert_eq!(place.call(stone).done(), added);
    assert_eq!(
        way(&place, "1.0.522.34"),
        "cpe.nbt: 1.0.522.34 -> 1.0.522.103 (stepping stone) -> 3.5.6907.0 (stepping stone) -> 4.0.7577.0"
    );
    assert_eq!(way(&place, "3.5.6907.0"), "cpe.nbt: 3.5.6907.0 -> 4.0.7577.0");
    assert_eq!(way(&place, "4.0.7577.0"), "cpe.nbt: 4.0.7577.0, then nothing: the device has 4.0.7577.0");
    let planned =
        place.run(&["plan", "--device", KIND, "--installed", "2.0", "--file", "CPE.nbt", "--json"]).json();
    let module = json!([{
        "file_name": "CPE.nbt",
        "installed": "2.0",
        "hops": [
            { "version": "3.5.6907.0", "folder": format!("{KIND}/3.5.6907.0/CPE"), "stepping_stone": true },
            { "version": "4.0.7577.0", "folder": format!("{KIND}/4.0.7577.0/CPE"), "stepping_stone": false },
        ],
        "end": "up-to-date",
        "because": "nothing: the device has 4.0.7577.0",
    }]);
    assert_eq!((&planned["modules"], &planned["revision"]), (&module, &json!(5)));
    assert_eq!(
        place.run(&["stone", "list"]).done(),
        "NAME               DEVICES                       BELOW       BY           IMAGE\n\
         ocs-interim        UCPhone/LG-Nortel/IP8540/*/*  1.0.522.98  1.0.522.103  interim\n\
         ocs-interim-cpe    UCPhone/Microsoft/CPE/*/*     1.0.522.98  1.0.522.103  interim\n\
         ocs-interim-cx700  UCPhone/Polycom/CX700/*/*     1.0.522.98  1.0.522.103  interim\n\
         r2                 UCPhone/LG-Nortel/IP8540/A/*  3.5         3.5.6907.0   release\n"
    );
    assert_eq!(
        place.run(&["stone", "remove", "R2"]).done(),
        "removed stepping stone r2: UCPhone/LG-Nortel/IP8540/A/* below 3.5 goes by 3.5.6907.0\n"
    );
    assert_eq!(place.run(&["stone", "list", "--json"]).json()["stones"].as_array().unwrap().len(), 3);
}

#[test]
fn a_plan_is_of_a_request_in_a_file_or_of_an_earlier_rule_book() {
    let place = two_releases();
    let request = include_str!("../../../../../vectors/canonical-request.xml");
    place.file("request.xml", request.as_bytes());
    let planned = place.run(&["plan", "request.xml"]).done();
    assert_eq!(
        planned,
        "rule book revision 4\ncpe.nbt: 0.0.0.0 -> 1.0.522.103 (stepping stone) -> 4.0.7577.0\n"
    );
    let before = place.run(&["plan", "request.xml", "--revision", "1"]).done();
    assert_eq!(
        before,
        "rule book revision 1\ncpe.nbt: 0.0.0.0, then nothing: a version is pending, but the device is not a test device\n"
    );
    let refused = place.run(&["plan", "request.xml", "--revision", "9"]).refused();
    assert_eq!(refused, "no revision 9: the rule book is at revision 4");
}

#[test]
fn where_a_device_asks_from_may_decide_its_way() {
    let place = two_releases();
    place.run(&["rollback", IP8540, "--to-nothing"]).done();
    place.call("group add branch --network 10.1.0.0/16 --side internal --user-domain demo.local").done();
    place.run(&["rollout", "start", IP8540, "4.0.7577.0", "--group", "branch"]).done();
    let asked = ["plan", "--device", KIND, "--installed", "3.5.6907.0"];
    let from = |more: &[&str]| place.run(&[&asked[..], more].concat()).done().contains("-> 4.0.7577.0");
    let ann = ["--user", "ann@demo.local"];
    assert!(from(&[&ann[..], &["--from", "10.1.2.3", "--side", "internal"]].concat()));
    assert!(!from(&[&ann[..], &["--from", "10.2.2.3", "--side", "internal"]].concat()));
    assert!(!from(&[&ann[..], &["--from", "10.1.2.3", "--side", "external"]].concat()));
    assert!(!from(&[&ann[..], &["--from", "10.1.2.3"]].concat()), "what is not known matches nothing");
    assert!(!from(&["--from", "10.1.2.3", "--side", "internal"]));
}
