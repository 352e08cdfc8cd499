//! Runs one operation a number of times, for a program that counts instructions: `instructions OPERATION TIMES`.
//!
//! `instructions --list` prints one operation on each line: its name and the name of its floor, or
//! `-`. The floor is another operation that does the least that is necessary. Everything is
//! prepared before the first run. So the counts of two runs with different `TIMES` differ only by
//! the operation. The script `benches/instructions` compares such runs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be prepared has failed"
)]

use quick_xml::Reader;
use quick_xml::events::Event;
use std::hint::black_box;
use std::time::Duration;
use ucupdate::audit::{AccessFormat, AccessRow, AuditFormat, AuditRow};
use ucupdate_benches::rules::{book, device, module};
use ucupdate_core::request::Side;
use ucupdate_core::value::UnixTime;
use ucupdate_core::{EligibilityIndex, Question, decide};
use ucupdate_upx::Codec;

const REQUEST: &[u8] = include_bytes!("../../../vectors/canonical-request.xml");
const OFFER: &[u8] = include_bytes!("../../../vectors/canonical-offer.xml");
const NOW: UnixTime = UnixTime::from_seconds(1_236_359_439);

/// The name of an operation, the name of its floor or `-`, and the function that runs it a number
/// of times. The floor is an operation that does the least that is necessary.
type Row = (&'static str, &'static str, fn(u32));

const OPERATIONS: [Row; 12] = [
    ("decode-request", "quick-xml-events", decode_request),
    ("encode-offer", "-", encode_offer),
    ("decide-offer", "-", |times| decide_installed("2.0.0.0", times)),
    ("decide-stone", "-", |times| decide_installed("1.0.522.34", times)),
    ("audit-answer", "csv-audit-cells", audit_answer),
    ("audit-row", "csv-audit-cells", audit_row),
    ("audit-line", "csv-audit-cells", audit_line),
    ("access-row", "csv-access-fields", access_row),
    ("access-line", "csv-access-fields", access_line),
    ("quick-xml-events", "-", quick_xml_events),
    ("csv-audit-cells", "-", csv_audit_cells),
    ("csv-access-fields", "-", csv_access_fields),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    if name == "--list" {
        for (name, floor, _) in OPERATIONS {
            println!("{name} {floor}");
        }
        return;
    }
    let (_, _, run) = OPERATIONS.iter().find(|(known, ..)| *known == name).unwrap();
    run(arguments.next().unwrap().parse().unwrap());
}

fn decode_request(times: u32) {
    let codec = Codec::default();
    for _ in 0..times {
        assert!(codec.decode_request(black_box(REQUEST)).is_ok());
    }
}

fn quick_xml_events(times: u32) {
    for _ in 0..times {
        let mut reader = Reader::from_reader(black_box(REQUEST));
        while !matches!(black_box(reader.read_event().unwrap()), Event::Eof) {}
    }
}

fn encode_offer(times: u32) {
    let codec = Codec::default();
    let response = codec.decode_response(OFFER).unwrap().value;
    for _ in 0..times {
        assert_eq!(codec.encode_response(black_box(&response)).len(), OFFER.len());
    }
}

fn decide_installed(version: &str, times: u32) {
    let index = EligibilityIndex::compile(&book(100), 1);
    let (device, module) = (device(7, "0021630F207B"), module(version));
    for _ in 0..times {
        let question = Question::new(black_box(&device), black_box(&module));
        assert!(decide(&index, &question, NOW).offer().is_some());
    }
}

/// Returns the audit row of the request and the response in `vectors/`.
fn row() -> AuditRow {
    let codec = Codec::default();
    let request = codec.decode_request(REQUEST).unwrap().value;
    let response = codec.decode_response(OFFER).unwrap().value;
    AuditRow::answered(black_box(&request), black_box(&response), Side::Internal, "10.1.1.123", NOW)
}

/// Writes the audit line directly from the request and the response in `vectors/`, as a server
/// does.
fn audit_answer(times: u32) {
    let (codec, format) = (Codec::default(), AuditFormat::new());
    let request = codec.decode_request(REQUEST).unwrap().value;
    let response = codec.decode_response(OFFER).unwrap().value;
    for _ in 0..times {
        black_box(format.answered_line(
            black_box(&request),
            black_box(&response),
            Side::Internal,
            "10.1.1.123",
            NOW,
        ));
    }
}

fn audit_row(times: u32) {
    let codec = Codec::default();
    let request = codec.decode_request(REQUEST).unwrap().value;
    let response = codec.decode_response(OFFER).unwrap().value;
    for _ in 0..times {
        black_box(AuditRow::answered(
            black_box(&request),
            black_box(&response),
            Side::Internal,
            "10.1.1.123",
            NOW,
        ));
    }
}

fn audit_line(times: u32) {
    let (format, row) = (AuditFormat::new(), row());
    for _ in 0..times {
        black_box(format.line(black_box(&row)));
    }
}

/// Writes the cells of the audit line with the csv crate. The cells are formatted before, and need
/// no escapes.
fn csv_audit_cells(times: u32) {
    let line = AuditFormat::new().line(&row());
    let cells: Vec<&str> = line.as_str().trim_end().split(',').map(|cell| cell.trim_matches('"')).collect();
    csv_lines(&cells, b',', times);
}

fn finished() -> AccessRow {
    AccessRow {
        server_ip: "10.1.1.90".into(),
        server_port: Some(80),
        client_ip: "10.1.1.123".into(),
        user_agent: "Microsoft UCPhone Device".into(),
        ..AccessRow::finished("POST", "/RequestHandler/ucdevice.upx", 200, Duration::from_millis(15), NOW)
    }
}

fn access_row(times: u32) {
    for _ in 0..times {
        black_box(finished());
    }
}

fn access_line(times: u32) {
    let (format, row) = (AccessFormat::default(), finished());
    for _ in 0..times {
        black_box(format.line(black_box(&row)));
    }
}

/// Writes the fields of the access line with the csv crate.
fn csv_access_fields(times: u32) {
    let line = AccessFormat::default().line(&finished());
    let fields: Vec<&str> = line.as_str().trim_end().split(' ').collect();
    csv_lines(&fields, b' ', times);
}

fn csv_lines(cells: &[&str], delimiter: u8, times: u32) {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(std::io::sink());
    for _ in 0..times {
        writer.write_record(black_box(cells)).unwrap();
    }
}
