//! The fleet and loops, read from audit rows.

use crate::place::{IP8540, Place};

const FIELD_LOG: &str = include_str!("../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");

/// Rows of one phone at one server: the time, what it has and what it is offered.
fn log(rows: &[(&str, &str, &str)]) -> String {
    let header = FIELD_LOG.lines().next().unwrap();
    let row = |(time, installed, offered): &(&str, &str, &str)| {
        let offered = match *offered {
            "" => String::new(),
            version => format!(
                "http://ocs/UCPhone/LG-Nortel/IP8540/A/ENU/{version}/CPE/CPE.nbt;{version};16-12-2008 04:43:58"
            ),
        };
        format!(
            "03-06-2009 {time},ann@contoso.com,10.1.1.7,UCPhone,06-03-2009 {time},\"0021630F207B\",\"C185H001209\",\
             \"LG-Nortel\",\"IP8540\",\"A\",\"ENU\",cpe.nbt;{installed};16-12-2008 04:43:58,{offered}\n"
        )
    };
    format!("{header}\n{}", rows.iter().map(row).collect::<String>())
}

const ONE: &str = "RequestHandlerAuditLog_ocs01_2009-03-06.log";
const TWO: &str = "RequestHandlerAuditLog_ocs02_2009-03-06.log";

/// Logs of two servers that approve different versions, in the store.
fn at_odds() -> Place {
    let place = Place::new();
    let folder = "ucupdate-data/Logs/Server/Audit/imageUpdates";
    std::fs::create_dir_all(place.path(folder)).unwrap();
    let one = log(&[("08:00:00", "3.5.6907.0", "3.5.6907.9"), ("08:20:00", "3.5.6907.0", "3.5.6907.9")]);
    let two = log(&[("08:10:00", "3.5.6907.9", "3.5.6907.0")]);
    place.file(&format!("{folder}/{ONE}"), one.as_bytes());
    place.file(&format!("{folder}/{TWO}"), two.as_bytes());
    place
}

#[test]
fn the_fields_own_log_holds_no_loop() {
    let place = Place::new();
    place.file("audit.log", FIELD_LOG.as_bytes());
    assert_eq!(place.run(&["loops", "--audit", "audit.log"]).done(), "no loops\n");
    let told = place.run(&["loops", "--audit", "audit.log", "--json"]).json();
    assert_eq!(
        (&told["rows"], &told["devices"], told["loops"].as_array().unwrap().len()),
        (&3.into(), &1.into(), 0)
    );
}

#[test]
fn a_store_without_logs_holds_no_loop_and_no_device_and_no_store_is_an_error() {
    let place = Place::with_package();
    assert_eq!(place.run(&["loops"]).done(), "no loops\n");
    assert_eq!(place.run(&["fleet"]).done(), "no devices\n");
    let nowhere = Place::new();
    assert_eq!(nowhere.run(&["loops"]).refused(), "no store at ucupdate-data");
    assert_eq!(nowhere.run(&["fleet"]).refused(), "no store at ucupdate-data");
    assert!(nowhere.run(&["loops", "--audit", "gone.log"]).refused().starts_with("cannot open `gone.log`: "));
}

#[test]
fn two_servers_at_odds_are_found_in_the_logs_of_their_store() {
    let place = at_odds();
    let told = place.run(&["loops", "--json"]).json();
    assert_eq!(
        told["loops"],
        serde_json::json!([{
            "mac": "0021630F207B",
            "serial": null,
            "kind": "flipped",
            "update_type": "cpe",
            "rule": IP8540.replace("CPE", "cpe"),
            "versions": ["3.5.6907.0", "3.5.6907.9"],
            "servers": ["ocs01", "ocs02"],
            "first": "2009-03-06T08:00:00Z",
            "last": "2009-03-06T08:20:00Z",
            "asks": 3,
            "goes_on": true,
        }])
    );
    assert_eq!(place.run(&["loops", "--since", "2009-03-06T08:05:00"]).done(), "no loops\n");
    assert_eq!(place.run(&["loops", "--since", "1d"]).done(), "no loops\n");
}

