//! Makes a program that contains a cabinet, for tests and samples.

/// Returns a small Windows program with `cabinet` after its last section, like self-extracting updates.
///
/// The program is for tests and samples. When it is started, it ends immediately. It contains the
/// letters `MSCF` twice where no cabinet begins, as the code of real self-extracting programs does.
pub fn self_extracting(cabinet: &[u8]) -> Vec<u8> {
    let mut program = pe_stub();
    program.extend_from_slice(cabinet);
    program
}

/// Returns a PE32 image with one section, 1024 bytes long: the headers, then `xor eax, eax; ret`, then texts with
/// `MSCF`.
fn pe_stub() -> Vec<u8> {
    const HEADER_AT: usize = 0x80;
    const SECTION_AT: usize = 0x200;
    let mut stub = vec![0; 2 * SECTION_AT];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(target) = stub.get_mut(at..at + bytes.len()) {
            target.copy_from_slice(bytes);
        }
    };
    put(0, b"MZ");
    put(0x3C, &[0x80, 0, 0, 0]);
    put(0x40, b"This program cannot be run in DOS mode.\r\n$");
    // The file header: i386, one section, an optional header of 0xE0 bytes, executable and 32-bit.
    put(HEADER_AT, b"PE\0\0\x4C\x01\x01\0");
    put(HEADER_AT + 20, &[0xE0, 0, 0x02, 0x01]);
    // The optional header: PE32, entry at 0x1000, base 0x400000, alignments, Windows 4.0, sizes, console.
    let optional = HEADER_AT + 24;
    for (at, number) in [
        (0, 0x0000_010B_u32),
        (4, 0x200),
        (16, 0x1000),
        (20, 0x1000),
        (24, 0x2000),
        (28, 0x0040_0000),
        (32, 0x1000),
        (36, 0x200),
        (40, 4),
        (48, 4),
        (56, 0x2000),
        (60, 0x200),
        (68, 3),
        (72, 0x10_0000),
        (76, 0x1000),
        (80, 0x10_0000),
        (84, 0x1000),
        (92, 16),
    ] {
        put(optional + at, &number.to_le_bytes());
    }
    let section = optional + 0xE0;
    put(section, b".text");
    for (at, number) in [(8, 0x200_u32), (12, 0x1000), (16, 0x200), (20, 0x200), (36, 0x6000_0020)] {
        put(section + at, &number.to_le_bytes());
    }
    put(SECTION_AT, &[0x31, 0xC0, 0xC3]);
    put(SECTION_AT + 0x40, b"MSCF\0\0\0\0");
    put(SECTION_AT + 0x80, b"expected MSCF at the begin of the cabinet\0");
    stub
}
