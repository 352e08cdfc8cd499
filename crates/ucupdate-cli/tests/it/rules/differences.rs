//! Tests `diff` and `--dry-run`, and that `explain --save` and `--replay` repeat an answer.

use crate::place::{CX700, IP8540, Place};
use serde_json::{Value, json};
use ucupdate_cab::package::sample;

/// Returns a header and the last rows of four phones. The last row cannot be read as a device.
fn audit_log() -> String {
    let header =
        include_str!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log").lines().next().unwrap();
    let row = |mac: &str, vendor: &str, model: &str, installed: &str| {
        format!(
            "03-06-2009 08:00:00,ann@contoso.com,10.1.1.7,UCPhone,06-03-2009 08:00:00,\"{mac}\",\"\",\"{vendor}\",\"{model}\",\
             \"A\",\"ENU\",cpe.nbt;{installed};16-12-2008 04:43:58,\n"
        )
    };
    let rows = [
        row("0021630F2071", "LG-Nortel", "IP8540", "1.0.522.34"),
        row("0021630F2072", "LG-Nortel", "IP8540", "3.5.6907.0"),
        row("0021630F2073", "LG-Nortel", "IP8540", "1.0.522.103"),
        row("0004F2000001", "Polycom", "CX700", "1.0.522.103"),
        row("0004F2000002", "Polycom", "", "1.0.522.103"),
    ];
    format!("{header}\n{}", rows.concat())
}

const LOG: &str = "RequestHandlerAuditLog_ocs_2009-03-06.log";

/// Returns a place with a package for two phones, and an audit log in the store.
fn with_log() -> Place {
    let place = Place::with_package();
    let folder = "ucupdate-data/Logs/Server/Audit/imageUpdates";
    std::fs::create_dir_all(place.path(folder)).unwrap();
    place.file(&format!("{folder}/{LOG}"), audit_log().as_bytes());
    place
}

/// Returns the addresses of the devices whose answers change.
fn changed(report: &Value) -> Vec<&str> {
    report["answers"].as_array().unwrap().iter().map(|change| change["mac"].as_str().unwrap()).collect()
}

#[test]
fn a_dry_run_lists_exactly_whose_answer_would_change_and_changes_nothing() {
    let place = with_log();
    let report = place.run(&["approve", IP8540, "--dry-run"]).done();
    assert_eq!(
        report,
        format!(
            "would be: {IP8540}: 3.5.6907.0 is approved\n\
             would be: interim image 1.0.522.103 for ENU is approved too, because devices of {IP8540} must install it first\n\
             DEVICE        IS                              MODULE   HAS          BEFORE            AFTER\n\
             0021630F2071  UCPhone/LG-Nortel/IP8540/A/ENU  cpe.nbt  1.0.522.34   nothing-approved  1.0.522.103 to 3.5.6907.0\n\
             0021630F2073  UCPhone/LG-Nortel/IP8540/A/ENU  cpe.nbt  1.0.522.103  nothing-approved  3.5.6907.0\n\
             2 answers to 4 devices would change, 1 device was skipped\n"
        )
    );
    let report = place.run(&["approve", IP8540, "--dry-run", "--json"]).json();
    assert_eq!(
        (&report["dry_run"], &report["revision"], &report["devices"], &report["left_out"]),
        (&json!(true), &json!(1), &json!(4), &json!(1))
    );
    assert_eq!(changed(&report), ["0021630F2071", "0021630F2073"]);
    let after = &report["answers"][0]["after"];
    assert_eq!(
        (&after["version"], &after["stepping_stone_to"]),
        (&json!("1.0.522.103"), &json!("3.5.6907.0"))
    );
    assert_eq!(place.run(&["history", "--json"]).json()["revisions"].as_array().unwrap().len(), 1);
    assert_eq!(place.run(&["reject", IP8540, "--dry-run", "--json"]).json()["answers"], json!([]));

    place.run(&["approve", IP8540]).done();
    let refused = place.run(&["approve", IP8540, "--dry-run"]).refused();
    assert_eq!(refused, format!("{IP8540}: no version is pending"), "what would be refused is");
    for command in [&["rollback", "--to-nothing"][..], &["remove"]] {
        let report = place.run(&[command, &[IP8540, "--dry-run", "--json"]].concat()).json();
        assert_eq!(changed(&report), ["0021630F2071", "0021630F2073"], "{command:?}");
    }
    let all = place.run(&["rollback", "--to", "1", "--dry-run", "--json"]).json();
    assert_eq!(changed(&all), ["0021630F2071", "0021630F2073"]);
    assert_eq!(place.run(&["rules", "--json"]).json()["revision"], 2);
}

