//! Access logs of other web servers and of proxies.

use ucupdate_audit::{AccessReader, AccessRow};

const IIS: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status \
                   sc-substatus sc-win32-status time-taken";
const FIELD_LOG: &str = include_str!("../../../../vectors/iis-2009-03-06.log");

fn rows(log: &str) -> Vec<AccessRow> {
    AccessReader::new(log.as_bytes()).map(|row| row.unwrap_or_else(|finding| panic!("{finding}"))).collect()
}

#[track_caller]
fn row(fields: &str, line: &str) -> AccessRow {
    let mut rows = rows(&format!("#Fields: {fields}\n{line}\n"));
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn the_fields_log_gives_the_same_rows_in_whatever_form_it_was_saved() {
    let expected = rows(FIELD_LOG);
    let body: String = FIELD_LOG.lines().skip(4).map(|line| format!("{line}\n")).collect();
    for (form, log) in [
        ("CR LF and blank lines", FIELD_LOG.replace('\n', "\r\n\r\n")),
        ("the fields come first", format!("#Fields: {IIS}\n#Software: IIS\n#Version: 1.0\n{body}")),
        ("the first lines are missing", body.clone()),
        ("tabs", FIELD_LOG.replace(' ', "\t")),
        ("two blanks", FIELD_LOG.replace("#Fields: ", "#Fields:  ").replace(" 200 ", "  200  ")),
    ] {
        assert_eq!(rows(&log), expected, "{form}");
    }
}

#[test]
fn quoted_user_agents_and_milliseconds_of_advanced_logging_are_read() {
    let row = row(
        IIS,
        "2014-04-10 12:40:24.190 - GET /a.nbt - 80 - 192.168.1.1 \"Microsoft UCPhone Device\" 200 0 0 2036.7",
    );
    assert_eq!(row.user_agent.as_logged(), "Microsoft+UCPhone+Device");
    assert_eq!((row.status, row.time_taken_ms), (Some(200), Some(2036)));
    assert_eq!(row.finished_at.civil_utc().to_string(), "10-04-2014 12:40:24");
}

#[test]
fn blanks_that_a_server_wrote_as_they_are_belong_to_the_query_or_to_another_text() {
    let query = "2015-12-31 14:40:38 10.1.1.1 POST /EWS/x.asmx a=1; b=2;c=3; 443 dom\\ann 10.10.5.2 Office/14.0 200 0 0 46";
    let row_of = row(IIS, query);
    assert_eq!((row_of.uri_query.as_logged(), row_of.status), ("a=1;+b=2;c=3;", Some(200)));
    let agent = "2015-12-31 14:40:38 10.1.1.1 POST /x - 443 - 10.10.5.2 Microsoft UCPhone Device 200 0 0 46";
    let row_of = row(IIS, agent);
    assert_eq!(
        (row_of.user_agent.as_logged(), row_of.uri_query.as_logged()),
        ("Microsoft+UCPhone+Device", "-")
    );
    let cut = format!("#Fields: {IIS}\n2015-12-31 14:40:38 10.1.1.1 POST /x - 443 - 10.10.5.2 M+U 200 0\n");
    let finding = AccessReader::new(cut.as_bytes()).next().unwrap().unwrap_err();
    assert_eq!(finding.to_string(), "line 2: the row has 12 cells, expected 14");
}

#[test]
fn a_proxys_log_with_tabs_and_whole_urls_is_read() {
    let fields = "c-ip\tcs-username\tc-agent\tdate\ttime\ts-computername\tr-port\ttime-taken\ts-operation\tcs-uri\tsc-status";
    let line = "10.1.1.123\tanonymous\tMicrosoft UCPhone Device\t2013-03-06\t17:07:20\tTMG01\t443\t124\tPOST\t\
                https://uc.contoso.com:443/RequestHandlerExt/ucdevice.upx?a=b\t401";
    let row = row(fields, line);
    assert_eq!((row.method.as_logged(), row.status, row.server_port), ("POST", Some(401), Some(443)));
    assert_eq!(row.uri_stem.as_logged(), "/RequestHandlerExt/ucdevice.upx");
    assert_eq!((row.uri_query.as_logged(), row.user_agent.as_logged()), ("a=b", "Microsoft+UCPhone+Device"));
    assert!(row.is_of_update_service());
}

#[test]
fn columns_may_stand_in_another_order_and_change_in_the_middle() {
    let log = "#Fields: sc-status c-ip time date cs-uri-stem\n200 10.1.1.5 17:07:20 2009-03-06 /a\n\
               #Fields: date time c-ip\n2009-03-06 17:07:21 10.1.1.6\n#Date: 2009-03-07 00:00:00\n#Fields: time c-ip\n\
               00:00:01 10.1.1.7\n";
    let seen: Vec<(String, String)> = rows(log)
        .iter()
        .map(|row| (row.client_ip.decoded(), row.finished_at.civil_utc().to_string()))
        .collect();
    let expected = [
        ("10.1.1.5", "06-03-2009 17:07:20"),
        ("10.1.1.6", "06-03-2009 17:07:21"),
        ("10.1.1.7", "07-03-2009 00:00:01"),
    ];
    assert_eq!(seen, expected.map(|(ip, at)| (ip.to_owned(), at.to_owned())));
}

#[test]
fn the_phone_behind_a_proxy_is_read_from_the_header_that_the_caller_names() {
    for (cell, client) in [
        ("203.0.113.7:33453,+172.16.0.1:49770", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("\"203.0.113.7, 172.16.0.1\"", "203.0.113.7"),
        ("[2001:db8::7]:443,+10.0.0.1", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("-", "172.18.23.68"),
        ("unknown", "172.18.23.68"),
    ] {
        let log =
            format!("#Fields: date time c-ip X-Forwarded-For\n2024-10-01 00:00:06 172.18.23.68 {cell}\n");
        let mut reader = AccessReader::new(log.as_bytes()).with_client_from("x-forwarded-for");
        let row = reader.next().unwrap().unwrap();
        assert_eq!(row.client_ip.as_logged(), client, "{cell}");
        assert!(reader.has_client_field());
        let plain = AccessReader::new(log.as_bytes()).next().unwrap().unwrap();
        assert_eq!(plain.client_ip.as_logged(), "172.18.23.68");
    }
}

#[test]
fn a_number_too_large_for_its_field_does_not_cost_the_row() {
    let row = row("date time sc-status sc-win32-status", "2013-03-06 17:07:20 2147954402 4294967296");
    assert_eq!((row.status, row.win32_status), (None, None));
}

#[test]
fn an_exchange_begins_as_long_before_its_end_as_it_took() {
    let line =
        |taken: &str| format!("2014-04-10 12:40:24.190 - GET /a.nbt - 80 - 192.168.1.1 - 200 0 0 {taken}");
    let timed = row(IIS, &line("2000"));
    assert_eq!(timed.started_at().civil_utc().to_string(), "10-04-2014 12:40:22");
    assert_eq!(timed.finished_at.as_millis() - timed.started_at().as_millis(), 2000);
    let untimed = row(IIS, &line("-"));
    assert_eq!(untimed.started_at(), untimed.finished_at);
    let finding = AccessReader::new(format!("#Fields: {IIS}\n{}\n", line("soon")).as_bytes()).next().unwrap();
    assert_eq!(finding.unwrap_err().to_string(), "line 2: time-taken is \"soon\", expected a number or `-`");
}
