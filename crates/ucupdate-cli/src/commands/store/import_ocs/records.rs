//! Reads objects that PowerShell has printed: as a list (`Format-List`), as a table of
//! `Export-Csv`, or as the XML of `Export-Clixml`.

use ucupdate_xml::{XmlElement, XmlLimits};

/// One object: the names and values of its properties, in the order of the file. ASCII case is
/// ignored when names are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record(Vec<(String, String)>);

/// The largest number of objects in a file.
const MAX_RECORDS: usize = 10_000;

/// The largest number of properties of an object. Further ones are ignored.
const MAX_FIELDS: usize = 200;

impl Record {
    /// Returns the value of the first of these names that the object has. `None` if the value is
    /// blank, or if the object has none of the names.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        let named = |name: &str| self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = names.iter().find_map(|name| named(name))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    fn push(&mut self, name: &str, value: &str) {
        if self.0.len() < MAX_FIELDS {
            self.0.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

/// Reads the objects in a file.
///
/// # Errors
/// When no object can be read, or when there are too many. The error is a sentence that says what
/// was expected.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record>, String> {
    let text = decoded(bytes)?;
    let start = text.trim_start();
    let records = if start.starts_with('<') {
        from_clixml(start.as_bytes())?
    } else if start.starts_with("#TYPE")
        || first_line(start).contains("\",\"")
        || first_line(start).contains("\";\"")
    {
        from_csv(start)
    } else {
        from_list(start)
    };
    if records.len() > MAX_RECORDS {
        return Err(format!("has more than {MAX_RECORDS} objects"));
    }
    if records.is_empty() {
        return Err(
            "has no objects, expected what `Get-CsDeviceUpdateRule` or `Get-CsTestDevice` prints: as a list \
                    (`| Format-List`), by `Export-Csv`, or by `Export-Clixml`"
                .to_owned(),
        );
    }
    Ok(records)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Decodes a file that PowerShell has written: UTF-8, or UTF-16 with a byte order mark.
fn decoded(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| "is not valid UTF-16".to_owned())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            String::from_utf8(bytes.to_vec())
                .map_err(|_| "is neither UTF-8 nor UTF-16 with a mark".to_owned())
        }
    }
}

/// Reads lines such as `Name : value`. A blank line ends an object, and an indented line continues
/// the value before it.
fn from_list(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut record = Record::default();
    for line in text.lines() {
        if line.trim().is_empty() {
            if !record.0.is_empty() {
                records.push(std::mem::take(&mut record));
            }
            continue;
        }
        let is_indented = line.starts_with([' ', '\t']);
        match line.split_once(':') {
            Some((name, value)) if !is_indented && is_name(name.trim()) => record.push(name, value),
            _ => {
                if let Some((_, value)) = record.0.last_mut() {
                    value.push_str(line.trim());
                }
            }
        }
        if records.len() > MAX_RECORDS {
            break;
        }
    }
    if !record.0.is_empty() {
        records.push(record);
    }
    records
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads a table with a heading. Its cells may be quoted, and are separated by commas, semicolons
/// or tabs.
fn from_csv(text: &str) -> Vec<Record> {
    let mut lines = text.lines().filter(|line| !line.starts_with("#TYPE") && !line.trim().is_empty());
    let Some(head) = lines.next() else { return Vec::new() };
    let separator = [',', ';', '\t'].into_iter().max_by_key(|separator| head.matches(*separator).count());
    let separator = separator.unwrap_or(',');
    let names = cells(head, separator);
    let record = |line: &str| {
        let mut record = Record::default();
        names.iter().zip(cells(line, separator)).for_each(|(name, value)| record.push(name, &value));
        record
    };
    lines.take(MAX_RECORDS + 1).map(record).collect()
}

fn cells(line: &str, separator: char) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(cell) = cells.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => cells.push(String::new()),
            _ => cell.push(character),
        }
    }
    cells
}

