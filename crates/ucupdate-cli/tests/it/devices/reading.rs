//! Tests reading logs from folders, by pattern, compressed, and saved by other programs. Tests also files that are not
//! logs.

use crate::place::Place;

const FIELD_LOG: &str = include_str!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");
const IIS_LOG: &str = include_str!("../../../../../vectors/iis-2009-03-06.log");

/// Returns the log in `vectors/` with semicolons in UTF-16, as a script exports it.
fn exported() -> Vec<u8> {
    let body = FIELD_LOG.lines().map(|line| {
        let cells: Vec<String> =
            line.split(',').map(|cell| format!("\"{}\"", cell.trim_matches('"'))).collect();
        cells.join(";") + "\r\n"
    });
    let text = "#TYPE System.Management.Automation.PSCustomObject\r\n".to_owned() + &body.collect::<String>();
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_folder_or_a_pattern_stands_for_the_logs_in_it_whatever_they_are_called() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("logs/deep")).unwrap();
    place.file("logs/iis.log", IIS_LOG.as_bytes());
    place.file("logs/notes.txt", b"call Bob\n");
    place.file("logs/deep/export.csv", &exported());
    place.file("logs/zip.log", b"PK\x03\x04");
    for arg in ["logs", "logs/*/*.csv", "log?"] {
        let report = place.run(&["fleet", "--audit", arg, "--json"]).json();
        assert_eq!((&report["rows"], &report["unread"]), (&3.into(), &0.into()), "{arg}");
        assert_eq!(report["devices"][0]["last_asked"], "2009-03-06T17:18:54Z", "{arg}");
    }
    let none = place.run(&["fleet", "--audit", "logs/*.xyz"]);
    assert_eq!((none.code, none.refused()), (Some(3), "no file matches logs/*.xyz".to_owned()));
    std::fs::remove_dir_all(place.path("logs/deep")).unwrap();
    let none = place.run(&["fleet", "--audit", "logs"]);
    assert_eq!(none.code, Some(1));
    assert_eq!(
        none.refused(),
        "logs has 3 files and no audit log; logs/iis.log looks like a W3C access log of a web server"
    );
}

/// Returns the place of the audit log of a server in the store, in a folder that exists.
fn stored_log(place: &Place, server: &str) -> String {
    std::fs::create_dir_all(place.path("ucupdate-data/Logs/Server/Audit/imageUpdates")).unwrap();
    format!("ucupdate-data/Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_{server}_2009-03-06.log")
}

/// The verbs that read the audit logs of the store.
const READERS: [&[&str]; 5] =
    [&["fleet"], &["loops"], &["timeline"], &["report", "--html", "report.html"], &["diff", "--from", "1"]];

#[cfg(unix)]
#[test]
fn what_is_no_file_among_the_logs_of_the_store_is_named_by_every_verb_that_reads_them() {
    let place = Place::with_package();
    place.run(&["approve", "UCPhone/*", "--yes"]).done();
    place.file(&stored_log(&place, "ocs01"), FIELD_LOG.as_bytes());
    place.file("elsewhere.log", FIELD_LOG.as_bytes());
    for name in [stored_log(&place, "ocs02"), format!("{}.gz", stored_log(&place, "ocs02"))] {
        let path = place.path(&name);
        let make: [&dyn Fn(); 3] = [
            &|| std::os::unix::fs::symlink(place.path("elsewhere.log"), &path).unwrap(),
            &|| assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
            &|| std::fs::create_dir(&path).unwrap(),
        ];
        for make in make {
            make();
            let key = name.strip_prefix("ucupdate-data/").unwrap();
            for verb in READERS {
                let _written = std::fs::remove_file(place.path("report.html"));
                let ran = place.run(verb);
                assert_eq!(ran.code, Some(1), "{verb:?}: {ran:?}");
                let expected = format!(
                    "{key}: nothing is understood as an audit log: it looks like a link, a pipe or a folder"
                );
                assert!(ran.stderr.contains(&expected), "{verb:?}: {ran:?}");
            }
            let found = place.run(&["verify", "--quick"]);
            assert_eq!(found.code, Some(1));
            assert!(found.stdout.contains(&format!("`{key}` cannot be read")), "{found:?}");
            if path.is_dir() {
                std::fs::remove_dir(&path).unwrap()
            } else {
                std::fs::remove_file(&path).unwrap()
            }
        }
    }
    let fleet = place.run(&["fleet", "--json"]).done();
    assert!(fleet.contains("0021630F207B"), "{fleet}");
}

