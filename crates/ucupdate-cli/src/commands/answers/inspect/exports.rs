//! Reads packets from text formats without a hex dump: C arrays, YAML, JSON with dissected or with
//! raw fields, PDML, rows of hexadecimal digits, `tcpdump -A`, and the text of `tshark -z follow`.

use super::messages::find;
use super::packets::Packet;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The smallest number of bytes that rows of hexadecimal digits must have. A shorter row may be a
/// word.
const LEAST_HEX_BYTES: usize = 16;

/// Returns the packets in the file, by the first format that finds any. Empty if the file has none
/// of these formats.
pub(super) fn packets(file: &[u8]) -> Vec<Packet> {
    let Ok(text) = std::str::from_utf8(file) else { return followed_text(file) };
    let forms = [arrays, yaml, fields, raw_frames, raw_payloads, escaped, hex_rows, ascii_dump];
    let found = forms.iter().map(|form| form(text)).find(|packets| !packets.is_empty());
    found.unwrap_or_else(|| followed_text(file))
}

/// Returns whether a file describes packets in words, without their bytes.
pub(super) fn has_no_bytes(file: &[u8]) -> bool {
    find(file, b"Transmission Control Protocol, Src Port: ").is_some()
}

/// Reads C arrays: `char peer0_0[] = { 0x50, 0x4f, ... };` of a followed stream, and
/// `static const unsigned char pkt1[78] = { ... };` of exported packets.
fn arrays(text: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("char ") {
        rest = &rest[at + 5..];
        let Some((name, behind)) = rest.split_once('[') else { break };
        let Some((size, behind)) = behind.split_once(']') else { break };
        let is_name =
            name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let content = behind.trim_start().strip_prefix('=').map(str::trim_start);
        let content = content.and_then(|behind| behind.strip_prefix('{'));
        let Some(content) = content.filter(|_| is_name && size.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        let (bytes, length) = array(content);
        rest = &content[length..];
        // The bytes of a second array of a packet are in the first one too.
        let is_second = name.starts_with("pkt") && name.contains('_');
        if !bytes.is_empty() && !is_second {
            let peer = name.strip_prefix("peer").and_then(|name| name.split('_').next());
            packets.push(Packet { side: peer.and_then(|peer| peer.parse().ok()).unwrap_or(0), bytes });
        }
    }
    packets
}

/// Returns the bytes of a C array, and the length of its text up to the closing brace. Comments are
/// skipped.
fn array(text: &str) -> (Vec<u8>, usize) {
    let bytes = text.as_bytes();
    let mut numbers = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'}' => break,
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text
                    .get(at + 2..)
                    .and_then(|rest| rest.find("*/"))
                    .map_or(bytes.len(), |end| at + end + 4);
            }
            b'0' if matches!(bytes.get(at + 1), Some(b'x' | b'X')) => {
                let digits =
                    bytes[at + 2..].iter().take(2).take_while(|digit| digit.is_ascii_hexdigit()).count();
                numbers.extend(
                    text.get(at + 2..at + 2 + digits).and_then(|hex| u8::from_str_radix(hex, 16).ok()),
                );
                at += 2 + digits;
            }
            _ => at += 1,
        }
    }
    (numbers, at.min(bytes.len()))
}

/// Reads YAML: `peer0_0: !!binary |` of older programs, and `peer: 0` with `data: !!binary |` of
/// newer ones.
fn yaml(text: &str) -> Vec<Packet> {
    let (mut packets, mut side) = (Vec::new(), 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim().trim_start_matches("- ");
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if key == "peer" {
            side = value.parse().unwrap_or(0);
        }
        let peer = key.strip_prefix("peer").and_then(|key| key.split('_').next());
        if let Some(peer) = peer.and_then(|peer| peer.parse().ok()) {
            side = peer;
        }
        let Some(first) = value.strip_prefix("!!binary") else { continue };
        let mut coded: String = first.trim().trim_matches(['|', '"', '>']).to_owned();
        while let Some(more) = lines.next_if(|line| is_base64(line.trim())) {
            coded.push_str(more.trim());
        }
        if let Ok(bytes) = STANDARD.decode(&coded) {
            packets.push(Packet { side, bytes });
        }
    }
    packets
}

