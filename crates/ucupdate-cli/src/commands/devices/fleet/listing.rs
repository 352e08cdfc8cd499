//! Writes the devices of a fleet as text and as JSON.

use super::super::loops::{mac, serial};
use super::csv::named;
use super::overview::{ModelCount, Overview, in_halves};
use crate::context::Context;
use crate::output::list::List;
use crate::output::table::Table;
use crate::output::time::iso;
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use ucupdate::audit::ServerName;
use ucupdate::device::DeviceId;
use ucupdate::device::ReportedKind;
use ucupdate::inventory::{
    DayCount, DeviceNumber, DeviceStanding, DeviceState, InventoryDevice, InventoryModule, VersionCount,
};
use ucupdate::value::Counted;
use ucupdate::version::ReportedVersion;

/// The maximum number of devices in the text for people.
const MAX_LISTED: usize = 10_000;

/// The number of devices whose JSON is held in memory at a time.
const AT_A_TIME: usize = 4096;

/// The width of the terminal from which the address of each device is shown.
const WIDE: usize = 118;

/// The width of the terminal from which all columns are shown.
const WIDEST: usize = 160;

/// A device as a JSON object. Times are in UTC.
///
/// Its fields are written without a tree of JSON values in between, because a fleet may have a million devices.
#[derive(Serialize)]
pub(in super::super) struct DeviceJson<'a> {
    mac: Option<String>,
    serial: Option<String>,
    #[serde(flatten)]
    kind: &'a ReportedKind,
    user: &'a str,
    host: &'a str,
    server: Option<&'a str>,
    first_asked: String,
    last_asked: String,
    asks: u64,
    modules: Vec<ModuleJson<'a>>,
}

impl<'a> DeviceJson<'a> {
    pub(in super::super) fn new(identity: &DeviceId, device: &'a InventoryDevice) -> Self {
        let known_serial =
            || Some(device.serial_number.raw().trim().to_owned()).filter(|said| !said.is_empty());
        Self {
            mac: mac(identity),
            serial: serial(identity).or_else(known_serial),
            kind: &device.kind,
            user: &device.user_name,
            host: &device.user_host,
            server: device.server.as_ref().map(ServerName::as_str),
            first_asked: iso(device.first_asked),
            last_asked: iso(device.last_asked),
            asks: device.asks,
            modules: device.modules.iter().map(ModuleJson::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct ModuleJson<'a> {
    file_name: &'a str,
    version: &'a str,
    offered: Option<&'a str>,
    asked: String,
}

impl<'a> ModuleJson<'a> {
    fn new(module: &'a InventoryModule) -> Self {
        Self {
            file_name: &module.installed.file_name,
            version: module.installed.version.as_str(),
            offered: module.offered.as_ref().map(ReportedVersion::as_str),
            asked: iso(module.asked),
        }
    }
}

fn version_json(count: &VersionCount) -> Value {
    json!({
        "vendor": count.vendor,
        "model": count.model,
        "file_name": count.file_name,
        "version": count.version,
        "devices": count.devices,
    })
}

fn day_json(count: &DayCount) -> Value {
    json!({
        "day": iso(count.day).get(..10),
        "file_name": count.file_name,
        "version": count.version,
        "devices": count.devices,
    })
}

/// A device of the fleet and where it stands, as one JSON object.
#[derive(Serialize)]
struct ListedJson<'a> {
    #[serde(flatten)]
    device: DeviceJson<'a>,
    state: &'static str,
    reason: Option<&'a str>,
    because: Option<String>,
    target: Option<String>,
    offer: Option<String>,
    behind: Option<bool>,
    module: Option<&'a str>,
}

impl<'a> ListedJson<'a> {
    fn new(identity: &DeviceId, device: &'a InventoryDevice, standing: &'a DeviceStanding<'_>) -> Self {
        let module = standing.module.and_then(|place| device.modules.get(place));
        Self {
            device: DeviceJson::new(identity, device),
            state: standing.state.name(),
            reason: standing.reason(),
            because: standing.decision.as_ref().map(ToString::to_string),
            target: standing.target().map(ToString::to_string),
            offer: standing.offer().map(ToString::to_string),
            behind: standing.decision.as_ref().map(|_| standing.is_behind()),
            module: module.map(|module| &*module.installed.file_name),
        }
    }
}

/// The fleet as a JSON object, which is written device by device.
pub(super) struct FleetJson<'a> {
    overview: &'a Overview,
    chosen: &'a [DeviceNumber],
}

impl<'a> FleetJson<'a> {
    pub(super) fn new(overview: &'a Overview, chosen: &'a [DeviceNumber]) -> Self {
        Self { overview, chosen }
    }
}

struct FleetDevices<'a>(&'a FleetJson<'a>);

impl Serialize for FleetDevices<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FleetJson { overview, chosen } = self.0;
        let mut devices = serializer.serialize_seq(Some(chosen.len()))?;
        let written = |number: &DeviceNumber| {
            let device = overview.fleet.device(*number);
            let identity = device.identity()?;
            let standing = overview.standing(*number, &device);
            Some(to_raw_value(&ListedJson::new(&identity, &device, &standing)))
        };
        for some in chosen.chunks(AT_A_TIME) {
            let texts = in_halves(some, |some| some.iter().filter_map(written).collect::<Vec<_>>());
            for text in texts.into_iter().flatten() {
                devices.serialize_element(&text.map_err(S::Error::custom)?)?;
            }
        }
        devices.end()
    }
}

