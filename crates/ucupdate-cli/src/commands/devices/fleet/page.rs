//! The HTML page of a fleet.

use super::csv::named;
use super::overview::{Counts, Overview};
use super::selection::SelectionArgs;
use crate::output::page::charts::{Bar, Series, bars, columns, legend, patterns};
use crate::output::page::{Escaped, Marked, capital, document};
use crate::output::time::iso;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use ucupdate::inventory::{DayCount, DeviceNumber, DeviceState};
use ucupdate::value::Counted;

/// The maximum number of devices on a page.
const MAX_DEVICES: usize = 2000;

/// The maximum number of models in the chart. All others are one bar.
const MAX_MODELS: usize = 20;

/// The maximum number of versions in the chart. All others are one series.
const MAX_VERSIONS: usize = 8;

/// The patterns of the series of versions. They differ from the patterns of states that need
/// attention.
const VERSION_PATTERNS: [usize; MAX_VERSIONS + 1] = [5, 6, 9, 3, 10, 4, 0, 8, 11];

/// The maximum number of days in the chart. The latest days are shown.
const MAX_DAYS: usize = 31;

/// The maximum number of versions in the table.
const MAX_VERSION_ROWS: usize = 500;

pub(super) fn page(overview: &Overview, chosen: &[DeviceNumber], args: &SelectionArgs) -> String {
    let all = overview.fleet.len();
    let mut body = format!("<h1>Fleet</h1>{}{}", lead(overview), patterns());
    push_fleet(overview, &mut body);
    push_versions(overview, &mut body);
    let filter = args.to_string();
    let which = match filter.is_empty() {
        true => format!("All {}.", Counted::new(all, "device")),
        false => format!("{} of {all}: {}.", chosen.len(), Escaped(&filter)),
    };
    let _written = write!(
        body,
        "<section aria-labelledby=\"devices\"><h2 id=\"devices\">Devices</h2><p class=\"facts\">{which}"
    );
    if let Some(more) = chosen.len().checked_sub(MAX_DEVICES).filter(|more| *more > 0) {
        let _written = write!(
            body,
            " {more} of them are not on this page; <code>fleet --csv</code> writes all of them."
        );
    }
    body.push_str("</p>");
    push_devices(overview, &chosen[..chosen.len().min(MAX_DEVICES)], &mut body);
    body.push_str("</section>");
    document("Fleet of devices", &body)
}

/// Returns the first paragraphs of the page as HTML: the number of devices, the time of the end of
/// the logs, and the number of requests that were left out.
pub(crate) fn lead(overview: &Overview) -> String {
    let hours = overview.silence.as_secs() / 3600;
    let mut lead = format!(
        "<p class=\"lead\">{} as of <time>{}</time>. {}. A device is silent when it has not asked for {hours} hours. All times are in \
         UTC.</p>",
        Counted::new(overview.fleet.len(), "device"),
        iso(overview.end),
        capital(&overview.due()),
    );
    if overview.fleet.skipped_rows() > 0 {
        let _written = write!(
            lead,
            "<p class=\"lead\">There was no room for further devices: {} of their requests are left out.</p>",
            overview.fleet.skipped_rows()
        );
    }
    lead
}

