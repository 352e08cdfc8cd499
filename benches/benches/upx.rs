//! Measures the codec in comparison with its floor: quick-xml reading the same bytes and ignoring
//! the events, in the same run.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::hint::black_box;
use ucupdate_upx::{Codec, DecodeErrorKind};

const REQUEST: &[u8] = include_bytes!("../../vectors/canonical-request.xml");
const OFFER: &[u8] = include_bytes!("../../vectors/canonical-offer.xml");
const NOTHING: &[u8] = include_bytes!("../../vectors/canonical-nothing.xml");

/// Returns the number of events that quick-xml finds before the end or the first error.
fn walked(body: &[u8]) -> usize {
    let mut reader = Reader::from_reader(body);
    let mut events = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Eof) | Err(_) => return events,
            Ok(event) => {
                black_box(&event);
                events += 1;
            }
        }
    }
}

fn decoding(c: &mut Criterion) {
    let codec = Codec::default();
    let mut group = c.benchmark_group("decode_request");
    let full = full_request();
    for (name, body, modules) in [("canonical", REQUEST, 1), ("64_modules", full.as_slice(), 64)] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        assert_eq!(codec.decode_request(body).map(|decoded| decoded.value.modules.len()), Ok(modules));
        group.bench_function(name, |b| b.iter(|| codec.decode_request(black_box(body))));
        assert!(walked(body) > 40);
        group.bench_function(BenchmarkId::new("floor", name), |b| b.iter(|| walked(black_box(body))));
    }
    group.finish();

    let mut group = c.benchmark_group("decode_response");
    for (name, body, modules) in [("offer", OFFER, 1), ("nothing", NOTHING, 0)] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        assert_eq!(codec.decode_response(body).map(|decoded| decoded.value.modules.len()), Ok(modules));
        group.bench_function(name, |b| b.iter(|| codec.decode_response(black_box(body))));
        assert!(walked(body) > 4);
        group.bench_function(BenchmarkId::new("floor", name), |b| b.iter(|| walked(black_box(body))));
    }
    group.finish();
}

fn full_request() -> Vec<u8> {
    let text = String::from_utf8_lossy(REQUEST).into_owned();
    let (first, last) = (text.find("<Module>"), text.find("</Modules>"));
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let module = text[first..last].repeat(64);
    format!("{}{module}{}", &text[..first], &text[last..]).into_bytes()
}

/// The largest number of attributes that one element may have: 32.
const ATTRIBUTES: &str = " a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p='' q='' r='' s='' t='' \
                          u='' v='' w='' x='' y='' z='' A='' B='' C='' D='' E='' F=''";

/// Returns bodies of 60 KiB that are expensive to read, each just below the limit of bytes: a name,
/// the body, and the expected error.
fn bombs() -> Vec<(&'static str, Vec<u8>, DecodeErrorKind)> {
    use DecodeErrorKind::{Malformed, TooLarge};
    let size = 60 * 1024;
    let fill = |piece: &str| piece.repeat(size / piece.len());
    let numbered = |of: fn(usize) -> String| (0..size / 20).map(of).collect::<String>();
    vec![
        ("depth", fill("<a>"), TooLarge),
        ("elements", format!("<a>{}</a>", fill("<b/>")), TooLarge),
        ("attributes", format!("<a{}/>", numbered(|i| format!(" a{i:05}=''"))), TooLarge),
        ("namespaces", format!("<a{}/>", numbered(|i| format!(" xmlns:a{i:05}='u'"))), TooLarge),
        ("attributes_spread", format!("<a>{}</a>", fill(&format!("<b{ATTRIBUTES}/>"))), TooLarge),
        ("references", format!("<a>{}</a>", fill("&lt;")), TooLarge),
        ("entities", format!("<!DOCTYPE a [{}]><a>&b;</a>", fill("<!ENTITY b '&b;&b;'>")), Malformed),
        ("comments", format!("<a>{}</a>", fill("<!---->")), TooLarge),
        ("text", format!("<Request><UserName>{}</UserName></Request>", fill("x")), TooLarge),
        ("unknown", format!("<Request>{}</Request>", fill("<a b='c'>d</a>")), TooLarge),
        ("not_utf8", format!("<a>{}", fill("\u{e4}")), Malformed),
    ]
    .into_iter()
    .map(|(name, body, kind)| {
        let mut body = body.into_bytes();
        if name == "not_utf8" {
            body.push(0xFF);
        }
        (name, body, kind)
    })
    .collect()
}

fn refusing(c: &mut Criterion) {
    let codec = Codec::default();
    let mut group = c.benchmark_group("decode_request/bomb_refused");
    for (name, body, kind) in bombs() {
        assert!(body.len() <= codec.limits().xml().bytes(), "{name}: {}", body.len());
        let refused = codec.decode_request(&body).map_err(|error| error.kind()).map(|_| ());
        assert_eq!(refused, Err(kind), "{name}");
        group.bench_function(name, |b| b.iter(|| codec.decode_request(black_box(&body))));
        assert!(codec.inspect(&body).error().is_some());
        group.bench_function(BenchmarkId::new("floor", name), |b| b.iter(|| walked(black_box(&body))));
    }
    group.finish();
}

fn encoding(c: &mut Criterion) {
    let codec = Codec::default();
    let Ok(request) = codec.decode_request(REQUEST).map(|decoded| decoded.value) else { return };
    let mut group = c.benchmark_group("encode_request");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    assert_eq!(codec.encode_request(&request), REQUEST);
    group.bench_function("canonical", |b| b.iter(|| codec.encode_request(black_box(&request))));
    group.bench_function("floor/canonical", |b| b.iter(|| black_box(REQUEST).to_vec()));
    group.finish();

    let mut group = c.benchmark_group("encode_response");
    for (name, body) in [("offer", OFFER), ("nothing", NOTHING)] {
        let Ok(response) = codec.decode_response(body).map(|decoded| decoded.value) else { return };
        group.throughput(Throughput::Bytes(body.len() as u64));
        assert_eq!(codec.encode_response(&response), body);
        group.bench_function(name, |b| b.iter(|| codec.encode_response(black_box(&response))));
        group.bench_function(BenchmarkId::new("floor", name), |b| b.iter(|| black_box(body).to_vec()));
    }
    group.finish();
}

criterion_group!(benches, decoding, refusing, encoding);
criterion_main!(benches);
