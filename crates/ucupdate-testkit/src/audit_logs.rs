//! Audit logs of any size, for measurements of code that reads them.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use ucupdate::audit::{AUDIT_HEADER, AuditFormat, AuditRow, OfferedCell, RequestedCell};
use ucupdate::value::{Reported, UnixTime};
use ucupdate::version::ReportedVersion;

/// The number of days. Each day has one log file.
const DAYS: u64 = 10;

/// The first day: 2026-03-01.
const FIRST_DAY: i64 = 1_772_323_200;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

const KINDS: [[&str; 3]; 5] = [
    ["LG-Nortel", "IP8540", "A"],
    ["Polycom", "CX700", "A"],
    ["Polycom", "CX600", "B"],
    ["AudioCodes", "420HD", "C"],
    ["Yealink", "T48", "A"],
];

/// The firmware versions from the oldest to the newest. On later days a device may have a newer
/// one.
const VERSIONS: [&str; 4] = ["1.0.522.34", "3.5.6907.0", "4.0.7577.0", "4.0.7577.4100"];

/// Writes the audit logs of ten days into a folder, one log a day. They have `rows` rows in order
/// of time, from `devices` devices.
///
/// Equal arguments make equal logs.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, rows: u64, devices: u64) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let format = AuditFormat::new();
    let rows_per_day = rows.div_ceil(DAYS).max(1);
    for day in 0..DAYS {
        let name = format!("RequestHandlerAuditLog_ocs01_2026-03-{:02}.log", day + 1);
        let mut log = BufWriter::with_capacity(1 << 20, File::create(folder.join(name))?);
        log.write_all(AUDIT_HEADER.as_bytes())?;
        let first = day * rows_per_day;
        for number in first..(first + rows_per_day).min(rows) {
            let second = (number - first) * SECONDS_PER_DAY / rows_per_day;
            let at = FIRST_DAY + i64::try_from(day * SECONDS_PER_DAY + second).unwrap_or(0);
            let row = row(number % devices.max(1), day, UnixTime::from_seconds(at));
            log.write_all(format.line(&row).as_str().as_bytes())?;
        }
        log.flush()?;
    }
    Ok(())
}

fn row(device: u64, day: u64, at: UnixTime) -> AuditRow {
    // Scatters the devices over kinds and versions.
    let mixed = device.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let [vendor, model, revision] = KINDS[usize::try_from(mixed % 5).unwrap_or(0)];
    let age = usize::try_from((mixed / 5 % 4 + day / 4).min(3)).unwrap_or(0);
    let stamp = Reported::new("16-12-2008 04:43:58");
    let mut row = AuditRow {
        logged_at: at,
        user_name: format!("user{device}@contoso.com").into(),
        user_host: format!("10.{}.{}.{}", device >> 16 & 255, device >> 8 & 255, device & 255).into(),
        request_date_time: Reported::new(&at.civil_utc().to_string()),
        mac_address: Reported::new(&format!("{:012X}", 0x0021_6300_0000 + device)),
        serial_number: Reported::new(&format!("C{device:010}")),
        requested: vec![RequestedCell {
            file_name: "cpe.nbt".into(),
            version: ReportedVersion::new(VERSIONS[age]),
            time_stamp: stamp.clone(),
        }],
        ..AuditRow::default()
    };
    row.kind.device_type = "UCPhone".into();
    row.kind.vendor = vendor.into();
    row.kind.model = model.into();
    row.kind.hardware_revision = revision.into();
    row.kind.locale = "ENU".into();
    if let Some(next) = VERSIONS.get(age + 1).filter(|_| mixed.is_multiple_of(3)) {
        let url = format!(
            "http://ocs/DeviceUpdateFiles_Int/UCPhone/{vendor}/{model}/{revision}/ENU/{next}/CPE/CPE.nbt"
        );
        row.offered =
            vec![OfferedCell { url: url.into(), version: ReportedVersion::new(next), time_stamp: stamp }];
    }
    row
}
