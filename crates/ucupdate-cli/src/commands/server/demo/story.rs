//! The steps of the demo. They first update the phone that an audit log of OCS of 2009 names. Then
//! they update another phone, which asks at the path of the oldest firmware.

use super::steps::DemoOutput;
use crate::failure::Failure;
use std::path::Path;
use ucupdate::UpdateService;
use ucupdate::audit::LogKind;
use ucupdate::book::{RuleKey, TestDevice};
use ucupdate::decide::Explanation;
use ucupdate::device::{Device, DeviceId, MacAddress, SerialNumber};
use ucupdate::request::{AskedFrom, Side};
use ucupdate::store::{ImageStoreExt as _, stream_of};
use ucupdate::value::{FieldTime, Reported};
use ucupdate_cab::package::sample;
use ucupdate_client::{Client, ClientOptions, SimulatedDevice, Update, Verification};

const HANDLER: &str = "/RequestHandler/ucdevice.upx";
/// The path of the request handler for a phone with firmware 1.0.452.0.
const OLD_HANDLER: &str = "/UCDeviceUpdates/ucdevice.upx";

const AUTHOR: &str = "demo";

/// The largest size of the audit log in bytes.
const MAX_LOG_BYTES: usize = 1024 * 1024;

/// The state of the demo: the server, the client of the phones, and the output.
pub(crate) struct Story<'a, 'c> {
    service: &'a UpdateService,
    /// The origin of the server, such as `http://127.0.0.1:40001`.
    url: &'a str,
    folder: &'a Path,
    client: Client,
    printer: &'a mut DemoOutput<'c>,
}

impl<'a, 'c> Story<'a, 'c> {
    pub(crate) fn new(
        service: &'a UpdateService,
        url: &'a str,
        folder: &'a Path,
        printer: &'a mut DemoOutput<'c>,
    ) -> Result<Self, Failure> {
        let client = Client::new(ClientOptions::default().with_system_roots(false))?;
        Ok(Self { service, url, folder, client, printer })
    }

    /// Runs the demo, from the package to the audit log.
    pub(crate) async fn run(&mut self) -> Result<(), Failure> {
        self.package_comes_in().await?;
        self.test_device_is_updated().await?;
        self.everybody_is_updated().await?;
        self.audit_log_tells().await
    }

    async fn package_comes_in(&mut self) -> Result<(), Failure> {
        self.printer.step("A package comes in: UCUpdates.cab, with firmware for two models of phones.")?;
        let cabinet = stream_of(sample::uc_updates(sample::IMAGE_BYTES));
        let ingested = self.service.admin(AUTHOR).ingest("UCUpdates.cab", cabinet, |_| {}).await?;
        for note in &ingested.notes {
            self.printer.line(note)?;
        }
        Ok(())
    }

    async fn test_device_is_updated(&mut self) -> Result<(), Failure> {
        let rule = sample::ip8540();
        let mut phone = test_phone();
        self.printer.step("A phone asks: an LG-Nortel IP8540 that knows no version of its own.")?;
        self.asks(&mut phone, HANDLER, None).await?;

        self.printer.step(
            "It becomes a test device, so that it gets the pending version before all other devices.",
        )?;
        let mac = phone.device().mac_address.read().copied();
        let id = DeviceId::Mac(mac.ok_or_else(|| Failure::new("the phone has no MAC address"))?);
        let device = TestDevice { name: "Rui's phone".parse()?, id };
        for note in self.service.admin(AUTHOR).add_test_device(device).await?.notes {
            self.printer.line(note)?;
        }

        self.printer.step("It asks again. Its version is too old for the new firmware, so it must install an interim image first.")?;
        self.asks(&mut phone, HANDLER, Some(sample::INTERIM_VERSION)).await?;

        self.printer.step("It asks after the reboot, and gets the new firmware.")?;
        self.asks(&mut phone, HANDLER, Some(sample::IP8540_VERSION)).await?;
        self.printer.line(format_args!("For all other devices the version of {rule} is still pending."))
    }

