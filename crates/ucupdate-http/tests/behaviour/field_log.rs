//! Replays the logs in `vectors/` with the real router. Equal requests must write equal rows.

use crate::fixture::{Answered, Server, connection, moment, phone, vector};
use axum::body::Body;
use http::{Request, StatusCode};
use ucupdate::audit::AccessReader;
use ucupdate::book::TestDevice;
use ucupdate::cab::package::sample;
use ucupdate::device::DeviceId;
use ucupdate::request::{Side, UpdateRequest};
use ucupdate::value::Reported;
use ucupdate_http::Connection;

const AGENT: &str = "Microsoft UCPhone Device";
const AUDIT_LOG: &str = "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_OCS_2009-03-06.log";

/// Sends a request of the phone on its connection.
async fn send(
    server: &Server,
    request: http::request::Builder,
    connection: Connection,
    body: Vec<u8>,
) -> Answered {
    let request = request.header("user-agent", AGENT).extension(connection);
    let answered = server.answer(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    answered
}

/// Downloads the image and the signature in an answer. Both end in the same second, as in the log.
async fn fetch(server: &Server, answered: &Answered, at: &str, connection: &Connection) {
    let response = server.read(answered);
    let [offered] = &response.modules[..] else { panic!("one image is offered: {response:?}") };
    let path = offered.base_url_for(Side::Internal).strip_prefix("http://ocs.demo.local").unwrap();
    let image = Request::get(format!("{path}/{}", offered.file_name)).header("user-agent", AGENT);
    let image = server.send(image.extension(connection.clone()).body(Body::empty()).unwrap()).await;
    // The clock advances during the download, because a row has the time of the end.
    server.clock.set(moment(at));
    let image = http_body_util::BodyExt::collect(image.into_body()).await.unwrap().to_bytes();
    assert!(image.starts_with(b"B000FF\n"), "an image came");
    let signature = Request::get(format!("{path}/{}", offered.signature_file_name));
    send(server, signature, connection.clone(), Vec::new()).await;
}

/// Returns the rows of an access log without their last field, the time taken.
fn but_time_taken(log: &str) -> Vec<&str> {
    let rows = log.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.rsplit_once(' ').unwrap().0).collect()
}

#[tokio::test]
async fn the_fields_three_requests_leave_its_audit_log_byte_for_byte_and_its_access_log() {
    let server = Server::start().await;
    let ask = async |at: &str, request: UpdateRequest| {
        server.clock.set(moment(at));
        let body = server.service.codec().encode_request(&request);
        send(&server, Request::post("/RequestHandler/ucdevice.upx"), connection(443), body).await
    };

    let mut first = phone("0.0.0.0", "01-01-1601 00:00:00");
    first.request_date_time = Reported::new("06-03-2009 09:07:20");
    let answered = ask("2009-03-06 17:07:20", first).await;
    assert!(server.read(&answered).modules.is_empty(), "pending is for test devices");

    let id = DeviceId::Mac("00-21-63-0F-20-7B".parse().unwrap());
    let device = TestDevice { name: "Rui's phone".parse().unwrap(), id };
    server.service.admin("admin").add_test_device(device).await.unwrap();

    let mut second = phone("0.0.0.0", "01-01-1601 00:00:00");
    second.request_date_time = Reported::new("06-03-2009 17:10:39");
    let answered = ask("2009-03-06 17:10:39", second).await;
    fetch(&server, &answered, "2009-03-06 17:12:57", &connection(80)).await;

    let mut third = phone("1.0.522.103", "16-12-2008 04:43:58");
    third.request_date_time = Reported::new("06-03-2009 17:18:53");
    let answered = ask("2009-03-06 17:18:54", third).await;
    fetch(&server, &answered, "2009-03-06 17:21:45", &connection(80)).await;

    let audit_log = server.log(AUDIT_LOG).await;
    assert_eq!(audit_log, vector("RequestHandlerAuditLog_2009-03-06.log"));

    let (ours, fields) =
        (server.log("Logs/Server/Access/OCS_2009-03-06.log").await, vector("iis-2009-03-06.log"));
    assert_eq!(but_time_taken(&ours), but_time_taken(&fields));
    let header = |log: &str, line: usize| log.lines().nth(line).unwrap().to_owned();
    assert_eq!((header(&ours, 1), header(&ours, 3)), (header(&fields, 1), header(&fields, 3)));
    assert!(header(&ours, 0).starts_with("#Software: ucupdate "), "{ours}");
}

#[tokio::test]
async fn the_fields_old_cx700_climbs_from_1_0_452_0_by_the_path_it_knows() {
    let server = Server::start().await;
    server.service.admin("admin").approve(vec![sample::cx700()]).await.unwrap();
    let log = vector("iis-2009-04-15.log");
    // Left out are the answers from before an administrator added the path, and the rows of another service.
    let rows: Vec<_> = AccessReader::new(log.as_bytes())
        .map(Result::unwrap)
        .filter(|row| row.is_of_update_service() && row.status == Some(200))
        .collect();
    let connected = |port| {
        Connection::from_remote("192.168.20.103".parse().unwrap())
            .with_local(([192, 168, 200, 101], port).into())
    };

    let mut device = phone("1.0.452.0", "01-01-1601 00:00:00");
    device.device.kind.vendor = "Polycom".parse().unwrap();
    device.device.kind.model = "CX700".parse().unwrap();
    let mut versions = vec!["1.0.452.0".to_owned()];
    let mut offered_folder = None;
    for row in &rows {
        let (path, port) = (row.uri_stem.decoded(), row.server_port.unwrap());
        server.clock.set(row.finished_at);
        if row.method.as_logged() == "POST" {
            let body = server.service.codec().encode_request(&device);
            let answered = send(&server, Request::post(&path), connected(port), body).await;
            let offered = server.read(&answered).modules.pop();
            offered_folder = offered.map(|offered| {
                // The phone installs the offer and restarts, and its next request has the new version.
                device.modules[0].version = offered.version.clone();
                versions.push(offered.version.to_string());
                offered.base_url.strip_prefix("http://ocs.demo.local").unwrap().to_owned()
            });
        } else {
            let folder = offered_folder.as_deref().expect("a download follows an offer");
            assert_eq!(path.rsplit_once('/').unwrap().0, folder, "the field's phone fetched what we offer");
            send(&server, Request::get(&path), connected(port), Vec::new()).await;
        }
    }
    assert_eq!(versions, ["1.0.452.0", "1.0.522.103", "3.5.6907.9"]);
    assert_eq!(offered_folder, None, "in the end it is up to date");

    let ours = server.log("Logs/Server/Access/OCS_2009-04-15.log").await;
    let fields: Vec<_> = but_time_taken(&log)
        .into_iter()
        .filter(|row| row.contains(" 200 0 0") && !row.contains("/Abs/"))
        .collect();
    assert_eq!(fields.len(), rows.len());
    assert_eq!(but_time_taken(&ours), fields);
}
