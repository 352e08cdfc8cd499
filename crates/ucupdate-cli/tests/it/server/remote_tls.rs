//! `--server https://`: certificates that are accepted, and reasons that say what to do about those that are not.

use crate::place::{Place, Ran};
use crate::serving::Serving;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use ucupdate_cab::package::sample;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Starts a server with a certificate for `name` that is valid in these years.
    fn serve(&self, place: &Place, name: &str, from: i32, to: i32) -> Serving {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::ExplicitNoCa;
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        place.file("cert.pem", certificate.pem().as_bytes());
        place.file("key.pem", key.serialize_pem().as_bytes());
        place.file("ca.pem", self.0.pem().as_bytes());
        let tls = ["--admin-tls-cert", "cert.pem", "--admin-tls-key", "key.pem"];
        serve(place, &tls)
    }
}

fn serve(place: &Place, more: &[&str]) -> Serving {
    if !place.path("tokens.json").exists() {
        let added = place.run(&["token", "add", "ann", "--role", "approver", "--token-file", "tokens.json"]);
        place.file("ann", added.done().as_bytes());
    }
    let listeners = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", "tokens.json"];
    let mut serving = place.serve(&[&listeners[..], more].concat());
    serving.wait_for_lines(2);
    serving
}

fn url(serving: &Serving) -> &str {
    serving.lines[1].strip_prefix("administration on ").unwrap()
}

fn run(place: &Place, url: &str, args: &[&str]) -> Ran {
    let remote = ["--server", url, "--token-file", "ann"];
    Ran::of(place.command(&[args, &remote].concat()).output().unwrap())
}

#[test]
fn a_server_with_a_certificate_of_an_own_authority_is_used_with_its_file() {
    let place = Place::new();
    let serving = Authority::new("contoso").serve(&place, "127.0.0.1", 2020, 2090);
    let url = url(&serving);
    assert!(url.starts_with("https://"), "{url}");
    place.file("uc.cab", &sample::uc_updates(500));
    let trusted = ["--ca-file", "ca.pem"];
    run(&place, url, &[&["ingest", "uc.cab"], &trusted[..]].concat()).done();
    let rules = run(&place, url, &[&["rules"], &trusted[..]].concat()).done();
    assert!(rules.contains("3.5.6907.0"), "{rules}");
}

#[test]
fn a_certificate_that_is_refused_says_what_to_do() {
    let (place, authority) = (Place::new(), Authority::new("contoso"));
    place.file("renewed.pem", Authority::new("contoso").0.pem().as_bytes());
    place.file("other.pem", Authority::new("fabrikam").0.pem().as_bytes());
    let other = "name the file with the certificate of the authority with --ca-file";
    for (name, from, to, file, reason) in [
        ("127.0.0.1", 2020, 2090, "other.pem", other),
        ("127.0.0.1", 2020, 2090, "renewed.pem", other),
        (
            "elsewhere.example",
            2020,
            2090,
            "ca.pem",
            "is not for 127.0.0.1, but for elsewhere.example; use a name of the certificate in the address",
        ),
        ("127.0.0.1", 2020, 2021, "ca.pem", "expired at 2021-01-01T00:00:00Z; renew it on the server"),
        ("127.0.0.1", 2089, 2090, "ca.pem", "is valid from 2089-01-01T00:00:00Z only; check the clocks"),
    ] {
        let serving = authority.serve(&place, name, from, to);
        let refused = run(&place, url(&serving), &["rules", "--ca-file", file]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(reason), "{refused:?}");
        let token = std::fs::read_to_string(place.path("ann")).unwrap();
        assert!(!refused.stderr.contains(token.trim()), "{refused:?}");
    }
}

#[test]
fn an_address_of_another_kind_says_what_was_expected() {
    let place = Place::new();
    let secure = Authority::new("contoso").serve(&place, "127.0.0.1", 2020, 2090);
    let plain = serve(&place, &[]);
    for (url, reason) in [
        (url(&secure).replace("https", "http"), "use https:// for a listener with --admin-tls-cert"),
        (url(&plain).replace("http", "https"), "start it with --admin-tls-cert"),
        (plain.url(), "use the address that `serve --admin` prints"),
    ] {
        let refused = run(&place, &url, &["rules"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(reason), "{refused:?}");
    }
    let missing = run(&place, url(&plain), &["rules", "--ca-file", "missing.pem"]);
    assert_eq!(missing.code, Some(3), "{missing:?}");
}

#[test]
fn other_machines_reach_administrators_only_with_tls_or_where_it_is_said_aloud() {
    let place = Place::new();
    let added = place.run(&["token", "add", "ann", "--role", "approver", "--token-file", "tokens.json"]);
    added.done();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let args = [
            "serve",
            "--create",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            address,
            "--token-file",
            "tokens.json",
        ];
        let refused = place.run(&args);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("tokens would cross the network without TLS"), "{refused:?}");
    }
}
