//! `serve --metrics`: the listener for Prometheus.

use crate::place::{IP8540, Place};
use crate::serving::{exchange, phone_request, post, status};

const HANDLER: &str = "/RequestHandler/ucdevice.upx";

fn get(address: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    exchange(address, request.as_bytes())
}

#[test]
fn requests_and_the_state_of_the_server_are_shown() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let request = phone_request(&place);
    let mut serving = place.serve(&["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    serving.wait_for_lines(2);
    let metrics = serving.lines[1]
        .strip_prefix("metrics on http://")
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap()
        .to_owned();
    let devices = serving.lines[0].strip_prefix("listening on http://").unwrap().to_owned();
    assert_eq!(status(&post(&devices, HANDLER, &[], &request)), 200);
    assert_eq!(status(&post(&devices, HANDLER, &[], b"not xml")), 400);
    let text = get(&metrics, "/metrics");
    assert!(
        text.to_ascii_lowercase().contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{text}"
    );
    for line in [
        "ucupdate_requests_total{path=\"handler\",status=\"200\"} 1",
        "ucupdate_requests_total{path=\"handler\",status=\"400\"} 1",
        "ucupdate_decisions_total{reason=\"offer\"} 1",
        "ucupdate_unreadable_requests_total 1",
        "ucupdate_revision 2",
        "ucupdate_ready 1",
        "ucupdate_rollouts{state=\"running\"} 0",
        "ucupdate_rollout_devices{outcome=\"failed\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(
        text.contains("\nucupdate_revision_timestamp_seconds "),
        "the revision was made before the start"
    );
    assert!(get(&metrics, "/readyz").starts_with("HTTP/1.1 200 "));
    assert!(get(&metrics, "/nothing").starts_with("HTTP/1.1 404 "));
    assert!(get(&devices, "/metrics").starts_with("HTTP/1.1 404 "), "devices do not see it");
    assert_eq!(serving.terminated().code, Some(0));
}
