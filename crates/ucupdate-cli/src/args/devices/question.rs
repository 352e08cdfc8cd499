//! The request of a device, from the command line: a file with a request, the options of a device,
//! or its last request in the logs.

use crate::args::devices::device_or_group;
use crate::args::devices::last_request::{LastRequest, last_request};
use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::devices::side::SideName;
use crate::args::dialect::DialectArgs;
use crate::args::logs::audit::AuditArgs;
use crate::args::number::address;
use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::files;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use ucupdate::device::{Device, DeviceKind, MacAddress, SerialNumber};
use ucupdate::request::{AskedFrom, InstalledModule, Side, UpdateRequest};
use ucupdate::value::{Reported, UnixTime};
use ucupdate::version::ReportedVersion;

// A dialect is for reading a file.
#[derive(Debug, clap::Args)]
#[command(mut_arg("dialect", |dialect| dialect.conflicts_with_all(["device", "mac", "serial"])))]
pub(crate) struct QuestionArgs {
    /// The file with the request of a device
    #[arg(value_name = "REQUEST.xml", conflicts_with_all = ["device", "mac", "serial"])]
    request: Option<PathBuf>,
    #[command(flatten)]
    dialect: DialectArgs,
    /// The kind of a device instead of a request, such as UCPhone/LG-Nortel/IP8540/A/ENU
    #[arg(long, value_name = "TYPE/VENDOR/MODEL/REVISION/LOCALE", requires = "installed")]
    device: Option<DeviceKind>,
    /// The version that the device has
    #[arg(long, value_name = "VERSION", requires = "device", conflicts_with = "request")]
    installed: Option<String>,
    /// The file that the device asks about [default: cpe.nbt]
    #[arg(long, requires = "device")]
    file: Option<String>,
    /// The MAC address. Without --device, the last request of this device in the logs of the store is used
    #[arg(long)]
    mac: Option<MacAddress>,
    /// The serial number. Without --device, the last request of this device in the logs of the store is used
    #[arg(long)]
    serial: Option<SerialNumber>,
    /// The user who signed in last, such as ann@contoso.com
    #[arg(long, requires = "device")]
    user: Option<String>,
    /// The address of the device
    #[arg(long, value_name = "IP", value_parser = address)]
    from: Option<IpAddr>,
    /// The side of the device
    #[arg(long)]
    side: Option<SideName>,
}

/// A request, and the address and side from which it comes.
#[derive(Debug)]
pub(crate) struct DeviceQuestion {
    pub(crate) request: UpdateRequest,
    pub(crate) from: AskedFrom,
    /// The modules of the request that could not be read, with the reasons.
    pub(crate) skipped: Vec<String>,
    /// The paths of items (XML elements or attributes) of the request that the dialect does not
    /// know.
    pub(crate) unknown: Vec<String>,
}

impl DeviceQuestion {
    /// Writes messages about the parts that were skipped. Writes nothing with `--json`, because
    /// they are part of the JSON result.
    pub(crate) fn report_skipped(&self, context: &mut Context) {
        if context.output.is_json() {
            return;
        }
        self.skipped.iter().for_each(|skipped| context.output.message(format_args!("skipped: {skipped}")));
        self.unknown.iter().for_each(|path| context.output.message(format_args!("not known: {path}")));
    }
}

impl QuestionArgs {
    /// Returns the request that the arguments describe. `until` limits the search for the last
    /// request of a device. Fails when the file cannot be read or is not a request, or when the
    /// logs have no request of the device.
    pub(crate) async fn asked(
        self,
        until: Option<UnixTime>,
        context: &mut Context,
    ) -> Result<DeviceQuestion, Failure> {
        let from = AskedFrom { side: self.side.map(Side::from), address: self.from };
        if self.device.is_none()
            && let Some(device) = device_or_group::device(self.mac, self.serial.clone())
        {
            let selected = SelectedDevices::device(&device);
            let last = last_request(&selected, until, &AuditArgs::default(), context).await?;
            return asked_last(&last, from);
        }
        let Some(kind) = self.device else {
            let path = self.request.ok_or_else(|| Failure::usage("expected REQUEST.xml or --device"))?;
            let dialect = self.dialect;
            return files::blocking(move || read(&path, &dialect, from)).await;
        };
        let module = InstalledModule {
            file_name: self.file.as_deref().unwrap_or("cpe.nbt").into(),
            version: ReportedVersion::new(&self.installed.unwrap_or_default()),
            time_stamp: Reported::default(),
        };
        let device = Device {
            kind,
            mac_address: self.mac.map_or_else(Reported::default, Reported::from),
            serial_number: self.serial.map_or_else(Reported::default, Reported::from),
        };
        let request = UpdateRequest {
            device,
            user_name: self.user.unwrap_or_default().into(),
            request_date_time: Reported::default(),
            modules: vec![module],
        };
        Ok(DeviceQuestion { request, from, skipped: Vec::new(), unknown: Vec::new() })
    }
}

/// Returns the last request of a device. If `from` has no address, the address of the last request
/// is used. If `from` has no side, the side of the last offer is used. Fails when the device did
/// not report a complete kind.
pub(crate) fn asked_last(last: &LastRequest, from: AskedFrom) -> Result<DeviceQuestion, Failure> {
    let request = last.device.request().ok_or_else(|| {
        Failure::not_understood(format_args!(
            "the last request of the device has no complete kind: {}",
            last.device.kind
        ))
    })?;
    let address = from.address.or_else(|| last.device.user_host.parse().ok());
    let from = AskedFrom { side: from.side.or(last.side), address };
    Ok(DeviceQuestion { request, from, skipped: Vec::new(), unknown: Vec::new() })
}

fn read(path: &Path, dialect: &DialectArgs, from: AskedFrom) -> Result<DeviceQuestion, Failure> {
    let codec = dialect.codec()?;
    let body = files::read(path, codec.limits().xml().bytes())?;
    let decoded = codec
        .decode_request(&body)
        .map_err(|error| Failure::not_understood(format_args!("{}: {}", path.display(), chain(&error))))?;
    Ok(DeviceQuestion {
        from,
        skipped: decoded.skipped.iter().map(ToString::to_string).collect(),
        unknown: decoded.unknown.iter().map(|item| item.path.to_string()).collect(),
        request: decoded.value,
    })
}