#[test]
fn a_device_that_comes_back_unchanged_is_found_by_what_counts_as_another_ask() {
    let place = Place::new();
    let asks = ["08:00:00", "08:10:00", "08:20:00"].map(|time| (time, "1.0.522.34", "3.5.6907.0"));
    place.file(ONE, log(&asks).as_bytes());
    assert_eq!(place.run(&["loops", "--audit", ONE]).done(), "no loops\n");
    let told = place.run(&["loops", "--audit", ONE, "--apart-minutes", "10"]).done();
    assert!(told.contains("unchanged  1.0.522.34 > 3.5.6907.0  3 "), "{told}");
}

#[test]
fn lines_that_give_no_row_are_told_and_the_rest_is_read() {
    let place = Place::new();
    let torn = "torn\u{1b}\n".repeat(12);
    place.file("audit.log", format!("{FIELD_LOG}{torn}").as_bytes());
    let ran = place.run(&["fleet", "--audit", "audit.log", "--json"]);
    let told: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(told.len(), 11, "{told:#?}");
    assert_eq!(told[0], "ucupdate: audit.log: line 5: the row has 1 cells, expected 13");
    assert_eq!(told[10], "ucupdate: 2 further line(s) gave no row");
    assert_eq!((&ran.json()["rows"], &ran.json()["unread"]), (&3.into(), &12.into()));
}

#[test]
fn the_fleet_is_each_device_as_it_asked_last() {
    let place = at_odds();
    let told = place.run(&["fleet", "--json"]).json();
    let phone = &told["devices"][0];
    for (field, expected) in [
        ("mac", "0021630F207B"),
        ("serial", "C185H001209"),
        ("device_type", "UCPhone"),
        ("user", "ann@contoso.com"),
        ("host", "10.1.1.7"),
        ("server", "ocs01"),
        ("first_asked", "2009-03-06T08:00:00Z"),
        ("last_asked", "2009-03-06T08:20:00Z"),
    ] {
        assert_eq!(phone[field], expected, "{field}");
    }
    assert_eq!(phone["asks"], 3);
    let module = serde_json::json!([{
        "file_name": "cpe.nbt",
        "version": "3.5.6907.0",
        "offered": "3.5.6907.9",
        "asked": "2009-03-06T08:20:00Z",
    }]);
    assert_eq!(phone["modules"], module);
    assert_eq!(told["versions"][0]["devices"], 1);
    assert_eq!(told["unidentified"], 0);
}

#[test]
fn what_a_log_says_does_nothing_to_a_terminal() {
    let place = Place::new();
    let evil = FIELD_LOG.replace("ruisilva@demo.local", "%1B[2Jx").replace("1.0.522.103;", "1.0%1B[2J;");
    place.file("audit.log", evil.as_bytes());
    let told = place.run(&["fleet", "--audit", "audit.log"]).done();
    assert!(!told.contains('\u{1b}') && told.contains("\\u{1b}[2J"), "{told}");
}

#[test]
fn a_zone_or_time_that_is_none_is_a_mistake_of_the_caller() {
    let place = Place::new();
    for args in [["--since", "yesterday"], ["--time-zone", "Europe/Atlantis"]] {
        assert_eq!(place.run(&["loops", args[0], args[1]]).code, Some(2));
        assert_eq!(place.run(&["fleet", args[0], args[1]]).code, Some(2));
    }
}

#[test]
fn devices_whose_loop_goes_on_can_be_held_and_are_held_once() {
    let place = at_odds();
    let package = Place::with_package();
    let store = package.path("ucupdate-data").display().to_string();
    let logs = [ONE, TWO].map(|log| {
        place.path(&format!("ucupdate-data/Logs/Server/Audit/imageUpdates/{log}")).display().to_string()
    });
    let store = format!("file:{store}");
    let args = ["--store", &store, "loops", "--hold", "--author", "ann", "--audit", &logs[0], &logs[1]];
    let told = place.run(&args).done();
    let held = "the device with MAC address 0021630F207B is offered nothing, by the hold loop 0021630F207B (reason: it is offered updates in a circle)";
    assert_eq!(told.lines().last(), Some(held), "{told}");
    let again = "0021630F207B is held already, by the hold loop 0021630F207B";
    assert_eq!(place.run(&args).done().lines().last(), Some(again));
}