#[test]
fn every_change_that_may_change_answers_can_be_tried() {
    let place = with_log();
    place.run(&["approve", IP8540]).done();
    place.run(&["group", "add", "branch", "--side", "internal"]).done();
    let tried = |args: &[&str]| {
        let report = place.run(&[args, &["--dry-run", "--json"]].concat()).json();
        changed(&report)
            .into_iter()
            .map(|mac| mac.strip_prefix("0021630F20").unwrap_or(mac).to_owned())
            .collect::<Vec<_>>()
    };
    let all = ["0004F2000001"];
    assert_eq!(tried(&["rollout", "start", CX700, "3.5.6907.9", "--percent", "100"]), all);
    assert_eq!(tried(&["rollout", "start", CX700, "3.5.6907.9", "--percent", "0"]), [""; 0]);
    assert_eq!(tried(&["rollout", "start", CX700, "3.5.6907.9", "--group", "branch"]), [""; 0]);
    assert_eq!(
        tried(&["rollout", "start", CX700, "3.5.6907.9", "--group", "branch", "--assume-side", "internal"]),
        all
    );
    assert_eq!(tried(&["test-device", "add", "lab", "--mac", "0004F2000001"]), all);
    assert_eq!(tried(&["hold", "add", "quiet", "--mac", "0021630F2073"]), ["73"]);
    assert_eq!(tried(&["policy", "set", IP8540, "--window", "daily 00:00-24:00"]), [""; 0]);
    assert_eq!(tried(&["pin", "set", CX700, "3.5.6907.9", "--mac", "0004F2000001"]), all);
    assert_eq!(tried(&["stone", "remove", "ocs-interim"]), ["71"]);
    assert_eq!(tried(&["group", "add", "branch", "--vendor", "Polycom", "--replace"]), [""; 0]);
    assert_eq!(place.run(&["rules", "--json"]).json()["revision"], 3);
}