impl Serialize for FleetJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Overview { fleet, read, .. } = self.overview;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("devices", &FleetDevices(self))?;
        let versions = self.overview.versions();
        map.serialize_entry("versions", &versions.iter().map(version_json).collect::<Vec<_>>())?;
        map.serialize_entry("days", &fleet.days().iter().map(day_json).collect::<Vec<_>>())?;
        map.serialize_entry("fleet", &counts_json(self.overview))?;
        map.serialize_entry("rows", &read.rows)?;
        map.serialize_entry("unread", &read.unread)?;
        map.serialize_entry("unidentified", &fleet.unidentified())?;
        map.serialize_entry("left_out", &fleet.skipped_rows())?;
        map.serialize_entry("dropped_texts", &fleet.dropped_texts())?;
        map.end()
    }
}

/// Returns the counts of the whole fleet as a JSON object. Each state has a count. Without a rule
/// book, the number of devices that are behind is `null`.
fn counts_json(Overview { fleet, counts, rules, .. }: &Overview) -> Value {
    let model = |model: &ModelCount| {
        json!({
            "vendor": model.vendor, "model": model.model, "devices": model.devices, "states": states_json(&model.states),
        })
    };
    json!({
        "devices": fleet.len(),
        "behind": rules.as_ref().map(|_| counts.behind),
        "states": states_json(&counts.states),
        "reasons": counts.reasons,
        "models": counts.models.values().map(model).collect::<Vec<_>>(),
    })
}

/// Returns a count for each state.
pub(in super::super) fn states_json(states: &BTreeMap<DeviceState, u64>) -> Value {
    let count = |state: &DeviceState| states.get(state).copied().unwrap_or(0);
    DeviceState::ALL.iter().map(|state| (state.name().to_owned(), Value::from(count(state)))).collect()
}

/// Returns the chosen devices and the counts of the whole fleet as text. `width` is that of the
/// terminal.
pub(super) fn text(overview: &Overview, chosen: &[DeviceNumber], width: usize) -> String {
    if overview.fleet.is_empty() {
        return "no devices".to_owned();
    }
    let listed = &chosen[..chosen.len().min(MAX_LISTED)];
    let mut text = match width {
        _ if listed.is_empty() => "no devices are chosen".to_owned(),
        WIDEST.. => {
            table(overview, listed, ["DEVICE", "STATE", "HAS", "TARGET", "LAST ASKED", "IS", "USER", "HOST"])
        }
        WIDE.. => {
            table(overview, listed, ["DEVICE", "STATE", "HAS", "TARGET", "LAST ASKED", "MODEL", "HOST"])
        }
        _ => table(overview, listed, ["DEVICE", "STATE", "HAS", "TARGET", "LAST ASKED"]),
    };
    let _written = write!(text, "\n\n{}", summary(overview, chosen.len(), width));
    text
}

