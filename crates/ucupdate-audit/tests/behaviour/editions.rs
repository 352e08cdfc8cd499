//! Audit logs of other editions, and logs that other programs have saved.

use ucupdate_audit::{AuditReader, AuditRow, FileKind};
use ucupdate_core::value::{UnixTime, Zone};

const FIELD_LOG: &str = include_str!("../../../../vectors/RequestHandlerAuditLog_2009-03-06.log");

fn rows(log: &[u8]) -> Vec<AuditRow> {
    AuditReader::new(log).map(|row| row.unwrap_or_else(|finding| panic!("{finding}"))).collect()
}

fn findings(log: &str) -> Vec<String> {
    AuditReader::new(log.as_bytes()).filter_map(Result::err).map(|finding| finding.to_string()).collect()
}

/// Returns the log in `vectors/` with another delimiter, as a spreadsheet saves it.
fn delimited(delimiter: char) -> String {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(FIELD_LOG.as_bytes());
    let mut writer = csv::WriterBuilder::new()
        .delimiter(u8::try_from(delimiter).unwrap())
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    reader.records().for_each(|record| writer.write_record(&record.unwrap()).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn the_fields_log_gives_the_same_rows_in_whatever_form_it_was_saved() {
    let expected = rows(FIELD_LOG.as_bytes());
    let body = FIELD_LOG.split_once('\n').unwrap().1;
    let all_quoted: String = delimited(',')
        .lines()
        .map(|line| {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            let cells: Vec<String> = record.iter().map(|cell| format!("\"{cell}\"")).collect();
            cells.join(",") + "\r\n"
        })
        .collect();
    for (form, log) in [
        ("CR LF", FIELD_LOG.replace('\n', "\r\n")),
        ("CR", FIELD_LOG.replace('\n', "\r")),
        ("blank lines", FIELD_LOG.replace('\n', "\n\n \n")),
        ("no final line end", FIELD_LOG.trim_end().to_owned()),
        ("a byte order mark", format!("\u{feff}{FIELD_LOG}")),
        ("sep=,", format!("sep=,\r\n{}", delimited(','))),
        ("sep=;", format!("sep=;\r\n{}", delimited(';'))),
        ("semicolons", delimited(';')),
        ("tabs", delimited('\t')),
        ("#TYPE", format!("#TYPE System.Management.Automation.PSCustomObject\r\n{all_quoted}")),
        ("all cells quoted", all_quoted),
        ("the header is missing", body.to_owned()),
        ("a year first", FIELD_LOG.replace("03-06-2009 1", "2009-03-06 1")),
        ("empty cells at the end", FIELD_LOG.replace('\n', ",,\n")),
    ] {
        assert_eq!(rows(log.as_bytes()), expected, "{form}");
        assert_eq!(FileKind::of(log.as_bytes()), FileKind::AuditLog, "{form}");
    }
    assert_eq!(rows(&utf16(FIELD_LOG)), expected);
    assert_eq!(rows(&utf16(FIELD_LOG)[2..]), expected);
    assert_eq!(FileKind::of(&utf16(FIELD_LOG)[..200]), FileKind::AuditLog);
}

#[test]
fn logs_that_were_joined_are_read_with_the_header_of_each() {
    let other = "\u{feff}Mac Address;Logging DateTime;Brand\r\n0021630F207B;03-07-2009 01:02:03;Polycom\r\n";
    let log = [FIELD_LOG, other, FIELD_LOG].concat();
    let rows = rows(log.as_bytes());
    assert_eq!(rows.len(), 7);
    assert_eq!((&*rows[3].kind.vendor, rows[3].mac_address.raw()), ("Polycom", "0021630F207B"));
    assert_eq!(rows[4], rows[0]);
}

#[test]
fn the_titles_and_the_four_parts_of_the_documented_edition_are_read() {
    let log = "Logging DateTime,User Host Address,Device Type,Mac Address,Serial Number,Vendor,Model,Revision,Locale,\
               Request Modules,Response Modules,User ID\n\
               03-06-2013 17:07:20,10.1.1.123,UCPhone,\"0021630F207B\",\"C185\",\"Polycom\",\"CX600\",\"A\",\"ENU\",\
               cpe.nbt;1.0.522.103;16-12-2008 04:43:58,\
               CPE.nbt;CPE.cat;3.5.6907.0;16-12-2008 04:43:58#Boot.nbt;boot.cat;2.0;,ann@contoso.com\n";
    let row = rows(log.as_bytes()).remove(0);
    assert_eq!((&*row.user_name, &*row.user_host), ("ann@contoso.com", "10.1.1.123"));
    assert_eq!(row.requested[0].version.as_str(), "1.0.522.103");
    let offered: Vec<(&str, &str, &str)> =
        row.offered.iter().map(|cell| (&*cell.url, cell.version.as_str(), cell.time_stamp.raw())).collect();
    assert_eq!(offered, [("CPE.nbt", "3.5.6907.0", "16-12-2008 04:43:58"), ("Boot.nbt", "2.0", "")]);
    assert_eq!(row.others, []);
}

#[test]
fn names_in_windows_1252_are_read() {
    let log = b"Logging DateTime,User Name\n03-06-2009 17:07:20,J\xfcrgen\n";
    assert_eq!(&*rows(log)[0].user_name, "J\u{fc}rgen");
}

/// Returns a log as a spreadsheet saves it. Each pair is the time of the server and the time of the device.
fn resaved(dates: &[(&str, &str)]) -> String {
    let lines = dates.iter().map(|(logged, device)| format!("{logged},CX700,{device}\n"));
    std::iter::once("Logging DateTime,Model,Request DateTime\n".to_owned()).chain(lines).collect()
}

#[test]
fn the_dates_of_a_spreadsheet_are_read_where_the_log_shows_their_order() {
    let times = |log: &str| -> Vec<String> {
        rows(log.as_bytes()).iter().map(|row| row.logged_at.civil_utc().to_string()).collect()
    };
    let month_first = [("3/6/2009 17:07", "6/3/2009 9:07"), ("3/7/2009 8:00", "")];
    assert_eq!(times(&resaved(&month_first)), ["06-03-2009 17:07:00", "07-03-2009 08:00:00"]);
    // The last row shows the order of the rows before it.
    let by_the_last = [("3/6/2009 5:07 PM", ""), ("3/7/2009 8:00 AM", ""), ("3/13/2009 8:00 AM", "")];
    assert_eq!(
        times(&resaved(&by_the_last)),
        ["06-03-2009 17:07:00", "07-03-2009 08:00:00", "13-03-2009 08:00:00"]
    );
    let full_stops = [("06.03.2009 17:07:20", "06.03.2009 09:07:20"), ("13.03.2009 08:00:00", "")];
    assert_eq!(times(&resaved(&full_stops)), ["06-03-2009 17:07:20", "13-03-2009 08:00:00"]);
    assert_eq!(times(&resaved(&[("3/3/2009 17:07", "")])), ["03-03-2009 17:07:00"]);
}

#[test]
fn a_date_of_which_day_and_month_cannot_be_told_apart_is_a_finding() {
    let refused = findings(&resaved(&[("3/6/2009 17:07", ""), ("3/6/2009 17:08", "3/6/2009 17:08")]));
    let expected = "the day and the month of \"3/6/2009 17:07\" cannot be told apart, expected MM-dd-yyyy HH:mm:ss; export \
                    the log without changing its dates";
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[0], format!("line 2: {expected}"));
    let contradiction = findings(&resaved(&[("3/13/2009 17:07", ""), ("13/3/2009 17:08", "")]));
    assert_eq!(contradiction.len(), 1, "{contradiction:?}");
}

#[test]
fn numbers_of_days_are_read_where_the_log_shows_that_day_and_month_were_not_exchanged() {
    let times = |log: &str| -> Vec<String> {
        rows(log.as_bytes()).iter().map(|row| row.logged_at.civil_utc().to_string()).collect()
    };
    let shown_by_a_later_day = [("39878.71343", "39967.38009"), ("39885.33333", "")];
    let expected = ["06-03-2009 17:07:20", "13-03-2009 08:00:00"];
    assert_eq!(times(&resaved(&shown_by_a_later_day)), expected);
    let semicolons =
        "\u{feff}sep=;\r\n\"Logging DateTime\";Model\r\n39878,71343;CX700\r\n\"39885,33333\";CX700\r\n";
    assert_eq!(times(semicolons), expected);
    // The spreadsheet read 03-06 as 3 June, and left the time of the device as it was.
    assert_eq!(times(&resaved(&[("39967.71343", "06-03-2009 09:07:20")])), ["06-03-2009 17:07:20"]);
    let refused = findings(&resaved(&[("39878.71343", "39967.38009"), ("39878.71", ""), ("39878", "")]));
    assert_eq!(
        refused[0],
        "line 2: the time is \"39878.71343\", the number of days of a spreadsheet that may have exchanged day and month, expected \
         MM-dd-yyyy HH:mm:ss; export the log without changing its dates"
    );
    for (line, found) in [(3, "39878.71"), (4, "39878")] {
        let expected = "MM-dd-yyyy HH:mm:ss, or the number of days of a spreadsheet with four decimals or more; export the log \
                        without changing its dates";
        assert_eq!(refused[line - 2], format!("line {line}: the time is \"{found}\", expected {expected}"));
    }
}

#[test]
fn lines_are_read_ahead_within_a_bound_and_none_is_lost() {
    let mut dates = vec![("3/6/2009 17:07", ""); 300];
    dates.push(("3/13/2009 17:07", ""));
    let log = resaved(&dates);
    let read: Vec<bool> = AuditReader::new(log.as_bytes()).map(|row| row.is_ok()).collect();
    assert_eq!(read.len(), 301);
    assert!(read[300] && !read[0]);
}

#[test]
fn a_cut_last_row_is_a_finding_and_a_time_in_utc_ignores_the_zone() {
    let cut = &FIELD_LOG[..FIELD_LOG.len() - 200];
    assert_eq!(findings(cut), ["line 4: the row has 8 cells, expected 13"]);
    let log = "Logging DateTime,Model\n2009-03-06T17:07:20Z,CX700\n2009-03-06 17:07:20,CX700\n";
    let zone = Zone::named("America/New_York").unwrap();
    let times: Vec<UnixTime> =
        AuditReader::new(log.as_bytes()).with_zone(zone).map(|row| row.unwrap().logged_at).collect();
    assert_eq!(times[0], UnixTime::from_seconds(1_236_359_240));
    assert_eq!(times[1].as_seconds() - times[0].as_seconds(), 5 * 3600);
}
