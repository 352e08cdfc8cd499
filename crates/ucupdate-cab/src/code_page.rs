//! Code pages, which decode the names of files that a cabinet does not mark as UTF-8.

use encoding_rs::Encoding;
use oem_cp::code_table::DECODING_TABLE_CP_MAP;
use oem_cp::code_table_type::TableType;

/// A code page. It decodes file names that have bytes above ASCII and are not marked as UTF-8.
///
/// A cabinet does not state the code page of its names ([MS-CAB] 2.3, `szName`), so the caller chooses it. Names in
/// ASCII and names marked as UTF-8 do not depend on the code page.
///
/// ```
/// use ucupdate_cab::CodePage;
/// assert_eq!(CodePage::default(), CodePage::from_number(1252).unwrap());
/// assert!(CodePage::from_number(437).is_some());
/// assert!(CodePage::from_number(7).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePage(u16);

impl CodePage {
    /// Returns the code page with this number. `None` if the number is not known.
    ///
    /// The known numbers are 1250 to 1258, 874, 932, 936, 949, 950 and 65001 (UTF-8) of Windows, and the single-byte
    /// code pages of DOS, such as 437 and 850.
    pub fn from_number(number: u16) -> Option<Self> {
        let known = windows(number).is_some() || DECODING_TABLE_CP_MAP.contains_key(&number);
        known.then_some(Self(number))
    }

    /// Returns the number by which Windows and DOS know the code page, such as 1252.
    pub fn number(self) -> u16 {
        self.0
    }

    /// Decodes `bytes`. `None` if they are not text in this code page.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        match windows(self.0) {
            Some(encoding) => {
                encoding.decode_without_bom_handling_and_without_replacement(bytes).map(Into::into)
            }
            None => decode_single_bytes(DECODING_TABLE_CP_MAP.get(&self.0)?, bytes),
        }
    }
}

impl Default for CodePage {
    /// Returns Windows-1252, the code page of the western editions of Windows.
    fn default() -> Self {
        Self(1252)
    }
}

/// Decodes bytes in a code page of DOS. Bytes below 128 are ASCII. `table` has the characters of
/// the other bytes. Returns `None` if a byte has no character.
fn decode_single_bytes(table: &TableType, bytes: &[u8]) -> Option<String> {
    let upper = |byte: u8| {
        let index = usize::from(byte & 0x7F);
        match table {
            TableType::Complete(table) => table.get(index).copied(),
            TableType::Incomplete(table) => table.get(index).copied().flatten(),
        }
    };
    bytes.iter().map(|byte| if byte.is_ascii() { Some(char::from(*byte)) } else { upper(*byte) }).collect()
}

fn windows(number: u16) -> Option<&'static Encoding> {
    Some(match number {
        874 => encoding_rs::WINDOWS_874,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        65001 => encoding_rs::UTF_8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_by_the_code_page() {
        let decode = |number, bytes: &[u8]| CodePage::from_number(number).unwrap().decode(bytes);
        assert_eq!(decode(1252, b"Ger\xe4t").as_deref(), Some("Ger\u{e4}t"));
        assert_eq!(decode(437, b"Ger\x84t").as_deref(), Some("Ger\u{e4}t"));
        assert_eq!(decode(850, b"Ger\x84t").as_deref(), Some("Ger\u{e4}t"));
        assert_eq!(decode(1251, b"\xd2\xe5\xeb").as_deref(), Some("\u{422}\u{435}\u{43b}"));
        assert_eq!(decode(932, b"\x83\x65").as_deref(), Some("\u{30c6}"));
        // One letter of the script of each code page, and the number that names it.
        for (number, bytes, text) in [
            (874, &b"\xa1"[..], "\u{e01}"),
            (936, b"\xd6\xd0", "\u{4e2d}"),
            (949, b"\xb0\xa1", "\u{ac00}"),
            (950, b"\xa4\xa4", "\u{4e2d}"),
            (1250, b"\x8a", "\u{160}"),
            (1253, b"\xe1", "\u{3b1}"),
            (1254, b"\xfd", "\u{131}"),
            (1255, b"\xe0", "\u{5d0}"),
            (1256, b"\xc7", "\u{627}"),
            (1257, b"\xe0", "\u{105}"),
            (1258, b"\xf5", "\u{1a1}"),
        ] {
            assert_eq!(decode(number, bytes).as_deref(), Some(text), "{number}");
            assert_eq!(CodePage::from_number(number).unwrap().number(), number);
        }
        assert_eq!(decode(65001, b"\xff"), None);
        assert_eq!(decode(932, b"\x83"), None);
    }
}