    async fn everybody_is_updated(&mut self) -> Result<(), Failure> {
        let rule = sample::cx700();
        self.printer.step("An administrator approves the firmware of the other model for all devices.")?;
        for note in self.service.admin(AUTHOR).approve(vec![rule.clone()]).await?.notes {
            self.printer.line(note)?;
        }

        let mut phone = SimulatedDevice::new(device(&rule, "0004F2A1B2C3", ""))
            .with_installed("1.0.452.0", FieldTime::FILETIME_ZERO);
        self.printer.step(format_args!(
            "A Polycom CX700 asks whose firmware is so old that it asks at {OLD_HANDLER}."
        ))?;
        self.asks(&mut phone, OLD_HANDLER, Some(sample::INTERIM_VERSION)).await?;

        self.printer.step(format_args!(
            "It asks after the reboot, now at {HANDLER}, and once more after the next."
        ))?;
        self.asks(&mut phone, HANDLER, Some(sample::CX700_VERSION)).await?;
        self.asks(&mut phone, HANDLER, None).await
    }

    /// Makes a phone send a request, download the offer and install it. Fails when the offered
    /// version is not `expected`; `None` means no offer.
    async fn asks(
        &mut self,
        phone: &mut SimulatedDevice,
        handler: &str,
        expected: Option<&str>,
    ) -> Result<(), Failure> {
        let now = self.service.now();
        let request = phone.next_request(now.civil_utc());
        let snapshot = self.service.snapshot();
        let Explanation { modules, .. } = snapshot.explain(&request, AskedFrom::default(), now);
        let url = format!("{}{handler}", self.url);
        for module in modules {
            self.printer.line(format_args!("POST {url}, {} {}", module.file_name, module.installed))?;
            self.printer.line(format_args!("=> {}", module.decision))?;
        }
        let into = self.folder.join(phone.device().kind.model.as_str());
        let update = phone.update(&self.client, &url, Side::Internal, now.civil_utc(), &into, |_| {}).await?;
        let Update { answer: asked, downloads, installed, .. } = update;
        let offered = installed.first().map(|module| module.to.as_str());
        if offered != expected {
            let (offered, expected) = (offered.unwrap_or("nothing"), expected.unwrap_or("nothing"));
            return Err(Failure::new(format_args!("{url} offered {offered}, expected {expected}")));
        }
        if installed.is_empty() {
            return self
                .printer
                .line(format_args!("The phone shows ({}): asked, nothing to do.", asked.device_code()));
        }
        for downloaded in &downloads {
            for file in [&downloaded.image, &downloaded.signature] {
                if file.verified != Verification::Sha256 {
                    return Err(Failure::new(format_args!("{} came without a hash to check", file.url)));
                }
                self.printer.line(format_args!("GET {}, {} bytes, SHA-256 checked", file.url, file.bytes))?;
            }
        }
        for module in &installed {
            self.printer.line(format_args!("It installs {} {} and reboots.", module.file_name, module.to))?;
        }
        Ok(())
    }

    async fn audit_log_tells(&mut self) -> Result<(), Failure> {
        self.printer.step("The audit log has a row for each time a phone asked.")?;
        self.service.flush_logs().await?;
        let store = self.service.store();
        let mut pages = store.pages(LogKind::Audit.folder());
        while let Some(page) = pages.next().await? {
            for log in page {
                self.printer.line(&log.key)?;
                let bytes = store.get_bytes(&log.key, MAX_LOG_BYTES).await?;
                self.printer.audit_log(&String::from_utf8_lossy(&bytes))?;
            }
        }
        Ok(())
    }
}

/// Returns the phone that an audit log of OCS of 2009 names.
fn test_phone() -> SimulatedDevice {
    SimulatedDevice::new(device(&sample::ip8540(), "0021630F207B", "C185H001209"))
        .with_user_name("ruisilva@demo.local")
}

/// Returns a device with the device kind of the rule.
pub(crate) fn device(rule: &RuleKey, mac: &str, serial: &str) -> Device {
    Device {
        kind: rule.kind().clone(),
        mac_address: Reported::<MacAddress>::new(mac),
        serial_number: Reported::<SerialNumber>::new(serial),
    }
}