fn is_base64(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// Reads the TCP payloads in exports of dissected packets as JSON and as PDML. The port before a
/// payload says which side sent it.
fn fields(text: &str) -> Vec<Packet> {
    const PAYLOADS: [(&str, &str); 3] =
        [("\"tcp.payload\":", "\""), ("name=\"tcp.payload\"", "value=\""), ("\"tcp_tcp_payload\":", "\"")];
    const PORTS: [(&str, &str); 3] =
        [("\"tcp.srcport\":", "\""), ("name=\"tcp.srcport\"", "show=\""), ("\"tcp_tcp_srcport\":", "\"")];
    let value = |line: &str, [name, before]: [&str; 2]| {
        let (_, rest) = line.split_once(name)?;
        let (_, rest) = rest.split_once(before)?;
        rest.split('"').next().map(str::to_owned)
    };
    let (mut packets, mut side) = (Vec::new(), 0);
    for line in text.lines() {
        if let Some(port) = PORTS.iter().find_map(|(name, before)| value(line, [name, before])) {
            side = port.parse().unwrap_or(0);
        }
        let payload = PAYLOADS.iter().find_map(|(name, before)| value(line, [name, before]));
        if let Some(bytes) = payload.and_then(|payload| hex(&payload)) {
            packets.push(Packet { side, bytes });
        }
    }
    packets
}

/// Reads the frames in the output of `tshark -T jsonraw` and of `-T ek -x`. Examples:
/// `"frame_raw": ["0021...", 0, 60, 0, 1]`, or only the digits.
fn raw_frames(text: &str) -> Vec<Packet> {
    let frames = raw_values(text, "\"frame_raw\"");
    frames.map(|bytes| Packet { side: 0, bytes }).collect()
}

/// Reads the TCP payloads in an export with raw fields that has no frames. The port before a
/// payload says which side sent it.
fn raw_payloads(text: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    for packet in text.split("\"tcp.srcport_raw\"").skip(1) {
        let port = raw_value(packet).unwrap_or_default();
        let side = port.iter().fold(0, |side, byte| (side << 8) | u32::from(*byte));
        let payloads = raw_values(packet, "\"tcp.payload_raw\"");
        packets.extend(payloads.map(|bytes| Packet { side, bytes }));
    }
    packets
}

/// Returns the bytes after each key with this name. Keys without bytes are skipped.
fn raw_values<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = Vec<u8>> + 't {
    text.split(name).skip(1).filter_map(raw_value)
}

/// Reads the hexadecimal digits in `: "0021"` or `: ["0021", 0, 60, 0, 1]`. Line ends may be
/// between the parts. `behind_name` is the text after the key.
fn raw_value(behind_name: &str) -> Option<Vec<u8>> {
    let value = behind_name.trim_start().strip_prefix(':')?.trim_start();
    let value = value.strip_prefix('[').map_or(value, str::trim_start);
    hex(value.strip_prefix('"')?.split('"').next()?)
}

/// Reads bytes such as `"\x50\x4f" \`, which "Copy as Escaped String" of Wireshark writes.
fn escaped(text: &str) -> Vec<Packet> {
    if !text.trim_start().starts_with("\"\\x") {
        return Vec::new();
    }
    let parts = text.split("\\x").skip(1);
    let bytes = parts.filter_map(|part| u8::from_str_radix(part.get(..2)?, 16).ok());
    vec![Packet { side: 0, bytes: bytes.collect() }]
}

/// Reads a file that contains only hexadecimal digits. Each line is a packet, and the lines of the
/// server begin with a tab. The first and last lines of `tshark -z follow,tcp,raw` are skipped.
/// Empty if another line is found.
fn hex_rows(text: &str) -> Vec<Packet> {
    let mut packets = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !is_frame(line)) {
        let Some(bytes) = hex(line.trim()) else { return Vec::new() };
        packets.push(Packet { side: u32::from(line.starts_with('\t')), bytes });
    }
    let bytes: usize = packets.iter().map(|packet| packet.bytes.len()).sum();
    if bytes < LEAST_HEX_BYTES { Vec::new() } else { packets }
}

