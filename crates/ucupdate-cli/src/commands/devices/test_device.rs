//! `ucupdate test-device`: manages the devices that get pending versions before approval.

use crate::args::change::{ChangeArgs, make};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use ucupdate::book::{BookCommand, TestDevice, TestDeviceName};
use ucupdate::device::{DeviceId, MacAddress, SerialNumber};
use ucupdate_admin::report;

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
    /// The name of the test device, which you choose
    name: TestDeviceName,
    /// The MAC address, such as 00-21-63-0F-20-7B or 0021630F207B
    #[arg(long, required_unless_present = "serial", conflicts_with = "serial")]
    mac: Option<MacAddress>,
    /// The serial number of the device
    #[arg(long)]
    serial: Option<SerialNumber>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The name of the test device
    name: TestDeviceName,
    #[command(flatten)]
    how: ChangeArgs,
}

pub(crate) async fn run(command: TestDeviceCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        TestDeviceCommand::Add(args) => {
            let id = args.mac.map(DeviceId::Mac).or(args.serial.map(DeviceId::Serial));
            let id = id.ok_or_else(|| Failure::new("neither a MAC address nor a serial number is given"))?;
            let device = TestDevice { name: args.name, id: id.clone() };
            make(&BookCommand::AddTestDevice(device), &args.how, context).await?;
            context.note_unseen(&[id]).await;
            Ok(())
        }
        TestDeviceCommand::Remove(args) => {
            make(&BookCommand::RemoveTestDevice(args.name), &args.how, context).await
        }
        TestDeviceCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let heading = ["NAME", "MAC ADDRESS", "SERIAL NUMBER"];
            let mut list = List::new("test_devices", "no test devices", heading);
            for device in service.snapshot().book().test_devices() {
                let TestDevice { name, id } = device;
                let (mac, serial) = match id {
                    DeviceId::Mac(mac) => (Some(mac.to_string()), None),
                    DeviceId::Serial(serial) => (None, Some(serial.to_string())),
                };
                let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
                list.row(report::test_device(device), [name, &cell(mac), &cell(serial)]);
            }
            context.output.result(&list)
        }
    }
}