#[test]
fn a_log_of_the_store_that_is_too_large_is_named_and_the_others_are_read() {
    let place = Place::with_package();
    place.run(&["approve", "UCPhone/*", "--yes"]).done();
    place.file(&stored_log(&place, "ocs01"), FIELD_LOG.as_bytes());
    let large = place.path(&stored_log(&place, "ocs02"));
    std::fs::File::create(&large).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    let name = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_ocs02_2009-03-06.log";
    let what = "a file of 67108865 bytes, which is not read; expected at most 67108864";
    for verb in READERS {
        // Without `--since`, a report covers only the last days.
        let since: &[&str] = if verb[0] == "report" { &["--since", "2009-03-01"] } else { &[] };
        let ran = place.run(&[verb, since].concat());
        assert_eq!(ran.code, Some(1), "{verb:?}: {ran:?}");
        let expected = format!("{name}: nothing is understood as an audit log: it looks like {what}");
        assert!(ran.stderr.contains(&expected), "{verb:?}: {ran:?}");
    }
    let fleet = place.run(&["fleet"]);
    assert!(fleet.stdout.contains("0021630F207B"), "{fleet:?}");
    for verb in ["verify", "doctor"] {
        let found = place.run(&[verb, "--quick"]);
        let words: Vec<&str> = found.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(&format!("the log `{name}` is {what}")), "{verb}: {found:?}");
    }

    // Of a compressed log, the decompressed bytes count. Its first rows are read.
    std::fs::remove_file(&large).unwrap();
    let mut long = FIELD_LOG.replace("0021630F207B", "0021630F207C").into_bytes();
    long.resize(64 * 1024 * 1024 + 1, b'x');
    place.file(&format!("{}.gz", stored_log(&place, "ocs02")), &gzip(&long));
    let fleet = place.run(&["fleet"]);
    assert_eq!(fleet.code, Some(1), "{fleet:?}");
    let expected = format!(
        "ucupdate: {name}.gz: line 5: the log has more than 67108864 bytes, which is the limit `log_bytes` of the library; \
         what follows in it is not read"
    );
    assert_eq!(fleet.stderr.lines().last(), Some(&*expected));
    assert!(fleet.stdout.contains("0021630F207B") && fleet.stdout.contains("0021630F207C"), "{fleet:?}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut coder, bytes).unwrap();
    coder.finish().unwrap()
}

#[test]
fn of_a_log_and_its_compressed_copy_in_a_folder_each_row_is_read_once() {
    let place = Place::new();
    std::fs::create_dir(place.path("logs")).unwrap();
    let (first, last) = FIELD_LOG.trim_end().rsplit_once('\n').unwrap();
    let header = FIELD_LOG.lines().next().unwrap();
    let (first, other) = (format!("{first}\n"), format!("{header}\n{last}\n"));
    for (log, copy, rows) in
        [(FIELD_LOG, FIELD_LOG, 3), (FIELD_LOG, &first, 3), (&first, FIELD_LOG, 3), (FIELD_LOG, &other, 4)]
    {
        place.file("logs/a.log", log.as_bytes());
        place.file("logs/a.log.gz", &gzip(copy.as_bytes()));
        assert_eq!(place.run(&["fleet", "--audit", "logs", "--json"]).json()["rows"], rows);
    }
}

