//! The seeds that code makes. Other seeds of the corpora were found by the fuzzer, or come from the tests of the readers.

use crate::{check_file, fuzz, names};
use std::io::Write as _;
use ucupdate_testkit::field;
use ucupdate_upx::Codec;

/// Returns the seeds of all targets: the target, the name of the file, and its bytes.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut add = |target, all: Vec<(&str, Vec<u8>)>| {
        seeds.extend(all.into_iter().map(|(name, bytes)| (target, name.to_owned(), bytes)));
    };
    add("audit_cells", vec![("quotes", b"a,\"b,c\",\"d\"\"e\",\n\"x;y\";z\n\"a\"b,c".to_vec())]);
    add("cabinet_set", choices());
    add("capture", captures());
    add("client_response", responses());
    add("forwarded", texts(&FORWARDED));
    add("http_request", requests());
    add(
        "log_name",
        texts(&[
            ("audit", "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_OCS_2009-03-06.log"),
            ("access", "Logs/Server/Access/OCS_2009-03-06_2.log"),
            ("zone", "Logs/Server/Audit/imageUpdates/RequestHandlerAuditLog_OCS_2009-03-06.zone"),
            ("date", "2009-03-06"),
        ]),
    );
    add(
        "member_list",
        texts(&[(
            "list",
            "00-21-63-0F-20-7B # hall\n\nserial:0021630F207B\nC185H001209\nmac: 0021630F207B\n",
        )]),
    );
    add(
        "part_note",
        texts(&[("note", PART_NOTE), ("unknown_total", &PART_NOTE.replace("total 9", "total unknown"))]),
    );
    add(
        "stored_capture",
        texts(&[
            (
                "capture",
                "{\"format\":1,\"at\":\"2009-03-06 17:10:39\",\"host\":\"10.1.1.9\",\"reason\":\"x\",\"bytes\":3}\nabc",
            ),
            ("control_characters", &"\u{1}".repeat(2000)),
            ("id", "OCS_20090306T171039Z_0123abcd"),
        ]),
    );
    add("rolling_log", choices());
    add("rolling_log", steps_of_logs());
    add("rule_book", choices());
    add("suggestion", texts(&SUGGESTIONS));
    add("w3c_log", logs());
    let cabinets = fuzz().join("corpus/cabinet");
    let is_seed = |name: &String| name.ends_with(".cab") || name.ends_with(".exe");
    for name in names(&cabinets).into_iter().filter(is_seed) {
        let bytes = std::fs::read(cabinets.join(&name)).unwrap();
        seeds.push(("cabinet_peer", name, bytes));
    }
    seeds
}

/// Returns bytes for the targets that take their input as choices.
fn choices() -> Vec<(&'static str, Vec<u8>)> {
    let every = |factor: u8| (0..=255_u8).map(|number| number.wrapping_mul(factor)).collect();
    vec![("first_choices", vec![0]), ("all_choices", every(1)), ("mixed_choices", every(37))]
}

/// Returns the limits, then steps of the second log, whose store can append.
fn steps_of_logs() -> Vec<(&'static str, Vec<u8>)> {
    const WIDE: &[u8] = &[3];
    const DAY_OF_300_BYTES: &[u8] = &[1, 1, 44];
    const ROW_OF_100_BYTES: &[u8] = &[1, 0, 0, 100];
    const FLUSH: &[u8] = &[1, 13];
    const MENTION_3: &[u8] = &[1, 14, 2];
    const STORE_WORKS: &[u8] = &[1, 17, 0];
    const STORE_TEARS: &[u8] = &[1, 17, 14];
    let row = [ROW_OF_100_BYTES, FLUSH, STORE_WORKS].concat();
    vec![
        ("torn_append", [WIDE, &row, ROW_OF_100_BYTES, FLUSH, STORE_TEARS, STORE_WORKS, &row].concat()),
        ("full_day", [DAY_OF_300_BYTES, &row.repeat(3)].concat()),
        ("mentioned_file", [WIDE, MENTION_3, &row].concat()),
    ]
}