#[test]
fn a_diff_is_between_two_revisions_for_the_devices_of_the_store_or_of_files() {
    let place = with_log();
    place.run(&["approve", IP8540]).done();
    place.run(&["approve", CX700]).done();
    let diff = |args: &[&str]| place.run(&[&["diff", "--json"], args].concat()).json();
    let (all, ip8540) = (["0004F2000001", "0021630F2071", "0021630F2073"], ["0021630F2071", "0021630F2073"]);
    assert_eq!(changed(&diff(&["--from", "1"])), all);
    assert_eq!(changed(&diff(&["--from", "1", "--to", "2"])), ip8540);
    assert_eq!(changed(&diff(&["--from", "2", "--to", "3"])), ["0004F2000001"]);
    let back = diff(&["--from", "3", "--to", "1"]);
    assert_eq!((changed(&back), &back["from"], &back["to"]), (all.to_vec(), &json!(3), &json!(1)));
    assert_eq!(changed(&diff(&["--from", "0", "--to", "1"])), [""; 0], "another reason is no other answer");

    place.file("field.log", include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log"));
    let field = diff(&["--from", "1", "--audit", "field.log"]);
    assert_eq!((changed(&field), &field["devices"]), (vec!["0021630F207B"], &json!(1)));
    assert_eq!(
        place.run(&["diff", "--from", "3"]).done(),
        "0 answers to 4 devices would change, 1 device was skipped\n"
    );
    assert_eq!(
        place.run(&["diff", "--from", "4"]).refused(),
        "no revision 4: the rule book is at revision 3"
    );
    assert!(
        place
            .run(&["diff", "--from", "1", "--audit", "absent"])
            .refused()
            .starts_with("cannot open `absent`: ")
    );
}

#[test]
fn a_diff_orders_devices_by_their_address_and_takes_each_module_as_last_asked() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let header = audit_log().lines().next().unwrap().to_owned();
    let log = |name: &str, day: &str, devices: &[(&str, &str, &str)]| {
        let rows: String = devices
            .iter()
            .map(|(mac, serial, modules)| {
                format!(
                    "03-{day}-2009 08:00:00,ann@contoso.com,10.1.1.7,UCPhone,{day}-03-2009 08:00:00,\"{mac}\",\"{serial}\",\
                     \"LG-Nortel\",\"IP8540\",\"A\",\"ENU\",{modules},\n"
                )
            })
            .collect();
        place.file(name, format!("{header}\n{rows}").as_bytes());
    };
    let (old, new) = ("cpe.nbt;1.0.522.103;16-12-2008 04:43:58", "cpe.nbt;3.5.6907.0;16-12-2008 04:43:58");
    let two = format!("{old}#other.nbt;1.0;16-12-2008 04:43:58");
    let first =
        [("0021630F2079", "", old), ("0021630F2072", "", old), ("", "S2", old), ("0021630F2071", "", &two)];
    log("first.log", "06", &first);
    log("second.log", "07", &[("0021630F2072", "", new), ("", "S1", old), ("0021630F2079", "S9", old)]);
    let args = ["diff", "--from", "1", "--audit", "first.log", "--audit", "second.log"];
    let report = place.run(&[&args[..], &["--json"]].concat()).json();
    let answers = report["answers"].as_array().unwrap();
    let found: Vec<_> = answers.iter().map(|answer| (&answer["mac"], &answer["serial"])).collect();
    let (none, text) = (json!(null), |text: &str| json!(text));
    let expected = [
        (&text("0021630F2071"), &none),
        (&text("0021630F2079"), &text("S9")),
        (&none, &text("S1")),
        (&none, &text("S2")),
    ];
    assert_eq!(found, expected, "the address 72 has the version by its later log");
    assert_eq!((&report["devices"], &report["left_out"]), (&json!(5), &json!(0)));
    assert!(answers.iter().all(|answer| answer["file_name"] == "cpe.nbt"), "{report}");
    let lines = place.run(&args).done();
    let devices: Vec<_> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(devices, ["DEVICE", "0021630F2071", "0021630F2079", "S1", "S2", "4"]);
}

#[test]
fn the_text_of_many_answers_is_several_tables() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let mut log = audit_log().lines().next().unwrap().to_owned() + "\n";
    for number in 0..10_001 {
        log += &format!(
            "03-06-2009 08:00:00,ann@contoso.com,10.1.1.7,UCPhone,06-03-2009 08:00:00,\"02{number:010X}\",\"\",\"LG-Nortel\",\
             \"IP8540\",\"A\",\"ENU\",cpe.nbt;1.0.522.103;16-12-2008 04:43:58,\n"
        );
    }
    place.file("many.log", log.as_bytes());
    let text = place.run(&["diff", "--from", "1", "--audit", "many.log"]).done();
    let starts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let (first, second) = starts.split_at(10_001);
    assert_eq!((first[0], first[1], first[10_000]), ("DEVICE", "020000000000", "02000000270F"));
    assert_eq!(second, ["DEVICE", "020000002710", "10001"]);
}

