//! Tests `demo`: its output, and the commands that it prints to try.

use crate::place::{Place, Ran};
use std::process::{Command, Stdio};

/// Returns the rows of the phone without values that differ between runs.
fn masked(log: &str) -> Vec<String> {
    let rows = log.lines().filter(|line| line.contains(",\"LG-Nortel\","));
    rows.map(|row| {
        let mut cells: Vec<&str> = row.split(',').collect();
        for (index, mask) in [(0, "TIME"), (2, "ADDRESS"), (4, "TIME")] {
            cells[index] = mask;
        }
        let last = cells.pop().unwrap();
        let path = last.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        format!("{},{}", cells.join(","), path.unwrap_or(last))
    })
    .collect()
}

#[test]
fn the_story_leaves_the_fields_audit_rows_and_nothing_else() {
    let place = Place::new();
    let temp = place.path("temp");
    std::fs::create_dir(&temp).unwrap();
    let report = Ran::of(place.command(&["demo"]).env("TMPDIR", &temp).output().unwrap());
    assert_eq!(report.stderr, "");
    let report = report.done();
    let vector = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../vectors/RequestHandlerAuditLog_2009-03-06.log"
    ));
    assert_eq!(masked(&report), masked(vector));
    assert_eq!(masked(&report).len(), 3);
    let steps =
        report.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(". "));
    let numbers: Vec<&str> = steps.map(|step| step.split_once(". ").unwrap().0).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    for part in
        ["/UCDeviceUpdates/ucdevice.upx, cpe.nbt 1.0.452.0", "It installs cpe.nbt 3.5.6907.9 and reboots."]
    {
        assert!(report.contains(part), "{report}");
    }
    assert!(report.contains("\n   The phone shows (0x0/200): asked, nothing to do.\n"), "{report}");
    assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0, "its folder is gone");
    assert!(!place.path("ucupdate-data").exists());
}

#[test]
fn as_json_the_story_is_one_object() {
    let place = Place::new();
    let json = place.run(&["demo", "--json"]).json();
    assert_eq!(json["steps"].as_array().unwrap().len(), 10);
    let log: Vec<&str> =
        json["audit_log"].as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    assert!(log[0].starts_with("Logging DateTime,"));
    assert_eq!(masked(&log.join("\n")).len(), 3);
    assert_eq!(json["to_try"].as_array().unwrap().len(), 0);
}

#[test]
#[cfg(unix)]
fn what_is_left_to_try_works_when_pasted() {
    let place = Place::new();
    let temp = place.path("a temp");
    std::fs::create_dir(&temp).unwrap();
    let staying = place.start_in(&["demo", "--stay", "--json"], &temp, 1);
    let json: serde_json::Value = serde_json::from_str(&staying.lines[0]).unwrap();
    let commands: Vec<&str> =
        json["to_try"].as_array().unwrap().iter().map(|to_try| to_try["command"].as_str().unwrap()).collect();
    assert_eq!(commands.len(), 4);
    let paste = |command: &str| {
        let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().unwrap();
        Ran::of(output).done()
    };
    assert!(paste(commands[0]).starts_with("nothing offered (0x0/200)"));
    assert!(
        paste(commands[1]).contains("=> nothing: a version is pending, but the device is not a test device")
    );
    assert!(paste(commands[2]).contains("3.5.6907.0 is approved"));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let offered = loop {
        let asked = paste(commands[3]);
        if asked.starts_with("offered ") {
            break asked;
        }
        assert!(std::time::Instant::now() < until, "{asked}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert!(offered.starts_with("offered 1.0.522.103 "), "{offered}");
    assert!(
        offered.contains("/download/CPE.nbt, 307200 bytes, with the SHA-256 the server says"),
        "{offered}"
    );
    staying.signal("INT");
    assert_eq!(staying.ended().code, Some(0));
    assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0, "its folder is gone");
}