/// Adds a section to the page: the number of devices by state, and by model and state.
pub(crate) fn push_fleet(overview: &Overview, body: &mut String) {
    let Counts { states, reasons, models, .. } = &overview.counts;
    body.push_str("<section aria-labelledby=\"states\"><h2 id=\"states\">Devices by state</h2>");
    if overview.fleet.is_empty() {
        body.push_str("<p class=\"facts\">No device asked in these logs.</p></section>");
        return;
    }
    body.push_str("<ul class=\"tiles\">");
    for (state, devices) in states {
        let _written = write!(
            body,
            "<li><svg class=\"key\" viewBox=\"0 0 24 16\" aria-hidden=\"true\"><rect class=\"{}\" width=\"24\" height=\"16\"/></svg>\
             <b>{devices}</b> <span>{}</span><p class=\"facts\">{} {}.</p></li>",
            series(*state).class(),
            Escaped(&label(*state)),
            share(*devices, overview.fleet.len()),
            state.meaning()
        );
    }
    body.push_str("</ul>");
    if !reasons.is_empty() {
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, devices)| format!("{devices} {}", reason.replace('-', " ")))
            .collect();
        let _written = write!(body, "<p class=\"facts\">Behind because: {}.</p>", reasons.join(", "));
    }
    let mut ordered: Vec<_> = models.values().collect();
    ordered.sort_by_key(|model| std::cmp::Reverse(model.devices));
    let values = |counts: &BTreeMap<DeviceState, u64>| -> Vec<u64> {
        states.keys().map(|state| counts.get(state).copied().unwrap_or(0)).collect()
    };
    let mut plotted: Vec<Bar> = ordered
        .iter()
        .take(MAX_MODELS)
        .map(|model| Bar { name: named_model(&model.vendor, &model.model), values: values(&model.states) })
        .collect();
    if let Some(others) = ordered.get(MAX_MODELS..).filter(|others| !others.is_empty()) {
        let sums = others.iter().map(|model| values(&model.states)).reduce(|mut sums, more| {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            sums
        });
        let name = Counted::new(others.len(), "other model").to_string();
        plotted.push(Bar { name, values: sums.unwrap_or_default() });
    }
    let shown: Vec<Series> = states.keys().map(|state| series(*state)).collect();
    body.push_str("<h3>By model</h3>");
    if !plotted.is_empty() {
        body.push_str(&bars("Devices of each model by state", &plotted, &shown));
        body.push_str(&legend(&shown));
    }
    let names: Vec<String> = states.keys().map(|state| label(*state)).collect();
    push_numbers("Model", &names, &plotted, body);
    body.push_str("</section>");
}

/// Adds a section to the page: the versions on each day, and the number of devices of each version
/// now.
pub(crate) fn push_versions(overview: &Overview, body: &mut String) {
    let days = overview.fleet.days();
    body.push_str("<section aria-labelledby=\"versions\"><h2 id=\"versions\">Versions over time</h2>");
    let (names, plotted) = by_day(&days);
    if plotted.is_empty() {
        body.push_str("<p class=\"facts\">The logs name no version.</p></section>");
        return;
    }
    body.push_str(
        "<p class=\"facts\">Devices that asked on each day, by the version that they reported. A device that changed its version on \
         a day counts for both.</p>",
    );
    let shown: Vec<Series> = VERSION_PATTERNS
        .iter()
        .zip(&names)
        .map(|(pattern, name)| Series { name: name.clone(), pattern: *pattern })
        .collect();
    body.push_str(&columns("by-day", "Devices by version on each day", &plotted, &shown));
    body.push_str(&legend(&shown));
    push_numbers("Day", &names, &plotted, body);
    let versions = overview.versions();
    body.push_str("<h3>Versions now</h3>");
    let rows = versions.iter().take(MAX_VERSION_ROWS).map(|count| {
        [
            Escaped(&named_model(&count.vendor, &count.model)).to_string(),
            Escaped(&count.file_name).to_string(),
            Escaped(&count.version.to_string()).to_string(),
            count.devices.to_string(),
        ]
    });
    push_table("Devices of each version", ["Model", "Module", "Version", "Devices"], rows, body);
    if let Some(more) = versions.len().checked_sub(MAX_VERSION_ROWS).filter(|more| *more > 0) {
        let _written = write!(body, "<p class=\"facts\">{more} further versions are not on this page.</p>");
    }
    body.push_str("</section>");
}

/// Returns the file names and versions that most devices reported, with `other versions` for the rest,
/// and the columns of the chart for the latest days.
fn by_day(days: &[DayCount]) -> (Vec<String>, Vec<Bar>) {
    let name = |count: &DayCount| format!("{} {}", count.file_name, count.version);
    let latest: Vec<&DayCount> = {
        let mut dates: Vec<_> = days.iter().map(|count| count.day).collect();
        dates.dedup();
        let first = dates.len().checked_sub(MAX_DAYS).map(|from| dates[from]);
        days.iter().filter(|count| first.is_none_or(|first| count.day >= first)).collect()
    };
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    for count in &latest {
        *totals.entry(name(count)).or_default() += count.devices;
    }
    let mut names: Vec<(String, u64)> = totals.into_iter().collect();
    names.sort_by_key(|(_, devices)| std::cmp::Reverse(*devices));
    let has_others = names.len() > MAX_VERSIONS;
    let mut names: Vec<String> = names.into_iter().map(|(name, _)| name).take(MAX_VERSIONS).collect();
    if has_others {
        names.push("other versions".to_owned());
    }
    let mut columns: Vec<Bar> = Vec::new();
    for count in &latest {
        let day = iso(count.day).get(..10).unwrap_or_default().to_owned();
        if columns.last().is_none_or(|column| column.name != day) {
            columns.push(Bar { name: day, values: vec![0; names.len()] });
        }
        let place = names.iter().position(|known| *known == name(count)).unwrap_or(names.len() - 1);
        if let Some(column) = columns.last_mut() {
            column.values[place] += count.devices;
        }
    }
    (names, columns)
}

