//! Tests `ask`: the requests of a phone and the answers.

use crate::place::{CX700, IP8540, Place, package, words};
use crate::serving::{PHONE, Serving};

fn ask(place: &Place, serving: &Serving, more: &[&str]) -> crate::place::Ran {
    let call = format!("ask --url {} {PHONE}", serving.url());
    let known = words(if more.contains(&"--version") {
        call.strip_suffix(" --version 0.0.0.0").unwrap()
    } else {
        &call
    });
    place.run(&known.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>())
}

#[test]
fn the_printed_request_is_the_canonical_one() {
    let place = Place::new();
    let canonical =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/canonical-request.xml"));
    let call = format!("ask --print-request --date-time '06-03-2009 17:10:39' {PHONE}");
    assert_eq!(place.call(&call).done().as_bytes(), canonical, "without a line end, as it would be sent");
    let json = place.call(&format!("{call} --json")).json();
    assert_eq!(json["request"].as_str().unwrap().as_bytes(), canonical);
}

#[test]
fn what_is_printed_is_what_explain_reads() {
    let place = Place::with_package();
    let printed =
        place.call(&format!("ask --print-request {}", PHONE.replace("0.0.0.0", "3.5.6907.0"))).done();
    place.file("request.xml", printed.as_bytes());
    place.run(&["approve", IP8540]).done();
    let explained = place.run(&["explain", "request.xml"]).done();
    assert!(explained.contains("nothing: the device has 3.5.6907.0"), "{explained}");
}

#[test]
fn an_offer_is_shown_fetched_and_checked() {
    let place = Place::new();
    let image: Vec<u8> = (0..200_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    place.file("uc.cab", &package(IP8540, "3.5.6907.0", &image));
    place.run(&["ingest", "uc.cab"]).done();
    place.run(&["approve", IP8540]).done();
    let serving = place.serve_here();
    let folder =
        format!("{}/DeviceUpdateFiles_Int/UCPhone/LG-Nortel/IP8540/A/ENU/3.5.6907.0/CPE", serving.url());
    let have = ["--version", "1.0.522.103"];
    let offer = format!(
        "offered 3.5.6907.0 of 16-12-2008 04:43:58\n  image      {folder}/CPE.nbt\n  signature  {folder}/CPE.cat\n"
    );
    assert_eq!(ask(&place, &serving, &have).done(), offer);

    let fetched = ask(&place, &serving, &[&have[..], &["--download", "phone"]].concat());
    assert_eq!(fetched.stderr, "", "no bar where nobody watches");
    let fetched = fetched.done();
    assert!(fetched.starts_with(&offer), "{fetched}");
    let image_line = "  fetched    phone/CPE.nbt, 800000 bytes, with the SHA-256 the server says\n";
    assert!(fetched.contains(image_line), "{fetched}");
    assert_eq!(std::fs::read(place.path("phone/CPE.nbt")).unwrap(), image);
    assert!(place.path("phone/CPE.cat").exists());

    let json = ask(&place, &serving, &[&have[..], &["--download", "phone", "--json"]].concat()).json();
    assert_eq!(json["code"], "0x0/200");
    let offered = &json["offered"][0];
    assert_eq!((&offered["version"], &offered["base_url"]), (&"3.5.6907.0".into(), &folder.into()));
    assert_eq!(offered["downloaded"]["image"]["size"], 800_000);
    assert_eq!(offered["downloaded"]["image"]["checked"], "sha256");
}

#[test]
fn an_image_that_was_changed_in_the_store_is_not_taken() {
    let place = Place::with_package();
    place.run(&["approve", CX700]).done();
    let serving = place.serve_here();
    let mut changed = 0;
    for ingest in std::fs::read_dir(place.path("ucupdate-data/images")).unwrap() {
        for file in std::fs::read_dir(ingest.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "nbt") {
                let mut bytes = std::fs::read(&path).unwrap();
                bytes[100] ^= 1;
                std::fs::write(&path, bytes).unwrap();
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 3);
    let url = serving.url();
    let cx700 =
        ["--device-type", "UCPhone", "--vendor", "Polycom", "--model", "CX700", "--hardware-revision", "A"];
    let args = [&["ask", "--url", &url, "--locale", "ENU", "--download", "phone"], &cx700[..]].concat();
    let refused = place.run(&args).refused();
    assert!(
        refused.contains("answered 500: the file in the store differs from the ingested file"),
        "{refused}"
    );
    assert!(!place.path("phone/CPE.nbt").exists());
}

#[test]
fn nothing_offered_is_no_failure() {
    let place = Place::with_package();
    let serving = place.serve_here();
    let nothing = ask(&place, &serving, &["--download", "phone"]).done();
    assert!(nothing.starts_with("nothing offered (0x0/200): "), "{nothing}");
    assert!(nothing.contains("UCPhone/LG-Nortel/IP8540/A/ENU"), "{nothing}");
    let json = ask(&place, &serving, &["--json"]).json();
    assert_eq!((&json["code"], json["offered"].as_array().unwrap().len()), (&"0x0/200".into(), 0));
    assert!(!place.path("phone").exists());
}

#[test]
fn a_refusal_shows_the_phones_code() {
    let place = Place::with_package();
    let serving = place.serve_here();
    let at = |url: &str| place.call(&format!("ask --url {url} {PHONE}")).refused();
    let gone = at(&format!("{}/nowhere", serving.url()));
    assert!(gone.ends_with(" (0x0/404)"), "{gone}");
    let outside = at(&format!("{}/RequestHandlerExt/ucdevice.upx", serving.url()));
    assert!(outside.ends_with(" (0x0/401)"), "{outside}");
    let address = serving.url();
    drop(serving);
    let nobody = at(&address);
    assert!(nobody.ends_with(" (0x2efd/0)"), "{nobody}");
    for url in ["ftp://127.0.0.1", "127.0.0.1", ""] {
        let wrong = place.call(&format!("ask --url '{url}' {PHONE}"));
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        assert!(wrong.stderr.contains("expected http://"), "{wrong:?}");
    }
}

#[test]
fn what_makes_a_device_is_asked_for() {
    let place = Place::new();
    assert_eq!(place.call(&format!("ask {PHONE}")).code, Some(2), "no URL");
    assert_eq!(place.run(&["ask", "--print-request", "--vendor", "Polycom"]).code, Some(2));
    assert_eq!(place.call(&format!("ask --print-request --download x {PHONE}")).code, Some(2));
    let refused = place.call(&format!("ask --url http://127.0.0.1 --ca-cert none.pem {PHONE}"));
    assert!(refused.refused().starts_with("none.pem: "));
}