fn texts(seeds: &[(&'static str, &str)]) -> Vec<(&'static str, Vec<u8>)> {
    seeds.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}

const FORWARDED: [(&str, &str); 5] = [
    ("list", "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.0.0.9\nX-Forwarded-Proto: http, https"),
    ("several", "x-forwarded-for: 6.6.6.6\nx-forwarded-for: [2001:db8::1]:4711\nx-forwarded-for: unknown"),
    (
        "standard",
        "Forwarded: for=6.6.6.6, For=\"[2001:db8::1]:47\" ; Proto=HTTPS;by=x, for=10.0.0.4;proto=http",
    ),
    ("open_quote", "forwarded: for=6.6.6.6, for=\"192.0.2.7\nforwarded: for=\"\\1\\9\\2.0.2.7\""),
    ("twice", "Forwarded: for=10.0.0.4;for=6.6.6.6;=;by=\"a,for=6.6.6.6\""),
];

const PART_NOTE: &str = "ucupdate part 1\nurl http://a/CPE.nbt\netag \"v1\"\ntotal 9\nbytes 3\n\
    sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";

const SUGGESTIONS: [(&str, &str); 3] = [
    (
        "elements",
        "<UpdateQuery><Family>UCPhone</Family><Maker>Polycom</Maker><HwRev>A</HwRev><Ethernet>00-21-63-0F-20-7B</Ethernet>\
         <Files><File><Image>cpe.nbt</Image><Build>1.0.522.34</Build></File></Files></UpdateQuery>",
    ),
    (
        "attributes",
        "<Request Type=\"UCPhone\" Manufacturer=\"Polycom\" Rev=\"A\" Culture=\"ENU\"><Modules><Module><Name>cpe.nbt</Name>\
         <FwVersion>1.0.522.34</FwVersion></Module></Modules></Request>",
    ),
    ("combining_character", "<\u{300}><Mac>00-21-63-0F-20-7B</Mac></\u{300}>"),
];

fn update_request() -> Vec<u8> {
    Codec::default().encode_request(&field::request(&field::rule(), "1.0.522.34"))
}

fn post(path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: ocs\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let (first, second) = body.split_at(body.len() / 2);
    let mut chunks = Vec::new();
    for chunk in [first, second] {
        write!(chunks, "{:x};a=b\r\n", chunk.len()).unwrap();
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\nTrailer: x\r\n\r\n");
    chunks
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn requests() -> Vec<(&'static str, Vec<u8>)> {
    const IMAGE: &str = "/DeviceUpdateFiles_Int/OCInterim/ENU/CPE.nbt";
    let body = update_request();
    let handler = "/RequestHandler/ucdevice.upx";
    let get =
        |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\nHost: ocs\r\n{fields}\r\n").into_bytes();
    let in_chunks = format!("POST {handler} HTTP/1.1\r\nHost: ocs\r\nTransfer-Encoding: chunked\r\n\r\n");
    vec![
        ("ask", post(handler, "User-Agent: Microsoft UCPhone Device\r\n", &body)),
        ("ask_in_chunks", [in_chunks.as_bytes(), &chunked(&body)].concat()),
        ("ask_and_wait", post("/UCDeviceUpdates/ucdevice.upx", "Expect: 100-continue\r\n", &body)),
        ("ask_from_outside", post("/requesthandlerext/ucdevice.upx", "Authorization: NTLM x\r\n", &body)),
        ("anonymous_from_outside", post("/RequestHandlerExt/ucdevice.upx", "", &body)),
        ("forbidden_from_outside", post("/RequestHandlerExt/ucdevice.upx", "Authorization: no\r\n", &body)),
        ("coded", post(handler, "Content-Encoding: gzip\r\n", &gzip(&body))),
        ("two_lengths", post(handler, "Content-Length: 3\r\n", b"abcd")),
        ("not_xml", post(handler, "", b"not xml")),
        ("fetch", get(IMAGE, "")),
        ("fetch_a_part", get(IMAGE, "Range: bytes=10-20\r\n")),
        ("fetch_parts", get(IMAGE, "Range: bytes=0-1,5-,-3\r\nIf-Range: \"x\"\r\n")),
        ("fetch_if_changed", get(IMAGE, "If-None-Match: *\r\n")),
        ("fetch_if_same", get(IMAGE, "If-Match: \"x\", W/\"y\"\r\n")),
        ("head", format!("HEAD {IMAGE} HTTP/1.1\r\nHost: ocs\r\n\r\n").into_bytes()),
        ("climb", get("/RequestHandler/Files/%2e%2e%2Fx?a=%0A2009-03-06%20b", "")),
        ("no_host", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("other_coding", get("/", "Transfer-Encoding: cow, chunked\r\n")),
        ("old", b"GET / HTTP/1.0\r\n\r\n".to_vec()),
        ("pipeline", [get(IMAGE, ""), post(handler, "", &body), get("/a", "Connection: close\r\n")].concat()),
        ("method", b"DELETE /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: ocs\r\n\r\n".to_vec()),
    ]
}

fn responses() -> Vec<(&'static str, Vec<u8>)> {
    let offer = Codec::default().encode_response(&field::offer());
    let answer = |status: &str, fields: &str, body: &[u8]| {
        [format!("HTTP/1.1 {status}\r\n{fields}\r\n").as_bytes(), body].concat()
    };
    vec![
        ("offer", answer("200 OK", "Content-Type: text/xml\r\n", &offer)),
        ("part", answer("206 Partial Content", "ETag: \"v1\"\r\nContent-Range: bytes 5-9/10\r\n", b"abcde")),
        ("redirect", answer("302 Found", "Location: https://b/c?d=e\r\n", b"")),
        ("redirect_to_http", answer("302 Found", "Location: http://me:x@b/c\r\n", b"")),
        (
            "busy",
            answer(
                "503 Service Unavailable",
                "Retry-After: Fri, 06 Mar 2009 17:10:39 GMT\r\nDate: Fri, 06 Mar 2009 17:10:30 GMT\r\n",
                b"\r\n try\x07 later\n",
            ),
        ),
        ("coded", answer("200 OK", "Content-Encoding: gzip\r\n", &gzip(&offer))),
        (
            "refused",
            answer("401 Unauthorized", "WWW-Authenticate: NTLM\r\n", b"anonymous access is not supported"),
        ),
    ]
}

fn captures() -> Vec<(&'static str, Vec<u8>)> {
    let body = update_request();
    let request = post("/RequestHandler/ucdevice.upx", "", &body);
    let answer = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        &chunked(b"<Response><A/></Response>")[..],
    ]
    .concat();
    let waits = b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let utf_16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    vec![
        ("stream", [request.clone(), answer, waits, body.clone()].concat()),
        ("zipped", gzip(&body)),
        ("deflated", b"HTTP/1.1 200 OK\nContent-Encoding: deflate\nContent-Length: 3\n\nabc".to_vec()),
        ("documents", b"<a>1</a>\n<b x='y'/><b></b> <?xml version='1.0'?><c></c>".to_vec()),
        ("packets", dump(&packet(&request[..120])).into_bytes()),
        ("followed", dump(&request[..60]).into_bytes()),
        ("tcpdump", b"\t0x0000:  4500 0032 0000 0000 4006 0000 0a01 0109\n\t0x0010:  0a01 0101 1388 0050 0000 0000 0000 0000\n\t0x0020:  5018 0000 0000 0000 3c52 6571 7565 7374\n\t0x0030:  2f3e\n".to_vec()),
        ("utf_16", utf_16("POST /a HTTP/1.1\r\n\r\n<a>\u{e4}</a>")),
    ]
}

/// Returns a TCP packet over Ethernet and IPv4.
fn packet(payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0; 12];
    bytes
        .extend([0x08, 0x00, 0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 1, 1, 9, 10, 1, 1, 1]);
    bytes.extend([0x13, 0x88, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

/// Writes bytes as Wireshark does.
fn dump(bytes: &[u8]) -> String {
    let line = |(number, row): (usize, &[u8])| {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:04x}  {}   x\n", number * 16, hex.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

/// Returns a row for each of the foreign sets of fields, which the first byte chooses.
fn logs() -> Vec<(&'static str, Vec<u8>)> {
    let rows = [
        (
            "iis_6",
            "2009-03-06 17:07:20 W3SVC1 OCS 10.1.1.90 POST /RequestHandler/ucdevice.upx a=b 443 DEMO\\phone 10.1.1.123 \
                   HTTP/1.1 Microsoft+UCPhone+Device - - ocs 200 0 0 512 700 15",
        ),
        (
            "iis_10",
            "2009-03-06 17:07:20 10.1.1.90 GET /a.nbt - 80 - 172.18.23.68 x - 200 0 0 15 203.0.113.7:33453,+172.16.0.1",
        ),
        (
            "advanced",
            "2009-03-06 17:07:20.123 /a.nbt - \"C:\\a b\" 200 OCS - 0 1 2 10.1.1.123 GET 15 \"203.0.113.7, 172.16.0.1\" 80 0",
        ),
        (
            "tmg",
            "10.1.1.123\tanonymous\tMicrosoft UCPhone Device\tN\t2009-03-06\t17:07:20\tw3proxy\tTMG\t-\tocs\t10.1.1.90\t80\t15\t\
                 1\t2\thttp\tTCP\tPOST\thttp://ocs/RequestHandler/ucdevice.upx?a=b\t-\tInet\t200\t0x0\tdefault rule",
        ),
        ("reverse_proxy", "2009-03-06 17:07:20 10.1.1.123 GET http://ocs/a.nbt 206 443"),
        ("unknown_names", "a 17:07:20 b 2009-03-06 203.0.113.7 10.1.1.90 c"),
    ];
    let choice = |number: usize| u8::try_from(number).unwrap();
    rows.iter()
        .enumerate()
        .map(|(number, (name, row))| (*name, [&[choice(number)], row.as_bytes()].concat()))
        .collect()
}

#[test]
fn the_seeds_that_code_makes_are_current() {
    for (target, name, bytes) in seeds() {
        check_file(&fuzz().join("corpus").join(target).join(name), &bytes);
    }
}