/// Reads the properties of each element `Obj` below the root. A property is an element whose
/// attribute `N` is its name.
fn from_clixml(bytes: &[u8]) -> Result<Vec<Record>, String> {
    let limits = XmlLimits::default()
        .with_bytes(super::MAX_LIST_BYTES)
        .with_elements(1_000_000)
        .with_markup(4_000_000)
        .with_depth(64);
    let root = XmlElement::read(bytes, &limits).map_err(|error| format!("cannot be read as XML: {error}"))?;
    if !root.name.eq_ignore_ascii_case("Objs") {
        return Err(format!("begins with <{}>, expected <Objs> of Export-Clixml", root.name));
    }
    let objects = root.children.iter().filter(|child| child.name == "Obj");
    Ok(objects.take(MAX_RECORDS + 1).map(record_of).collect())
}

fn record_of(object: &XmlElement) -> Record {
    let mut record = Record::default();
    for group in object.children.iter().filter(|child| child.name == "Props" || child.name == "MS") {
        for property in &group.children {
            let name = property.attributes.iter().find(|(name, _)| name == "N");
            let Some((_, name)) = name else { continue };
            // The value of an enumeration is an object with a text.
            let text = property.children.iter().find(|child| child.name == "ToString");
            record.push(name, text.map_or(&property.text, |text| &text.text));
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\nIdentity        : Service:WebServer:pool0.contoso.com/2de8cbf6-9441-4f61\n                  -b755\nDeviceType      : UCPhone\nBrand           : Microsoft\nApprovedVersion :\nPendingVersion  : 4.0.7577.4066\n\nDeviceType : UCPhone\nBrand : Polycom\n";

    fn check(records: &[Record]) {
        assert_eq!(records.len(), 2, "{records:?}");
        assert_eq!(records[0].get(&["DeviceType"]), Some("UCPhone"));
        assert_eq!(records[0].get(&["Vendor", "brand"]), Some("Microsoft"));
        assert_eq!(records[0].get(&["ApprovedVersion"]), None);
        assert_eq!(records[0].get(&["PendingVersion"]), Some("4.0.7577.4066"));
        assert_eq!(records[1].get(&["Brand"]), Some("Polycom"));
    }

    #[test]
    fn a_list_a_table_and_clixml_say_the_same() {
        let list = read(LIST.as_bytes()).unwrap();
        check(&list);
        assert_eq!(
            list[0].get(&["Identity"]),
            Some("Service:WebServer:pool0.contoso.com/2de8cbf6-9441-4f61-b755")
        );
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain(LIST.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        check(&read(&utf16).unwrap());
        for separator in [",", ";"] {
            let csv = "#TYPE Rule\r\n\"DeviceType\",\"Brand\",\"ApprovedVersion\",\"PendingVersion\"\r\n\
                       \"UCPhone\",\"Microsoft\",,\"4.0.7577.4066\"\r\n\"UCPhone\",\"Polycom\",\"\",\"\"\r\n";
            check(&read(csv.replace(',', separator).as_bytes()).unwrap());
        }
        let xml = "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj RefId=\"0\">\
                   <TN RefId=\"0\"><T>Rule</T></TN><ToString>x</ToString><Props><S N=\"DeviceType\">UCPhone</S>\
                   <S N=\"Brand\">Microsoft</S><Nil N=\"ApprovedVersion\" /><Obj N=\"PendingVersion\" RefId=\"1\">\
                   <ToString>4.0.7577.4066</ToString></Obj></Props></Obj><Obj RefId=\"2\"><Props>\
                   <S N=\"DeviceType\">UCPhone</S><S N=\"Brand\">Polycom</S></Props></Obj></Objs>";
        check(&read(xml.as_bytes()).unwrap());
    }

    #[test]
    fn what_is_no_list_says_what_was_expected() {
        for noise in [&b""[..], b"DeviceType Brand Model\n---------- ----- -----\n", b"\xff\xfe\x00", b"\x80"]
        {
            assert!(read(noise).is_err(), "{noise:?}");
        }
        assert!(read(b"<html></html>").unwrap_err().contains("expected <Objs>"));
        assert!(read(b"<Objs><Obj>").is_err());
        assert!(read(b"<Objs></Objs>").unwrap_err().contains("Export-Clixml"));
    }
}