/// Returns a table of devices. `columns` are the headings, which also say what a column contains.
fn table<const N: usize>(overview: &Overview, chosen: &[DeviceNumber], columns: [&'static str; N]) -> String {
    let mut table = Table::new(columns);
    for number in chosen {
        let device = overview.fleet.device(*number);
        let standing = overview.standing(*number, &device);
        let cells = columns.map(|column| cell(column, &device, &standing, N));
        table.row(std::array::from_fn(|place| &cells[place] as &dyn Display));
    }
    table.to_string()
}

fn cell(column: &str, device: &InventoryDevice, standing: &DeviceStanding<'_>, columns: usize) -> String {
    let or_none = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    match column {
        "DEVICE" => device.identity().map(|identity| identity.to_string()).unwrap_or_default(),
        "STATE" => match standing.reason().filter(|_| standing.state == DeviceState::Behind) {
            Some(reason) => format!("{}: {reason}", standing.state),
            None => standing.state.to_string(),
        },
        "HAS" => or_none(&device.modules.iter().map(named).collect::<Vec<_>>().join(", ")),
        "TARGET" => standing.target().map_or_else(|| "-".to_owned(), ToString::to_string),
        // Narrow tables have no space for seconds.
        "LAST ASKED" if columns <= 5 => {
            let asked = iso(device.last_asked);
            format!("{} {}", asked.get(..10).unwrap_or_default(), asked.get(11..16).unwrap_or_default())
        }
        "LAST ASKED" => iso(device.last_asked),
        "IS" => device.kind.to_string(),
        "MODEL" => format!("{} {}", device.kind.vendor, device.kind.model),
        "USER" => or_none(&device.user_name),
        "HOST" => or_none(&device.user_host),
        _ => String::new(),
    }
}

/// Returns the counts of the whole fleet as text: by state, by model and by version. `chosen` is
/// the number of chosen devices.
fn summary(overview: &Overview, chosen: usize, width: usize) -> String {
    let counts = &overview.counts;
    let mut states = Table::new(["DEVICES", "STATE", if width < WIDE { "" } else { "WHICH" }]);
    for (state, devices) in &counts.states {
        // Narrow tables have no space for sentences.
        let meaning = if width < WIDE { "" } else { state.meaning() };
        states.row([devices, state, &meaning]);
    }
    let mut reasons: Vec<String> =
        counts.reasons.iter().map(|(reason, devices)| format!("{devices} {reason}")).collect();
    if !reasons.is_empty() {
        reasons = vec![format!("\n\nbehind because: {}", reasons.join(", "))];
    }
    let mut models = Table::new(["DEVICES", "VENDOR", "MODEL", "STATES"]);
    for model in counts.models.values() {
        let states: Vec<String> =
            model.states.iter().map(|(state, devices)| format!("{devices} {state}")).collect();
        models.row([&model.devices, &model.vendor, &model.model, &states.join(", ")]);
    }
    let mut versions = List::new("versions", "", ["DEVICES", "VENDOR", "MODEL", "MODULE", "VERSION"]);
    for count in overview.versions() {
        let cells: [&dyn Display; 5] =
            [&count.devices, &count.vendor, &count.model, &count.file_name, &count.version];
        versions.row(version_json(&count), cells);
    }
    let all = Counted::new(overview.fleet.len(), "device");
    format!(
        "the whole fleet has {all}, and {} chosen\n{}\n\n{states}{}\n\n{models}\n\n{versions}",
        of_them(chosen, overview.fleet.len()),
        overview.due(),
        reasons.concat()
    )
}

/// Returns the number of chosen devices with its verb, such as `3 of them are`.
fn of_them(chosen: usize, all: usize) -> String {
    match (chosen, all) {
        (1, 1) => "it is".to_owned(),
        (0, _) => "none of them is".to_owned(),
        (chosen, all) if chosen == all => "all of them are".to_owned(),
        (1, _) => "1 of them is".to_owned(),
        _ => format!("{chosen} of them are"),
    }
}

/// Writes a message about devices that are not in the text, because there are more than
/// [`MAX_LISTED`].
pub(super) fn report_unlisted(chosen: &[DeviceNumber], context: &mut Context) {
    if let Some(more) = chosen.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        context.output.message(format_args!(
            "{} not listed: choose some (--state, --rule), or write all of them (--csv, --json)",
            Counted::new(more, "further device").with_verb("is", "are")
        ));
    }
}
