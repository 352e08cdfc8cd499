//! `ucupdate test-device`: the devices that get a pending version before everybody does.

use crate::args::change::{ChangeArgs, make};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::book::{BookCommand, TestDevice, TestDeviceName};
use ucupdate::device::{DeviceId, MacAddress, SerialNumber};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum TestDeviceCommand {
    /// Add a test device
    Add(AddArgs),
    /// List the test devices
    List,
    /// Remove a test device
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// A name for it, for people
    name: TestDeviceName,
    /// Its MAC address, as 00-21-63-0F-20-7B or 0021630F207B
    #[arg(long, required_unless_present = "serial", conflicts_with = "serial")]
    mac: Option<MacAddress>,
    /// Its serial number
    #[arg(long)]
    serial: Option<SerialNumber>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: TestDeviceName,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    test_devices: Vec<DeviceReport>,
}

#[derive(Debug, Serialize)]
struct DeviceReport {
    name: String,
    /// The MAC address it is known by, if by that.
    mac: Option<String>,
    /// The serial number it is known by, if by that.
    serial: Option<String>,
}

impl DeviceReport {
    fn of(device: &TestDevice) -> Self {
        let (mac, serial) = match &device.id {
            DeviceId::Mac(mac) => (Some(mac.to_string()), None),
            DeviceId::Serial(serial) => (None, Some(serial.to_string())),
        };
        Self { name: device.name.to_string(), mac, serial }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.test_devices.is_empty() {
            return f.write_str("no test devices");
        }
        let mut table = Table::new(["NAME", "MAC ADDRESS", "SERIAL NUMBER"]);
        for device in &self.test_devices {
            let text = |of: &Option<String>| of.clone().unwrap_or_else(|| "-".to_owned());
            table.row([&device.name, &text(&device.mac), &text(&device.serial)]);
        }
        table.fmt(f)
    }
}

pub(crate) async fn run(command: TestDeviceCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        TestDeviceCommand::Add(args) => {
            let id = args.mac.map(DeviceId::Mac).or(args.serial.map(DeviceId::Serial));
            let id = id.ok_or_else(|| Failure::new("neither a MAC address nor a serial number is given"))?;
            let device = TestDevice { name: args.name, id };
            make(&BookCommand::AddTestDevice(device), &args.how, context).await
        }
        TestDeviceCommand::Remove(args) => {
            make(&BookCommand::RemoveTestDevice(args.name), &args.how, context).await
        }
        TestDeviceCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let test_devices = service.snapshot().book().test_devices().map(DeviceReport::of).collect();
            context.output.result(&Report { test_devices })
        }
    }
}
