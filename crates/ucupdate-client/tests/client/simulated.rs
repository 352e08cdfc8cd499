//! Tests a simulated device that sends requests, downloads and installs until it is up to date.

use crate::server::{client, offer, serve};
use axum::body::Body;
use axum::http::{Method, Request, Response};
use std::sync::{Arc, OnceLock};
use tempfile::tempdir;
use ucupdate_client::{ClientError, SimulatedDevice};
use ucupdate_core::request::{OfferedModule, Side};
use ucupdate_core::value::FieldTime;
use ucupdate_core::{ReportedVersion, UpdateResponse};
use ucupdate_upx::Codec;

const REQUEST: &str = include_str!("../../../../vectors/canonical-request.xml");

pub(crate) fn phone() -> SimulatedDevice {
    let request = Codec::default().decode_request(REQUEST.as_bytes()).unwrap().value;
    SimulatedDevice::new(request.device)
        .with_user_name(&request.user_name)
        .with_installed("1.0.522.34", FieldTime::FILETIME_ZERO)
}

/// Starts a server that serves any file. `offers` returns the offer for an installed version.
async fn start(offers: fn(&str, &str) -> Vec<OfferedModule>) -> String {
    let own = Arc::new(OnceLock::new());
    let known = Arc::clone(&own);
    let url = serve(move |request: Request<Body>| {
        let known = Arc::clone(&known);
        async move {
            if request.method() == Method::GET {
                return Response::new(Body::from(format!("bytes of {}", request.uri())));
            }
            let body = axum::body::to_bytes(request.into_body(), 10_000).await.unwrap();
            let asked = Codec::default().decode_request(&body).unwrap().value;
            let url: &String = known.get().unwrap();
            let modules = offers(asked.modules[0].version.as_str(), url);
            Response::new(Body::from(Codec::default().encode_response(&UpdateResponse { modules })))
        }
    })
    .await;
    own.set(url.clone()).unwrap();
    url
}

#[tokio::test]
async fn a_device_climbs_by_the_stepping_stone_to_the_approved_version() {
    let url = start(|installed, url| {
        let of = |version: &str, folder: &str| OfferedModule {
            version: ReportedVersion::new(version),
            ..offer(&format!("{url}/{folder}"))
        };
        match installed {
            "1.0.522.34" => vec![of("1.0.522.103", "OCInterim/ENU")],
            "1.0.522.103" => vec![of("3.5.6907.0", "CPE")],
            _ => Vec::new(),
        }
    })
    .await;
    let folder = tempdir().unwrap();
    let mut phone = phone();
    let mut path = Vec::new();
    for _ in 0..5 {
        let now = FieldTime::FILETIME_ZERO;
        let update = phone.update(&client(), &url, Side::Internal, now, folder.path(), |_| ()).await.unwrap();
        let Some(installed) = update.installed.into_iter().next() else { break };
        path.push(installed.to.to_string());
    }
    assert_eq!(path, ["1.0.522.103", "3.5.6907.0"]);
    assert_eq!(phone.installed()[0].time_stamp.raw(), "16-12-2008 04:43:58");
    let image = std::fs::read_to_string(folder.path().join("CPE.nbt")).unwrap();
    assert_eq!(image, "bytes of /CPE/CPE.nbt");
}

#[tokio::test]
async fn what_cannot_be_fetched_is_not_installed() {
    let url = start(|_, _| vec![offer("http://127.0.0.1:9/nobody")]).await;
    let folder = tempdir().unwrap();
    let mut phone = phone();
    let before = phone.clone();
    let now = FieldTime::FILETIME_ZERO;
    let error = phone.update(&client(), &url, Side::Internal, now, folder.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { .. }), "{error}");
    assert_eq!(phone, before);
}

#[tokio::test]
async fn modules_whose_files_would_overwrite_one_another_are_refused() {
    let url = start(|_, url| {
        let second = OfferedModule { file_name: "BOOT.nbt".parse().unwrap(), ..offer(url) };
        vec![offer(url), second]
    })
    .await;
    let folder = tempdir().unwrap();
    let now = FieldTime::FILETIME_ZERO;
    let error =
        phone().update(&client(), &url, Side::Internal, now, folder.path(), |_| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "offered files `CPE.cat` and `CPE.cat` would overwrite one another");
}

#[tokio::test]
async fn many_devices_share_a_client_from_many_tasks() {
    let url =
        start(|installed, url| if installed == "1.0.522.34" { vec![offer(url)] } else { Vec::new() }).await;
    let (client, folder) = (client(), tempdir().unwrap());
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (client, url) = (client.clone(), url.clone());
            let into = folder.path().join(number.to_string());
            tokio::spawn(async move {
                let mut device = phone().numbered(number);
                let now = FieldTime::FILETIME_ZERO;
                device.update(&client, &url, Side::Internal, now, &into, |_| ()).await.unwrap().installed
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap()[0].to.as_str(), "1.0.522.103");
    }
}
