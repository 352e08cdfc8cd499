//! Reads packets from a file: hex dumps of Wireshark (exported packets or a followed stream) and of
//! `tcpdump -X`. The modules `exports` and `capture_file` read other formats.

use super::{capture_file, exports};
use std::collections::HashMap;

/// The largest number of packets that are read from a file.
pub(super) const MAX_PACKETS: usize = 100_000;

/// The bytes of one packet: with its protocol headers, or only its payload.
pub(super) struct Packet {
    /// A number that tells the two sides of a followed stream apart: the indentation of the lines,
    /// the number of the peer, or its port. 0 if the file does not say it.
    pub(super) side: u32,
    pub(super) bytes: Vec<u8>,
}

/// Returns the joined payloads of each TCP stream, in the order of the file. Each direction is a
/// separate stream. Empty if the file has no packets.
pub(super) fn streams(file: &[u8]) -> Vec<Vec<u8>> {
    let mut order: Vec<Vec<u8>> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    for packet in packets(file) {
        let (stream, payload) = match tcp_payload(&packet.bytes) {
            Some((addresses, payload)) => (addresses.to_vec(), payload),
            // A followed stream has no headers.
            None => (packet.side.to_be_bytes().to_vec(), &packet.bytes[..]),
        };
        let next = order.len();
        let at = *known.entry(stream).or_insert(next);
        if at == next {
            order.push(Vec::new());
        }
        order[at].extend_from_slice(payload);
    }
    order
}

fn packets(file: &[u8]) -> Vec<Packet> {
    if let Some(packets) = capture_file::packets(file) {
        return packets;
    }
    // Some editors write this mark at the start of a text.
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    let mut packets = dumps(file);
    if packets.is_empty() {
        packets = exports::packets(file);
    }
    packets.truncate(MAX_PACKETS);
    packets
}

/// Reads hex dumps. A line with the offset 0, or with another indentation, begins a new packet.
fn dumps(file: &[u8]) -> Vec<Packet> {
    let mut packets: Vec<Packet> = Vec::new();
    let mut is_open = false;
    for line in file.split(|byte| *byte == b'\n') {
        let Some((indent, offset, bytes)) = std::str::from_utf8(line).ok().and_then(dump_line) else {
            is_open = false;
            continue;
        };
        let is_full = packets.len() == MAX_PACKETS;
        // The offsets of a followed stream continue over its packets.
        let side = u32::try_from(indent).unwrap_or(u32::MAX);
        let goes_on = |last: &&mut Packet| is_open && last.side == side && offset > 0;
        match packets.last_mut().filter(goes_on) {
            Some(last) => last.bytes.extend_from_slice(&bytes),
            None if is_full => break,
            None => packets.push(Packet { side, bytes }),
        }
        is_open = true;
    }
    packets
}

/// Parses a line of a hex dump, such as `0010  50 4f ...  PO` or `0x0010:  504f ...  PO`. Returns
/// its indentation, its offset and its bytes. `None` for other lines.
fn dump_line(line: &str) -> Option<(usize, usize, Vec<u8>)> {
    let line = line.trim_end();
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    let (offset, rest) = trimmed.split_once(char::is_whitespace)?;
    let offset = offset.strip_suffix(':').unwrap_or(offset);
    let digits = offset.strip_prefix("0x").unwrap_or(offset);
    if !(4..=8).contains(&digits.len()) {
        return None;
    }
    let offset = usize::from_str_radix(digits, 16).ok()?;
    let rest = rest.trim_start();
    // Two blanks separate the bytes from their characters. There may also be two blanks in the middle of 16 bytes.
    let mut bytes = Vec::with_capacity(16);
    let mut blanks = 0;
    for word in rest.split(' ') {
        if word.is_empty() {
            blanks += 1;
            continue;
        }
        let is_hex = matches!(word.len(), 2 | 4) && word.bytes().all(|digit| digit.is_ascii_hexdigit());
        let is_middle = blanks == 0 || (blanks == 1 && bytes.len() == 8);
        if !is_hex || !is_middle || bytes.len() >= 16 {
            break;
        }
        blanks = 0;
        for pair in 0..word.len() / 2 {
            bytes.push(u8::from_str_radix(&word[pair * 2..pair * 2 + 2], 16).ok()?);
        }
    }
    (!bytes.is_empty()).then_some((indent, offset, bytes))
}

