//! Reads packets from capture files of tcpdump and Wireshark, in the formats pcap and pcapng.

use super::packets::{MAX_PACKETS, Packet};

/// Returns the packets of a capture file. `None` if the file is not a capture file.
pub(super) fn packets(file: &[u8]) -> Option<Vec<Packet>> {
    match *file.first_chunk()? {
        [0xD4, 0xC3, 0xB2, 0xA1] | [0x4D, 0x3C, 0xB2, 0xA1] => Some(pcap(file, u32::from_le_bytes)),
        [0xA1, 0xB2, 0xC3, 0xD4] | [0xA1, 0xB2, 0x3C, 0x4D] => Some(pcap(file, u32::from_be_bytes)),
        [0x0A, 0x0D, 0x0D, 0x0A] => match *file.get(8..)?.first_chunk()? {
            [0x4D, 0x3C, 0x2B, 0x1A] => Some(pcapng(file, u32::from_le_bytes)),
            [0x1A, 0x2B, 0x3C, 0x4D] => Some(pcapng(file, u32::from_be_bytes)),
            _ => None,
        },
        _ => None,
    }
}

/// Reads the number in the four bytes at offset `at`. `None` if the bytes end before.
fn number(bytes: &[u8], at: usize, order: fn([u8; 4]) -> u32) -> Option<usize> {
    usize::try_from(order(*bytes.get(at..)?.first_chunk()?)).ok()
}

/// Reads the packets of a pcap file, after its header of 24 bytes. Each packet has a header of 16
/// bytes, whose third number is the length. Reading ends at a packet that was cut off.
fn pcap(file: &[u8], order: fn([u8; 4]) -> u32) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut rest = file.get(24..).unwrap_or_default();
    while let Some(length) = number(rest, 8, order).filter(|_| packets.len() < MAX_PACKETS) {
        let Some(bytes) = rest.get(16..).and_then(|rest| rest.get(..length)) else { break };
        packets.push(Packet { side: 0, bytes: bytes.to_vec() });
        rest = &rest[16 + length..];
    }
    packets
}

/// Reads the blocks of a pcapng file that contain packets. Each block begins with its kind and its
/// length.
fn pcapng(file: &[u8], order: fn([u8; 4]) -> u32) -> Vec<Packet> {
    const ENHANCED: usize = 6;
    const SIMPLE: usize = 3;
    let mut packets = Vec::new();
    let mut rest = file;
    while let Some((kind, length)) = number(rest, 0, order).zip(number(rest, 4, order)) {
        let Some(block) = rest.get(..length).filter(|block| block.len() >= 12) else { break };
        rest = &rest[length..];
        let packet = match kind {
            ENHANCED => number(block, 20, order).zip(block.get(28..)),
            SIMPLE => number(block, 8, order).zip(block.get(12..block.len() - 4)),
            _ => None,
        };
        if let Some((captured, bytes)) = packet.filter(|_| packets.len() < MAX_PACKETS) {
            packets.push(Packet { side: 0, bytes: bytes[..captured.min(bytes.len())].to_vec() });
        }
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: [&[u8]; 2] = [b"first", b"the second"];

    fn bytes(file: &[u8]) -> Option<Vec<Vec<u8>>> {
        packets(file).map(|packets| packets.into_iter().map(|packet| packet.bytes).collect())
    }

    fn small(number: usize) -> [u8; 4] {
        u32::try_from(number).unwrap().to_be_bytes()
    }

    fn pcap_file() -> Vec<u8> {
        let mut file = vec![0xA1, 0xB2, 0xC3, 0xD4];
        file.resize(24, 0);
        for packet in PACKETS {
            file.extend([0; 8]);
            file.extend(small(packet.len()));
            file.extend(small(packet.len()));
            file.extend(packet);
        }
        file
    }

    fn pcapng_file() -> Vec<u8> {
        let mut file = [0x0A, 0x0D, 0x0D, 0x0A, 0, 0, 0, 28, 0x1A, 0x2B, 0x3C, 0x4D].to_vec();
        file.resize(28, 0);
        for packet in PACKETS {
            let padded = packet.len().next_multiple_of(4);
            file.extend([small(6), small(32 + padded), [0; 4], [0; 4], [0; 4], small(packet.len())].concat());
            file.extend(small(packet.len()));
            file.extend(packet);
            file.resize(file.len() + padded - packet.len(), 0);
            file.extend(small(32 + padded));
        }
        file
    }

    #[test]
    fn packets_of_both_forms_are_read() {
        let expected = Some(PACKETS.map(<[u8]>::to_vec).to_vec());
        assert_eq!(bytes(&pcap_file()), expected);
        assert_eq!(bytes(&pcapng_file()), expected);
    }

    #[test]
    fn a_file_that_is_cut_anywhere_ends() {
        for file in [pcap_file(), pcapng_file()] {
            for end in 0..file.len() {
                let _found = bytes(&file[..end]);
            }
            let mut endless = file;
            endless[4..].fill(0);
            let _found = bytes(&endless);
        }
        assert_eq!(bytes(b"POST / HTTP/1.1"), None);
    }
}