/// Reads the output of `tcpdump -A`. Each packet has a line with its addresses, and then its
/// characters, with a full stop for each byte that cannot be printed.
///
/// The length of the protocol headers is found at the first packet with an HTTP message. All other
/// packets are assumed to have headers of this length.
fn ascii_dump(text: &str) -> Vec<Packet> {
    let mut dumps: Vec<(&str, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (addresses(line), dumps.last_mut()) {
            (Some(addresses), _) => dumps.push((addresses, String::new())),
            (None, Some((_, dump))) => dump.push_str(line),
            (None, None) => return Vec::new(),
        }
    }
    let begins = |dump: &String| {
        (40..=120).find(|at| {
            let starts = ["POST /", "GET /", "HEAD /", "HTTP/1."];
            dump.get(*at..).is_some_and(|rest| starts.iter().any(|start| rest.starts_with(start)))
        })
    };
    let Some(heads) = dumps.iter().find_map(|(_, dump)| begins(dump)) else { return Vec::new() };
    let mut flows: Vec<&str> = Vec::new();
    let mut packets = Vec::new();
    for (addresses, dump) in &dumps {
        let Some(payload) = dump.get(heads..) else { continue };
        let flow = flows.iter().position(|known| known == addresses).unwrap_or(flows.len());
        if flow == flows.len() {
            flows.push(addresses);
        }
        let payload = payload.strip_suffix('\n').unwrap_or(payload);
        packets.push(Packet { side: u32::try_from(flow).unwrap_or(u32::MAX), bytes: payload.into() });
    }
    packets
}

/// Returns the addresses in a line such as
/// `17:10:39.1 IP 10.1.1.9.5000 > 10.1.1.1.80: Flags [P.], length 10`. `None` for other lines.
fn addresses(line: &str) -> Option<&str> {
    let (time, rest) = line.split_once(" IP")?;
    let is_time = time.ends_with(|last: char| last.is_ascii_digit()) && time.contains(':');
    let rest = rest.strip_prefix('6').unwrap_or(rest).strip_prefix(' ')?;
    let (addresses, _) = rest.split_once(": Flags ").filter(|_| is_time)?;
    addresses.contains(" > ").then_some(addresses)
}

/// Returns whether a line is one of those that `tshark` writes before and after a followed stream.
fn is_frame(line: &str) -> bool {
    ["=====", "Follow: ", "Filter: ", "Node 0: ", "Node 1: "].iter().any(|start| line.starts_with(start))
}