/// Returns the addresses and ports of a TCP packet, and its payload. `None` for other packets. The
/// IPv4 or IPv6 packet may be inside Ethernet, with or without a VLAN tag, inside a Linux "cooked"
/// capture, or on a loopback interface.
fn tcp_payload(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    [14, 18, 16, 4, 0].into_iter().find_map(|link| {
        let is_ip = match link {
            0 => true,
            // On the loopback of BSD and Windows, the first four bytes are the address family, in
            // the byte order of the machine.
            4 => matches!(packet.get(..4)?, [2, 0, 0, 0] | [0, 0, 0, 2] | [24 | 28 | 30, 0, 0, 0]),
            _ => matches!(packet.get(link - 2..link)?, [0x08, 0x00] | [0x86, 0xDD]),
        };
        is_ip.then(|| ip_payload(packet.get(link..)?))?
    })
}

fn ip_payload(ip: &[u8]) -> Option<(&[u8], &[u8])> {
    const TCP: u8 = 6;
    let (header, total, addresses) = match ip.first()? >> 4 {
        4 => {
            let header = usize::from(ip[0] & 0x0F) * 4;
            let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
            (*ip.get(9)? == TCP && header >= 20).then_some((header, total, 12))?
        }
        6 => {
            let payload = usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?]));
            (*ip.get(6)? == TCP).then_some((40, 40 + payload, 8))?
        }
        _ => return None,
    };
    let tcp = ip.get(header..total.min(ip.len()))?;
    let length = usize::from(tcp.get(12)? >> 4) * 4;
    // Addresses and ports are adjacent if the header has no options.
    let flow = if header == 20 || header == 40 { ip.get(addresses..header + 4)? } else { tcp.get(..4)? };
    (length >= 20).then(|| Some((flow, tcp.get(length..)?)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Returns bytes as a hex dump of Wireshark. The offsets begin at `first`.
    fn dump(bytes: &[u8], indent: &str, first: usize) -> String {
        let mut text = String::new();
        for (line, row) in bytes.chunks(16).enumerate() {
            let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            let middle = if hex.len() > 8 {
                format!("{} {}", hex[..8].join(" "), hex[8..].join(" "))
            } else {
                hex.join(" ")
            };
            let shown: String = row
                .iter()
                .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' })
                .collect();
            writeln!(text, "{indent}{:08x}  {middle:<47}   {shown}", first + line * 16).unwrap();
        }
        text
    }

    /// Returns a TCP packet over Ethernet and IPv4, from `port` to port 80.
    fn packet(payload: &[u8], port: u16) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0x00]);
        let total = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
        bytes.extend([0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 1, 1, 9, 10, 1, 1, 1]);
        bytes.extend(port.to_be_bytes());
        bytes.extend([0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        bytes
    }

    const REQUEST: &[u8] = b"POST /a HTTP/1.1\r\n\r\n<Request>bb ff 00</Request>";

    #[test]
    fn packets_of_an_export_are_joined_by_their_stream() {
        let mut file = "No.     Time           Source\n      1 0.000000 10.1.1.9\n\n".to_owned();
        for (half, port) in [(&REQUEST[..30], 5000), (b"other", 5001), (&REQUEST[30..], 5000)] {
            file += &dump(&packet(half, port), "", 0);
            file += "\nFrame 2: 100 bytes on wire\n\n";
        }
        assert_eq!(streams(file.as_bytes()), [REQUEST.to_vec(), b"other".to_vec()]);
    }

    #[test]
    fn padding_behind_a_short_packet_is_not_payload() {
        let mut bytes = packet(b"", 5000);
        bytes.extend([0; 6]);
        assert_eq!(streams(dump(&bytes, "", 0).as_bytes()), [Vec::<u8>::new()]);
    }

    #[test]
    fn a_followed_stream_has_two_sides() {
        let file = dump(&REQUEST[..20], "", 0)
            + &dump(b"HTTP/1.1 200 OK", "    ", 0)
            + &dump(&REQUEST[20..], "", 20);
        assert_eq!(streams(file.as_bytes()), [REQUEST.to_vec(), b"HTTP/1.1 200 OK".to_vec()]);
    }

    #[test]
    fn a_dump_of_tcpdump_is_read() {
        let bytes = packet(b"<Request/>", 5000);
        let mut file = "17:10:39.1 IP 10.1.1.9.5000 > 10.1.1.1.80: Flags [P.], length 10\n".to_owned();
        for (line, row) in bytes[14..].chunks(16).enumerate() {
            let words: Vec<String> =
                row.chunks(2).map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
            writeln!(file, "\t0x{:04x}:  {:<39}  ....", line * 16, words.join(" ")).unwrap();
        }
        assert_eq!(streams(file.as_bytes()), [b"<Request/>".to_vec()]);
    }

    #[test]
    fn a_body_that_is_no_dump_is_left_alone() {
        for file in ["<Request/>", "1234 text", "0000", "", "POST /a HTTP/1.1\n\nabcd  x"] {
            assert_eq!(streams(file.as_bytes()), Vec::<Vec<u8>>::new(), "{file}");
        }
    }
}
