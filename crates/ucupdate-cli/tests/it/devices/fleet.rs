//! The fleet and loops, read from audit rows.

use crate::place::{IP8540, Place, no_store};

const FIELD_LOG: &str = include_str!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");

/// Returns rows of one phone at one server: time, installed version and offered version.
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

/// Returns a place with the logs of two servers that approve different versions.
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
    let report = place.run(&["loops", "--audit", "audit.log", "--json"]).json();
    assert_eq!(
        (&report["rows"], &report["devices"], report["loops"].as_array().unwrap().len()),
        (&3.into(), &1.into(), 0)
    );
}

#[test]
fn a_store_without_logs_holds_no_loop_and_no_device_and_no_store_is_an_error() {
    let place = Place::with_package();
    assert_eq!(place.run(&["loops"]).done(), "no loops\n");
    assert_eq!(place.run(&["fleet"]).done(), "no devices\n");
    let nowhere = Place::new();
    assert_eq!(nowhere.run(&["loops"]).refused(), no_store("ucupdate-data"));
    assert_eq!(nowhere.run(&["fleet"]).refused(), no_store("ucupdate-data"));
    assert!(nowhere.run(&["loops", "--audit", "gone.log"]).refused().starts_with("cannot open `gone.log`: "));
}

#[test]
fn two_servers_at_odds_are_found_in_the_logs_of_their_store() {
    let place = at_odds();
    let report = place.run(&["loops", "--json"]).json();
    assert_eq!(
        report["loops"],
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
    assert_eq!(place.run(&["loops", "--until", "2009-03-06T08:20:00"]).done(), "no loops\n");
    // Lisbon had the time of UTC in that month, and Paris was an hour ahead.
    assert!(place.run(&["loops", "--until", "2009-03-06T09:20:01+01:00"]).done().contains("flipped"));
}

#[test]
fn the_fleet_of_a_past_time_has_what_its_devices_had_then_and_is_not_silent() {
    let place = at_odds();
    let first = |line: &str| place.call(&format!("fleet --json {line}")).json()["devices"][0].clone();
    let then = first("--until 2009-03-06T08:15");
    assert_eq!(then["modules"][0]["version"], "3.5.6907.9", "{then}");
    assert_ne!(then["state"], "silent", "{then}");
    let now = first("");
    assert_eq!((&now["modules"][0]["version"], &now["state"]), (&"3.5.6907.0".into(), &"silent".into()));
}

#[test]
fn a_device_that_comes_back_unchanged_is_found_by_what_counts_as_another_ask() {
    let place = Place::new();
    let asks = ["08:00:00", "08:10:00", "08:20:00"].map(|time| (time, "1.0.522.34", "3.5.6907.0"));
    place.file(ONE, log(&asks).as_bytes());
    assert_eq!(place.run(&["loops", "--audit", ONE]).done(), "no loops\n");
    let report = place.run(&["loops", "--audit", ONE, "--apart-minutes", "10"]).done();
    assert!(report.contains("unchanged  1.0.522.34 > 3.5.6907.0  3 "), "{report}");
}

#[test]
fn lines_that_give_no_row_are_reported_and_the_rest_is_read() {
    let place = Place::new();
    let torn = "torn\u{1b}\n".repeat(12);
    place.file("audit.log", format!("{FIELD_LOG}{torn}").as_bytes());
    let ran = place.run(&["fleet", "--audit", "audit.log", "--json"]);
    let report: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(report.len(), 11, "{report:#?}");
    assert_eq!(report[0], "ucupdate: audit.log: line 5: the row has 1 cells, expected 13");
    assert_eq!(report[10], "ucupdate: 2 further lines gave no row");
    assert_eq!((&ran.json()["rows"], &ran.json()["unread"]), (&3.into(), &12.into()));
}

#[test]
fn the_fleet_is_each_device_as_it_asked_last() {
    let place = at_odds();
    let report = place.run(&["fleet", "--json"]).json();
    let phone = &report["devices"][0];
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
    assert_eq!(report["versions"][0]["devices"], 1);
    assert_eq!(report["unidentified"], 0);
}

#[test]
fn what_a_log_says_does_nothing_to_a_terminal() {
    let place = Place::new();
    let evil = FIELD_LOG.replace("ruisilva@demo.local", "%1B[2Jx").replace("1.0.522.103;", "1.0%1B[2J;");
    place.file("audit.log", evil.as_bytes());
    let report = place.run(&["fleet", "--audit", "audit.log"]).done();
    assert!(!report.contains('\u{1b}') && report.contains("\\u{1b}[2J"), "{report}");
}

#[test]
fn a_zone_or_time_that_is_none_is_a_mistake_of_the_caller() {
    let place = Place::new();
    for args in [["--since", "yesterday"], ["--until", "0"], ["--time-zone", "Europe/Atlantis"]] {
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
    let report = place.run(&args).done();
    let held = "the device with MAC address 0021630F207B is offered nothing, by the hold loop 0021630F207B (reason: it is offered updates in a circle)";
    assert_eq!(report.lines().last(), Some(held), "{report}");
    let again = "0021630F207B is held already, by the hold loop 0021630F207B";
    assert_eq!(place.run(&args).done().lines().last(), Some(again));
}

/// A store with a package whose rule for the IP8540 is approved, and logs of five devices.
fn of_five() -> Place {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let header = FIELD_LOG.lines().next().unwrap();
    let row = |mac: &str, user: &str, model: &str, installed: &str| {
        format!(
            "03-06-2009 08:00:00,{user},10.1.1.7,UCPhone,06-03-2009 08:00:00,\"{mac}\",\"\",\"LG-Nortel\",\"{model}\",\"A\",\"ENU\",\
             cpe.nbt;{installed};16-12-2008 04:43:58,\n"
        )
    };
    let rows = [
        row("0021630F2001", "ann@contoso.com", "IP8540", "3.5.6907.0"),
        row("0021630F2002", "=1+1", "IP8540", "1.0.522.103"),
        row("0021630F2003", "\"Smith, Bob\"", "IP8540", "3.5.6907.0"),
        row("0021630F2004", "<b>", "IP8501", "3.5.6907.0"),
        row("0021630F2005", "", "IP8540", "1.0.522.103"),
    ];
    place.file("five.log", format!("{header}\n{}", rows.concat()).as_bytes());
    place
}

#[test]
fn each_device_has_a_state_and_the_counts_are_those_of_the_whole_fleet() {
    let place = of_five();
    let args = ["fleet", "--audit", "five.log", "--state", "no-rule", "--json"];
    let report = place.run(&args).json();
    let devices = report["devices"].as_array().unwrap();
    assert_eq!(
        (devices.len(), &devices[0]["mac"], &devices[0]["state"]),
        (1, &"0021630F2004".into(), &"no-rule".into())
    );
    let fleet = &report["fleet"];
    assert_eq!((&fleet["devices"], &fleet["behind"]), (&5.into(), &2.into()));
    let states = fleet["states"].as_object().unwrap();
    let counted: u64 = states.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(
        (counted, &states["up-to-date"], &states["offered"], &states["no-rule"]),
        (5, &2.into(), &2.into(), &1.into())
    );
    assert_eq!(fleet["models"][1]["states"]["up-to-date"], 2);
    let text = place.run(&["fleet", "--audit", "five.log", "--behind"]).done();
    assert!(text.starts_with("DEVICE        STATE    HAS"), "{text}");
    assert!(
        text.contains(
            "the whole fleet has 5 devices, and 2 of them are chosen\n2 should have another version"
        ),
        "{text}"
    );
}

#[test]
fn devices_are_chosen_by_rule_group_and_version_and_sorted() {
    let place = of_five();
    place.run(&["group", "add", "pilots"]).done();
    place.run(&["group", "add-member", "pilots", "--mac", "0021630F2003"]).done();
    let macs = |args: &[&str]| -> Vec<String> {
        let report = place.run(&[&["fleet", "--audit", "five.log", "--json"], args].concat()).json();
        let devices = report["devices"].as_array().unwrap().iter();
        devices.map(|device| device["mac"].as_str().unwrap()[10..].to_owned()).collect()
    };
    assert_eq!(macs(&["--rule", "*/*/ip8501"]), ["04"]);
    assert_eq!(macs(&["--rule", "UCPhone/LG-Nortel/IP854*"]), ["01", "02", "03", "05"]);
    assert_eq!(macs(&["--group", "pilots"]), ["03"]);
    assert_eq!(macs(&["--has", "1.0.522.103"]), ["02", "05"]);
    assert_eq!(macs(&["--sort", "state", "--reverse"]), ["04", "03", "01", "05", "02"]);
    assert_eq!(macs(&["--sort", "model"]), ["04", "01", "02", "03", "05"]);
    assert_eq!(place.run(&["fleet", "--audit", "five.log", "--group", "none"]).refused(), "no group none");
    assert_eq!(place.run(&["fleet", "--silent-after", "soon"]).code, Some(2));
    assert_eq!(place.run(&["fleet", "--keep", "--since", "1d"]).code, Some(2));
}

#[test]
fn the_values_for_a_spreadsheet_begin_as_the_audit_log_and_hold_no_formula() {
    let place = of_five();
    let ran = place.run(&["fleet", "--audit", "five.log", "--csv", "out.csv"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "ucupdate: out.csv has 5 devices\n"));
    let csv = std::fs::read_to_string(place.path("out.csv")).unwrap();
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 6);
    let titles: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(titles[..11], FIELD_LOG.split(',').take(11).collect::<Vec<_>>());
    assert!(lines[1].starts_with("03-06-2009 08:00:00,ann@contoso.com,10.1.1.7,UCPhone,"), "{}", lines[1]);
    assert!(lines[1].contains(",cpe.nbt,3.5.6907.0,3.5.6907.0,up-to-date,,"), "{}", lines[1]);
    assert!(lines[2].contains(",'=1+1,"), "{}", lines[2]);
    assert!(lines[3].contains(",\"Smith, Bob\","), "{}", lines[3]);
    assert!(lines[4].contains(",no-rule,no-rule,"), "{}", lines[4]);
    assert!(
        place.run(&["fleet", "--audit", "five.log", "--csv", "out.csv"]).refused().contains("exists already")
    );
}

#[test]
fn the_page_of_the_fleet_needs_nothing_else_and_holds_no_foreign_markup() {
    let place = of_five();
    place.run(&["fleet", "--audit", "five.log", "--html", "out.html"]).done();
    let page = std::fs::read_to_string(place.path("out.html")).unwrap();
    for part in ["<h2 id=\"states\">", "<h2 id=\"versions\">", "0021630F2004", "&lt;b&gt;", "url(#p7)"] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["<b>&", "<script", "src=", "http://", "https://", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn a_device_that_is_kept_in_the_store_does_not_vanish_with_its_log() {
    let place = at_odds();
    let folder = "ucupdate-data/Logs/Server/Audit/imageUpdates";
    let ran = place.run(&["fleet", "--keep"]);
    assert!(ran.stderr.contains("1 device is kept in the store"), "{ran:?}");
    for log in [ONE, TWO] {
        std::fs::remove_file(place.path(&format!("{folder}/{log}"))).unwrap();
    }
    let report = place.run(&["fleet", "--json"]).json();
    assert_eq!(
        (&report["devices"][0]["mac"], &report["devices"][0]["state"]),
        (&"0021630F207B".into(), &"silent".into())
    );
    assert_eq!(place.run(&["fleet", "--forget-kept"]).done(), "no devices\n");
    place.file("ucupdate-data/inventory/ucupdate-fleet.jsonl", b"damaged");
    let ran = place.run(&["fleet"]);
    assert!(ran.stderr.contains("the kept inventory `inventory/ucupdate-fleet.jsonl` is skipped"), "{ran:?}");
    assert_eq!(ran.done(), "no devices\n");
}

#[test]
fn a_report_of_files_needs_no_store_and_ends_with_the_files() {
    let place = Place::new();
    place.file("audit.log", FIELD_LOG.as_bytes());
    place.file("noise.log", b"\x00\x01 noise");
    let report = place.run(&["report", "--audit", "audit.log", "--html", "out.html", "--json"]).json();
    assert_eq!((&report["devices"], &report["rules"]), (&1.into(), &serde_json::Value::Null));
    let kinds: Vec<&str> =
        report["troubles"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"clock-wrong"), "{kinds:?}");
    let page = std::fs::read_to_string(place.path("out.html")).unwrap();
    assert!(!page.contains("Rollouts") && !page.contains("Nothing is stopped"), "{page}");
    let ran = place.run(&["report", "--audit", "audit.log", "noise.log", "--html", "two.html"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(place.path("two.html").exists(), "what was understood is reported");
    let ran = place.run(&["report", "--access", "noise.log", "--html", "three.html"]);
    assert_eq!(ran.code, Some(3), "the rest of the report is of the store: {ran:?}");
}

#[test]
fn the_report_says_plainly_what_is_stopped_and_needs_nothing_else() {
    let place = at_odds();
    place.file("uc.cab", &ucupdate_cab::package::sample::uc_updates(500));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["report", "--html", "running.html"]).done();
    place.run(&["rollout", "kill", "--reason", "phones <restart>"]).done();
    let report = place.run(&["report", "--html", "stopped.html", "--json"]).json();
    assert_eq!((&report["stopped"], &report["devices"]), (&true.into(), &1.into()));
    let page = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    assert!(page("running.html").contains("Nothing is stopped."));
    let stopped = page("stopped.html");
    for part in [
        "Everything is stopped: no device is offered anything. ann stopped it: phones &lt;restart&gt;.",
        IP8540,
        "1 device",
    ] {
        assert!(stopped.contains(part), "{part}");
    }
    for part in ["<script", "src=", "http://", "https://", "@import"] {
        assert!(!stopped.contains(part), "{part}");
    }
    assert!(place.run(&["report", "--html", "stopped.html"]).refused().contains("exists already"));
}
