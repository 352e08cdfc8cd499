//! A simulated device: its kind, MAC address and serial number, its installed modules, and how an offer changes
//! them.

use crate::client::{Client, UpdateAnswer};
use crate::download::{Download, Progress, check_names};
use crate::error::ClientError;
use std::path::Path;
use ucupdate_core::device::SerialNumber;
use ucupdate_core::request::{InstalledModule, OfferedModule, Side};
use ucupdate_core::value::{FieldTime, Reported};
use ucupdate_core::{Device, FirmwareVersion, MacAddress, ReportedVersion, UpdateRequest};

/// A simulated device that sends update requests and installs offers.
///
/// It behaves like known phones. In its delivery state it has `cpe.nbt` with the version `0.0.0.0` and the time stamp
/// `01-01-1601 00:00:00`, which means "no image". The server learns from the next request of the device what was
/// installed.
///
/// ```
/// use ucupdate_client::SimulatedDevice;
/// use ucupdate_core::Device;
/// use ucupdate_core::value::{FieldTime, Reported};
///
/// let device = Device {
///     kind: "UCPhone/LG-Nortel/IP8540/A/ENU".parse().unwrap(),
///     mac_address: Reported::new("0021630F207B"),
///     serial_number: Reported::new("C185H001209"),
/// };
/// let phone = SimulatedDevice::new(device).with_installed("1.0.522.34", FieldTime::FILETIME_ZERO);
/// let request = phone.next_request("06-03-2009 17:10:39".parse().unwrap());
/// assert_eq!(&*request.modules[0].file_name, "cpe.nbt");
/// assert_eq!(request.modules[0].version.as_str(), "1.0.522.34");
/// assert_eq!(request.request_date_time.raw(), "06-03-2009 17:10:39");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SimulatedDevice {
    device: Device,
    user_name: Box<str>,
    installed: Vec<InstalledModule>,
}

/// The change that the installation of one module made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installation {
    /// File name of the module, in the spelling of the device. Example: `cpe.nbt`.
    pub file_name: Box<str>,
    /// The previous version; `None` for a module that the device did not have.
    pub from: Option<ReportedVersion>,
    /// The version that is installed now.
    pub to: ReportedVersion,
}

/// The result of one update check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// The answer of the request handler.
    pub answer: UpdateAnswer,
    /// One download for each offered module.
    pub downloads: Vec<Download>,
    /// The changes of the installed modules. Empty if the server offered nothing.
    pub installed: Vec<Installation>,
}

impl SimulatedDevice {
    /// Creates a device in its delivery state: `cpe.nbt` has version `0.0.0.0`, and no user has
    /// signed in.
    pub fn new(device: Device) -> Self {
        let module = InstalledModule {
            file_name: "cpe.nbt".into(),
            version: FirmwareVersion::from_parts([0; 4]).into(),
            time_stamp: FieldTime::FILETIME_ZERO.into(),
        };
        Self { device, user_name: Box::default(), installed: vec![module] }
    }

    /// Sets the name of the user who signed in last. Default: empty.
    pub fn with_user_name(self, user_name: &str) -> Self {
        Self { user_name: user_name.into(), ..self }
    }

    /// Sets `cpe.nbt` with this version and time stamp as the only installed module.
    pub fn with_installed(self, version: &str, time_stamp: FieldTime) -> Self {
        self.with_modules(vec![InstalledModule {
            file_name: "cpe.nbt".into(),
            version: ReportedVersion::new(version),
            time_stamp: time_stamp.into(),
        }])
    }

    /// Sets the installed modules. They replace the module of the delivery state.
    pub fn with_modules(self, modules: Vec<InstalledModule>) -> Self {
        Self { installed: modules, ..self }
    }

    /// Turns this device into device number `number` of a fleet. Sets a locally administered MAC
    /// address (`02-00-...`) and a serial number that contain the number.
    ///
    /// ```
    /// # use ucupdate_client::SimulatedDevice;
    /// # fn example(one: SimulatedDevice) {
    /// let fleet: Vec<SimulatedDevice> = (0..1000).map(|number| one.clone().numbered(number)).collect();
    /// # }
    /// ```
    pub fn numbered(mut self, number: u32) -> Self {
        let [a, b, c, d] = number.to_be_bytes();
        self.device.mac_address = MacAddress::new([0x02, 0, a, b, c, d]).into();
        self.device.serial_number = Reported::<SerialNumber>::new(&format!("SIM{number:010}"));
        self
    }

    /// Returns the kind, the MAC address and the serial number of the device.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Returns the modules with their present versions. An update changes them.
    pub fn installed(&self) -> &[InstalledModule] {
        &self.installed
    }

    /// Returns the next update request, with `now` as the time of the device's clock.
    pub fn next_request(&self, now: FieldTime) -> UpdateRequest {
        UpdateRequest {
            device: self.device.clone(),
            user_name: self.user_name.clone(),
            request_date_time: now.into(),
            modules: self.installed.clone(),
        }
    }