/// Adds the numbers of a chart as a table, which the reader of the page can open.
fn push_numbers(first: &str, names: &[String], rows: &[Bar], body: &mut String) {
    let _written = write!(
        body,
        "<details><summary>The numbers of this plot</summary><table class=\"cards\" aria-label=\"Numbers by {}\"><thead><tr><th \
         scope=\"col\">{first}</th>",
        first.to_lowercase()
    );
    for name in names {
        let _written = write!(body, "<th scope=\"col\">{}</th>", Escaped(name));
    }
    body.push_str("</tr></thead><tbody>");
    for row in rows {
        let _written = write!(body, "<tr><th scope=\"row\">{}</th>", Escaped(&row.name));
        for (name, value) in names.iter().zip(&row.values) {
            let _written = write!(body, "<td class=\"number\" data-title=\"{}\">{value}</td>", Escaped(name));
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table></details>");
}

/// Adds a table. The cells are HTML. On narrow pages each row becomes a block, and each cell has
/// the title of its column before it.
pub(crate) fn push_table<const N: usize>(
    label: &str,
    titles: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    body: &mut String,
) {
    let _written = write!(body, "<table class=\"cards\" aria-label=\"{}\"><thead><tr>", Escaped(label));
    for title in titles {
        let _written = write!(body, "<th scope=\"col\">{title}</th>");
    }
    body.push_str("</tr></thead><tbody>");
    for row in rows {
        body.push_str("<tr>");
        for (title, cell) in titles.iter().zip(row) {
            let _written = write!(body, "<td data-title=\"{title}\">{cell}</td>");
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table>");
}

fn push_devices(overview: &Overview, chosen: &[DeviceNumber], body: &mut String) {
    let rows = chosen.iter().map(|number| {
        let device = overview.fleet.device(*number);
        let standing = overview.standing(*number, &device);
        let identity = device.identity().map(|identity| identity.to_string()).unwrap_or_default();
        let why = standing.decision.as_ref().filter(|_| standing.reason().is_some()).map(ToString::to_string);
        let why =
            why.map(|why| format!("<br><span class=\"facts\">{}</span>", Marked(&why))).unwrap_or_default();
        let has: Vec<String> = device.modules.iter().map(named).collect();
        let asked = iso(device.last_asked);
        [
            Escaped(&identity).to_string(),
            format!("<span class=\"tag\">{}</span>{why}", label(standing.state)),
            Escaped(&has.join(", ")).to_string(),
            standing.target().map(|target| Escaped(&target.to_string()).to_string()).unwrap_or_default(),
            format!("<time datetime=\"{asked}\">{} {}</time>", &asked[..10], &asked[11..16]),
            Escaped(&named_model(&device.kind.vendor, &device.kind.model)).to_string(),
            Escaped(&device.user_name).to_string(),
            Escaped(&device.user_host).to_string(),
        ]
    });
    let titles = ["Device", "State", "Has", "Target", "Last asked", "Model", "User", "Address"];
    push_table("Devices", titles, rows, body);
}

fn series(state: DeviceState) -> Series {
    let pattern = DeviceState::ALL.iter().position(|known| *known == state).unwrap_or(0);
    Series { name: label(state), pattern }
}

fn label(state: DeviceState) -> String {
    state.name().replace('-', " ")
}

fn named_model(vendor: &str, model: &str) -> String {
    match format!("{vendor} {model}").trim() {
        "" => "(no model reported)".to_owned(),
        name => name.to_owned(),
    }
}

fn share(part: u64, whole: usize) -> String {
    let whole = u64::try_from(whole).unwrap_or(u64::MAX).max(1);
    match part.saturating_mul(1000) / whole {
        0 => "under 0.1 %:".to_owned(),
        tenths => format!("{}.{} %:", tenths / 10, tenths % 10),
    }
}