/// Reads hexadecimal digits as bytes. Bytes may be separated by a colon or a blank. `None` if the
/// text has other characters.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b':' | b' ')).collect();
    let is_hex =
        !digits.is_empty() && digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    let separators = text.len() - digits.len();
    if !is_hex || separators > digits.len() / 2 {
        return None;
    }
    let pairs = digits.chunks_exact(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// Reads the output of `tshark -z follow,tcp,ascii`. Before each packet there is a line with its
/// length, which is indented if the server sent the packet.
fn followed_text(file: &[u8]) -> Vec<Packet> {
    let mut rest = file;
    let mut is_followed = false;
    let mut packets = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = (&rest[..end], &rest[end + 1..]);
        let line = String::from_utf8_lossy(line);
        rest = behind;
        if line.trim().is_empty() || is_frame(&line) {
            is_followed |= line.starts_with("Follow: ");
            continue;
        }
        let length = line.trim().parse::<usize>().ok().filter(|_| is_followed);
        let Some(length) = length.filter(|length| *length <= rest.len()) else { break };
        let (bytes, behind) = rest.split_at(length);
        packets.push(Packet { side: u32::from(line.starts_with('\t')), bytes: bytes.to_vec() });
        rest = behind;
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const REQUEST: &[u8] = b"POST /a HTTP/1.1\r\n\r\n<Request>}*/ 0x00</Request>";
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n<Response/>";

    /// Returns the joined bytes of each side of the stream in the file.
    fn sides(file: &str) -> [Vec<u8>; 2] {
        let mut sides = [Vec::new(), Vec::new()];
        for packet in packets(file.as_bytes()) {
            sides[usize::from(packet.side != 0 && packet.side != 5000)].extend(packet.bytes);
        }
        sides
    }

    fn both() -> [Vec<u8>; 2] {
        [REQUEST.to_vec(), ANSWER.to_vec()]
    }

    fn digits(bytes: &[u8], between: &str) -> String {
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(between)
    }

    fn array_of(name: &str, comment: &str, bytes: &[u8]) -> String {
        let rows = bytes.chunks(8).map(|row| format!("0x{}", digits(row, ", 0x"))).collect::<Vec<_>>();
        format!("{name} = {{ /* {comment} */\n{} }};\n", rows.join(", /* PO}. */\n"))
    }

    #[test]
    fn arrays_of_a_followed_stream_and_of_packets_are_read() {
        let file = array_of("char peer0_0[]", "Packet 12", &REQUEST[..20])
            + &array_of("char peer1_0[]", "Packet 14", ANSWER)
            + &array_of("char peer0_1[]", "Packet 16", &REQUEST[20..]);
        assert_eq!(sides(&file), both());
        let exported = array_of("/* Frame (49 bytes) */\nstatic const unsigned char pkt1[49]", "", REQUEST)
            + &array_of("/* Reassembled TCP */\nstatic const unsigned char pkt1_1[49]", "", REQUEST);
        assert_eq!(sides(&exported)[0], REQUEST);
    }

    #[test]
    fn yaml_of_older_and_newer_programs_is_read() {
        let coded = |bytes: &[u8], indent: &str| {
            let coded = STANDARD.encode(bytes);
            let rows =
                coded.as_bytes().chunks(20).map(|row| format!("{indent}{}\n", String::from_utf8_lossy(row)));
            rows.collect::<String>()
        };
        let older = format!(
            "# Packet 4\npeer0_0: !!binary |\n{}# Packet 6\npeer1_0: !!binary |\n{}",
            coded(REQUEST, "  "),
            coded(ANSWER, "  ")
        );
        assert_eq!(sides(&older), both());
        let newer = format!(
            "peers:\n  - peer: 0\n    host: 10.1.1.9\n    port: 5000\n  - peer: 1\n    host: 10.1.1.1\n    port: 80\npackets:\n  - \
             packet: 4\n    peer: 0\n    timestamp: 1.5\n    data: !!binary |\n{}  - packet: 6\n    peer: 1\n    data: !!binary \
             |\n{}",
            coded(REQUEST, "      "),
            coded(ANSWER, "      ")
        );
        assert_eq!(sides(&newer), both());
    }

    #[test]
    fn payloads_in_dissected_packets_are_read() {
        let (request, answer) = (digits(REQUEST, ":"), digits(ANSWER, ":"));
        let json = format!(
            "{{\n \"tcp.srcport\": \"5000\",\n \"tcp.payload\": \"{request}\"\n}},\n{{\n \"tcp.srcport\": \"80\",\n \"tcp.payload\": \
             \"{answer}\"\n}}"
        );
        assert_eq!(sides(&json), both());
        let field = |port: &str, bytes: &[u8]| {
            format!(
                "<field name=\"tcp.srcport\" size=\"2\" show=\"{port}\" value=\"1388\"/>\n<field name=\"tcp.payload\" \
                 show=\"TCP payload\" value=\"{}\"/>\n",
                digits(bytes, "")
            )
        };
        assert_eq!(sides(&(field("5000", REQUEST) + &field("80", ANSWER))), both());
    }

    #[test]
    fn raw_fields_are_read_by_frames_or_by_payloads() {
        let (request, answer) = (digits(REQUEST, ""), digits(ANSWER, ""));
        let raw = |name: &str, digits: &str| {
            format!("        \"{name}\": [\n          \"{digits}\",\n          0,\n          1\n        ]")
        };
        // `frame_raw` is also the end of other names.
        let other = raw("tcp.analysis.acks_frame_raw", "00000002");
        let frames = [&request, &answer].map(|frame| raw("frame_raw", frame) + ",\n" + &other);
        let frames = format!("[{{\n{}\n}}, {{\n{}\n}}]", frames[0], frames[1]);
        assert_eq!(sides(&frames)[0], [REQUEST, ANSWER].concat());
        let lines = format!("{{\"layers\":{{\"frame_raw\":\"{request}\",\"frame\":{{}}}}}}\n");
        assert_eq!(sides(&lines)[0], REQUEST);
        let payload = |port: &str, payload: &str| {
            raw("tcp.srcport_raw", port) + ",\n" + &raw("tcp.payload_raw", payload)
        };
        let payloads = format!("{}\n{}", payload("1388", &request), payload("0050", &answer));
        assert_eq!(sides(&payloads), both());
    }

    #[test]
    fn rows_of_digits_are_read_as_they_are_copied_and_as_a_stream_is_followed() {
        let frame =
            "=====\nFollow: tcp,raw\nFilter: tcp.stream eq 0\nNode 0: 10.1.1.9:5000\nNode 1: 10.1.1.1:80\n";
        let file = format!(
            "{frame}{}\n\t{}\n{}\n=====\n",
            digits(&REQUEST[..9], ""),
            digits(ANSWER, ""),
            digits(&REQUEST[9..], "")
        );
        assert_eq!(sides(&file), both());
        for between in ["", ":", " "] {
            assert_eq!(sides(&digits(REQUEST, between))[0], REQUEST, "{between:?}");
        }
        let mut copied = String::new();
        for row in REQUEST.chunks(16) {
            writeln!(copied, "\"\\x{}\" \\", digits(row, "\\x")).unwrap();
        }
        assert_eq!(sides(&copied)[0], REQUEST);
    }

    #[test]
    fn a_followed_stream_as_text_is_read_by_its_lengths() {
        let frame = "\n=====\nFollow: tcp,ascii\nFilter: tcp.stream eq 0\nNode 0: a:5000\nNode 1: b:80\n";
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = REQUEST.split_at(20);
        let file = format!(
            "{frame}{}\n{}\n{}\n{}\n\t{}\n{}\n=====\n",
            head.len(),
            text(head),
            body.len(),
            text(body),
            ANSWER.len(),
            text(ANSWER)
        );
        assert_eq!(sides(&file), both());
    }

    #[test]
    fn packets_with_their_printable_bytes_are_read_by_the_length_of_the_first_head() {
        let packet = |from: &str, to: &str, payload: &str| {
            let heads = "E..b..@.@.............".to_owned() + &".".repeat(30);
            format!("17:10:39.1 IP {from} > {to}: Flags [P.], length 10: HTTP\n{heads}{payload}\n")
        };
        let (phone, server) = ("10.1.1.9.5000", "10.1.1.1.80");
        let file = packet(phone, server, "")
            + &packet(phone, server, "POST /a HTTP/1.1\n\n<Request>")
            + &packet(phone, server, "</Request>")
            + &packet(server, phone, "HTTP/1.1 200 OK\n\n<Response/>");
        let expected: [&[u8]; 2] =
            [b"POST /a HTTP/1.1\n\n<Request></Request>", b"HTTP/1.1 200 OK\n\n<Response/>"];
        assert_eq!(sides(&file), expected.map(<[u8]>::to_vec));
    }

    #[test]
    fn other_text_is_left_alone() {
        for file in [
            "",
            "abcd",
            "<Request>char a[] = {0}</Request>",
            "50 4f 53\nnot hex",
            "char ",
            "char a[",
            "char a[] = {",
            "char a[] = { /* ",
            "\"\\x5",
            "a: !!binary |",
            "12\nabc",
            "Follow: \n99999\nabc",
            "\"frame_raw\"",
            "\"frame_raw\": [",
            "\"frame_raw\": [\"0",
            "\"tcp.srcport_raw\": [\"xx\"] \"tcp.payload_raw\": 7",
        ] {
            let found = packets(file.as_bytes());
            assert!(found.iter().all(|packet| packet.bytes.is_empty()), "{file}");
        }
    }
}