    /// Installs an offered module. The next request reports the version and time stamp of that module.
    ///
    /// The offer replaces the module whose file name has the same stem (the name without its
    /// extension), ignoring case. The device keeps its own spelling. A module that the device does
    /// not have is appended.
    pub fn install(&mut self, offered: &OfferedModule) -> Installation {
        let to = offered.version.clone();
        let time_stamp = offered.time_stamp.clone();
        let stem = offered.file_name.stem();
        let has = |module: &&mut InstalledModule| module.update_type_stem().eq_ignore_ascii_case(stem);
        if let Some(module) = self.installed.iter_mut().find(has) {
            let from = Some(std::mem::replace(&mut module.version, to.clone()));
            module.time_stamp = time_stamp;
            return Installation { file_name: module.file_name.clone(), from, to };
        }
        let file_name: Box<str> = offered.file_name.as_str().into();
        let module = InstalledModule { file_name: file_name.clone(), version: to.clone(), time_stamp };
        self.installed.push(module);
        Installation { file_name, from: None, to }
    }

    /// Sends the next update request to the request handler at `url`.
    ///
    /// # Errors
    /// The errors of [`Client::ask`].
    pub async fn ask(&self, client: &Client, url: &str, now: FieldTime) -> Result<UpdateAnswer, ClientError> {
        client.ask(url, &self.next_request(now)).await
    }

    /// Does one update check: sends the request, downloads the offered files into the folder `into`, and installs them
    /// when all files are complete.
    ///
    /// A device that installed a stepping stone must check again. A caller that repeats the check must limit the
    /// repetitions, because two servers that disagree can send a device back and forth forever.
    ///
    /// # Errors
    /// The errors of [`Client::ask`] and [`Client::download`]. In this case nothing is installed.
    pub async fn update(
        &mut self,
        client: &Client,
        url: &str,
        side: Side,
        now: FieldTime,
        into: &Path,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Update, ClientError> {
        let answer = self.ask(client, url, now).await?;
        check_names(&answer.response.modules)?;
        let mut downloads = Vec::with_capacity(answer.response.modules.len());
        for offered in &answer.response.modules {
            downloads.push(client.download(offered, side, into, &mut progress).await?);
        }
        let installed = answer.response.modules.iter().map(|offered| self.install(offered)).collect();
        Ok(Update { answer, downloads, installed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone() -> SimulatedDevice {
        SimulatedDevice::new(Device {
            kind: "UCPhone/Polycom/CX700/A/ENU".parse().unwrap(),
            mac_address: Reported::default(),
            serial_number: Reported::default(),
        })
    }

    fn offered(file_name: &str, version: &str) -> OfferedModule {
        OfferedModule {
            file_name: file_name.parse().unwrap(),
            signature_file_name: "CPE.cat".parse().unwrap(),
            version: ReportedVersion::new(version),
            time_stamp: Reported::new("16-12-2008 04:43:58"),
            base_url: "http://a/b".into(),
            external_base_url: Box::default(),
        }
    }

    #[test]
    fn out_of_the_box_a_device_knows_no_image() {
        let request = phone().next_request(FieldTime::FILETIME_ZERO);
        let body = ucupdate_upx::Codec::default().encode_request(&request);
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains(
            "<FileName>cpe.nbt</FileName><Version>0.0.0.0</Version><TimeStamp>01-01-1601 00:00:00</TimeStamp>"
        ));
    }

    #[test]
    fn installing_changes_the_module_with_the_same_stem_and_keeps_its_spelling() {
        let mut phone = phone().with_installed("1.0.522.34", FieldTime::FILETIME_ZERO);
        let installed = phone.install(&offered("CPE.nbt", "1.0.522.103"));
        assert_eq!(&*installed.file_name, "cpe.nbt");
        assert_eq!(installed.from.unwrap().as_str(), "1.0.522.34");
        assert_eq!(phone.installed().len(), 1);
        assert_eq!(phone.installed()[0].version.as_str(), "1.0.522.103");
        assert_eq!(phone.installed()[0].time_stamp.raw(), "16-12-2008 04:43:58");
    }

    #[test]
    fn a_module_the_device_did_not_have_comes_last() {
        let mut phone = phone();
        assert_eq!(phone.install(&offered("BOOT.nbt", "2.0")).from, None);
        assert_eq!(&*phone.installed()[1].file_name, "BOOT.nbt");
    }

    #[test]
    fn a_fleets_devices_differ_in_mac_address_and_serial_number() {
        let (first, last) = (phone().numbered(0), phone().numbered(u32::MAX));
        assert_eq!(first.device().mac_address.raw(), "020000000000");
        assert_eq!(last.device().mac_address.raw(), "0200FFFFFFFF");
        assert_eq!(last.device().serial_number.raw(), "SIM4294967295");
    }
}
