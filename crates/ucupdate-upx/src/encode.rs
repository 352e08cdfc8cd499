//! Converts messages to bytes in one fixed form.

use crate::dialect::Dialect;
use crate::names::Item;
use ucupdate_core::device::KindWord;
use ucupdate_core::request::{InstalledModule, OfferedModule};
use ucupdate_core::{UpdateRequest, UpdateResponse};

const DECLARATION: &[u8] = br#"<?xml version="1.0" encoding="utf-8"?>"#;

/// The usual size of a message without modules in bytes. [`MODULE_BYTES`] is the size of one module. Both
/// are used to reserve memory.
const MESSAGE_BYTES: usize = 512;
const MODULE_BYTES: usize = 512;

pub(crate) fn request(dialect: &Dialect, request: &UpdateRequest) -> Vec<u8> {
    let mut to = Writer::new(dialect, request.modules.len());
    let device = &request.device;
    to.open_root(Item::RequestRoot, dialect.request_namespace());
    let mut words = KindWord::ALL.into_iter().zip(device.kind.words());
    // The device type is the first item. The other words follow after the identity of the device.
    for (word, text) in words.by_ref().take(1) {
        to.item(Item::of_kind(word), text);
    }
    to.item(Item::UserName, &request.user_name);
    to.item(Item::RequestDateTime, request.request_date_time.raw());
    to.item(Item::MacAddress, device.mac_address.raw());
    to.item(Item::SerialNumber, device.serial_number.raw());
    for (word, text) in words {
        to.item(Item::of_kind(word), text);
    }
    to.open(Item::RequestModules);
    for module in &request.modules {
        to.installed(module);
    }
    to.close(Item::RequestModules);
    to.close(Item::RequestRoot);
    to.bytes
}

pub(crate) fn response(dialect: &Dialect, response: &UpdateResponse) -> Vec<u8> {
    let mut to = Writer::new(dialect, response.modules.len());
    to.open_root(Item::ResponseRoot, dialect.response_namespace());
    to.item(Item::NumOfFiles, &response.modules.len().to_string());
    to.open(Item::ResponseModules);
    for module in &response.modules {
        to.offered(module);
    }
    to.close(Item::ResponseModules);
    to.close(Item::ResponseRoot);
    to.bytes
}

struct Writer<'a> {
    dialect: &'a Dialect,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(dialect: &'a Dialect, modules: usize) -> Self {
        let mut bytes = Vec::with_capacity(MESSAGE_BYTES + modules * MODULE_BYTES);
        bytes.extend_from_slice(DECLARATION);
        Self { dialect, bytes }
    }

    fn installed(&mut self, module: &InstalledModule) {
        self.open(Item::RequestModule);
        self.item(Item::FileName, &module.file_name);
        self.item(Item::Version, module.version.as_str());
        self.item(Item::TimeStamp, module.time_stamp.raw());
        self.close(Item::RequestModule);
    }

    fn offered(&mut self, module: &OfferedModule) {
        self.open(Item::ResponseModule);
        self.item(Item::OfferedFileName, module.file_name.as_str());
        self.item(Item::SignatureFileName, module.signature_file_name.as_str());
        self.item(Item::OfferedVersion, module.version.as_str());
        self.item(Item::OfferedTimeStamp, module.time_stamp.raw());
        self.item(Item::BaseUrl, &module.base_url);
        self.item(Item::ExternalBaseUrl, &module.external_base_url);
        self.close(Item::ResponseModule);
    }

    fn open_root(&mut self, item: Item, namespace: &str) {
        self.bytes.push(b'<');
        self.bytes.extend_from_slice(self.dialect.name(item).as_bytes());
        if !namespace.is_empty() {
            self.bytes.extend_from_slice(b" xmlns=\"");
            for (index, part) in namespace.split('"').enumerate() {
                if index > 0 {
                    self.bytes.extend_from_slice(b"&quot;");
                }
                self.text(part);
            }
            self.bytes.push(b'"');
        }
        self.bytes.push(b'>');
    }

    fn open(&mut self, item: Item) {
        self.bytes.push(b'<');
        self.bytes.extend_from_slice(self.dialect.name(item).as_bytes());
        self.bytes.push(b'>');
    }

    fn close(&mut self, item: Item) {
        self.bytes.extend_from_slice(b"</");
        self.bytes.extend_from_slice(self.dialect.name(item).as_bytes());
        self.bytes.push(b'>');
    }

    fn item(&mut self, item: Item, text: &str) {
        self.open(item);
        self.text(text);
        self.close(item);
    }

    /// Writes a text so that it is read back unchanged. A character that XML 1.0 forbids becomes U+FFFD.
    fn text(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
            let (plain, special) = rest.split_at(at);
            self.bytes.extend_from_slice(plain);
            let (written, length): (&[u8], usize) = match special {
                [b'&', ..] => (b"&amp;", 1),
                [b'<', ..] => (b"&lt;", 1),
                [b'>', ..] => (b"&gt;", 1),
                [b'\r', ..] => (b"&#13;", 1),
                // These are U+FFFE and U+FFFF. Other characters that begin with this byte are written unchanged.
                [0xEF, 0xBF, 0xBE | 0xBF, ..] => (REPLACEMENT, 3),
                [0xEF, ..] => (&[0xEF], 1),
                _ => (REPLACEMENT, 1),
            };
            self.bytes.extend_from_slice(written);
            rest = special.get(length..).unwrap_or_default();
        }
        self.bytes.extend_from_slice(rest);
    }
}

/// The bytes of U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = &[0xEF, 0xBF, 0xBD];

#[inline]
const fn is_special(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | 0xEF) || (byte < b' ' && byte != b'\t' && byte != b'\n')
}