#[test]
fn a_dry_run_of_several_packages_lists_the_devices_of_each() {
    let place = Place::with_package();
    place.file("RoundTable.cab", &sample::round_table(500));
    let log = audit_log();
    let table =
        log.lines().nth(1).unwrap().replace("UCPhone", "RoundTable").replace("LG-Nortel", "Microsoft");
    let table = table.replace("IP8540", "RTDevice");
    place.file("table.log", format!("{log}{table}\n").as_bytes());
    let args = ["ingest", "--dry-run", "RoundTable.cab", "uc.cab", "--audit", "table.log"];
    let report = place.run(&[&args[..], &["--json"]].concat()).json();
    let packages = report["packages"].as_array().unwrap();
    assert_eq!(packages.iter().map(changed).collect::<Vec<_>>(), [vec!["0021630F2071"], vec![]]);
    assert_eq!(packages[0]["answers"][0]["after"]["version"], "1.1.27.0");
    assert_eq!((&packages[0]["devices"], &packages[1]["devices"]), (&json!(4), &json!(4)));
    let text = place.run(&args).done();
    assert!(text.contains("\n1 answer to 4 devices would change, 1 device was skipped\n"), "{text}");
    assert!(text.ends_with("\n0 answers to 4 devices would change, 1 device was skipped\n"), "{text}");
}

#[test]
fn a_saved_answer_replays_to_the_same_bytes_by_the_rule_book_of_then() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let device =
        ["--device", "UCPhone/LG-Nortel/IP8540/A/ENU", "--installed", "1.0.522.34", "--mac", "0021630F207B"];
    let save = [&["explain", "--save", "a.json"], &device[..]].concat();
    let explained = place.run(&save).done();
    let saved = std::fs::read_to_string(place.path("a.json")).unwrap();
    let value: Value = serde_json::from_str(&saved).unwrap();
    assert_eq!((&value["format"], &value["records"][0]["revision"]), (&json!(1), &json!(2)));
    assert_eq!(place.run(&save).refused(), "a.json: exists already, and is not overwritten");

    place.run(&["rollback", IP8540, "--to-nothing"]).done();
    let replayed = place.run(&["explain", "--replay", "a.json"]).done();
    let lines: Vec<&str> = replayed.lines().collect();
    assert!(lines[0].starts_with("rule book revision 2, at 20"), "{replayed}");
    assert_eq!(lines[1..lines.len() - 1], explained.lines().skip(1).collect::<Vec<_>>()[..]);
    assert_eq!(*lines.last().unwrap(), "as it was recorded");
    let json = place.run(&["explain", "--replay", "a.json", "--json"]).json();
    assert_eq!(
        (&json["replayed"][0]["same"], &json["replayed"][0]["recorded"]),
        (&json!(true), &json!(null))
    );
    let record = serde_json::to_string(&json["replayed"][0]["record"]).unwrap();
    assert_eq!(record, serde_json::to_string(&value["records"][0]).unwrap());

    let now = place.run(&["explain", "--replay", "a.json", "--revision", "3", "--json"]).json();
    assert_eq!(
        (&now["replayed"][0]["same"], &now["replayed"][0]["record"]["decision"]),
        (&json!(false), &json!("nothing-approved"))
    );

    place.file("b.json", saved.replace("for all devices of this rule", "for nobody").as_bytes());
    let refused = place.run(&["explain", "--replay", "b.json"]).refused();
    assert!(refused.starts_with("b.json: the recorded answer is \"offer 1.0.522.103"), "{refused}");
    for (text, reason) in [
        (
            saved.replace("\"format\":1", "\"format\":2"),
            "c.json: has format 2, and this program reads up to 1",
        ),
        (
            saved.replace("\"IP8540\"", "\"\""),
            "c.json: model of the device kind is blank at line 1 column 102",
        ),
    ] {
        place.file("c.json", text.as_bytes());
        assert_eq!(place.run(&["explain", "--replay", "c.json"]).refused(), reason);
    }
    place.file("d.json", b"{}");
    assert!(
        place.run(&["explain", "--replay", "d.json"]).refused().starts_with("d.json: missing field `format`")
    );
    let absent = place.run(&["explain", "--replay", "absent"]).refused();
    assert_eq!(absent, "absent: No such file or directory (os error 2)");
}