#[test]
fn a_compressed_log_of_the_store_is_read_once_as_the_log_of_its_server() {
    let place = Place::with_package();
    place.file(&format!("{}.gz", stored_log(&place, "ocs01")), &gzip(FIELD_LOG.as_bytes()));
    // Until when a device is silent, and for how long, is different at each call.
    let read = || {
        let report = place.run(&["timeline", "--json"]).json();
        let mut events = report["devices"][0]["events"].as_array().unwrap().clone();
        events.retain(|event| event["kind"] != "silent");
        (report["devices"][0]["mac"].clone(), events, report["audit_rows"].clone(), report["unread"].clone())
    };
    let compressed = read();
    assert_eq!((&compressed.0, compressed.1.len()), (&"0021630F207B".into(), 3));
    place.file(&stored_log(&place, "ocs01"), FIELD_LOG.as_bytes());
    assert_eq!(read(), compressed, "both files have the same rows");
}

#[test]
fn a_log_of_which_nothing_is_understood_is_an_error_that_says_what_it_looks_like() {
    let place = Place::new();
    place.file("audit.log", FIELD_LOG.as_bytes());
    let header = FIELD_LOG.lines().next().unwrap();
    for (content, looks) in [
        (&b""[..], "it looks like an empty file"),
        (IIS_LOG.as_bytes(), "it looks like a W3C access log of a web server; `timeline --access` reads it"),
        (b"PK\x03\x04", "it looks like a zip archive or an Excel workbook"),
        (b"<html></html>", "it looks like an HTML page"),
        (b"call Bob\n", "it looks like text without a header of a log"),
        (format!("{header}\nnonsense\n").as_bytes(), "1 row cannot be read"),
    ] {
        place.file("other", content);
        for verb in ["fleet", "loops"] {
            let ran = place.run(&[verb, "--audit", "audit.log", "other"]);
            assert_eq!(ran.code, Some(1), "{verb}: {ran:?}");
            let expected = format!("other: nothing is understood as an audit log: {looks}");
            assert_eq!(ran.stderr.lines().last(), Some(&*format!("ucupdate: {expected}")), "{ran:?}");
        }
    }
    // Such a file alone must not be taken for a fleet without devices.
    place.file("other", b"call Bob\n");
    for args in
        [["fleet", "--audit"], ["loops", "--audit"], ["timeline", "--audit"], ["timeline", "--access"]]
    {
        let ran = place.run(&[&args[..], &["other"]].concat());
        assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{args:?}");
    }
    // A log of a day without requests is a valid log.
    place.file("other", header.as_bytes());
    assert_eq!(place.run(&["fleet", "--audit", "other"]).done(), "no devices\n");
}

#[test]
fn times_are_read_in_the_zone_that_a_file_beside_the_log_names() {
    let place = Place::new();
    let (log, zone) =
        ("RequestHandlerAuditLog_ocs_2009-03-06.log", "RequestHandlerAuditLog_ocs_2009-03-06.zone");
    place.file(log, FIELD_LOG.as_bytes());
    let last = |args: &[&str]| {
        let report = place.run(&[&["fleet", "--json", "--audit", log], args].concat()).json();
        report["devices"][0]["last_asked"].as_str().unwrap().to_owned()
    };
    assert_eq!(last(&[]), "2009-03-06T17:18:54Z");
    assert_eq!(last(&["--time-zone", "Asia/Tokyo"]), "2009-03-06T08:18:54Z");
    place.file(zone, b"America/New_York\n");
    assert_eq!(last(&[]), "2009-03-06T22:18:54Z");
    assert_eq!(last(&["--time-zone", "Asia/Tokyo"]), "2009-03-06T22:18:54Z");
    place.file(&format!("{log}.gz"), &gzip(FIELD_LOG.as_bytes()));
    let compressed = place.run(&["fleet", "--json", "--audit", &format!("{log}.gz")]).json();
    assert_eq!(compressed["devices"][0]["last_asked"], "2009-03-06T22:18:54Z");
    place.file(zone, b"nowhere\n");
    let ran = place.run(&["fleet", "--audit", log]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let reason = ran.refused();
    assert!(reason.starts_with(zone), "{reason}");
}
