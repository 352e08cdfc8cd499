//! Plots of pages, drawn as SVG. Each series has a pattern of its own, so plots can be read without colour.

use super::Escaped;
use std::fmt::Write as _;

/// The number of patterns. Further series share the last one.
pub(crate) const PATTERNS: usize = 12;

/// The width of a plot, in units of its view box.
const WIDTH: u32 = 720;

/// The width for the names of bars.
const NAMES: u32 = 190;

/// The width for the total of a bar.
const TOTALS: u32 = 64;

/// The height of a bar and of the room around it.
const BAR: u32 = 22;
const BAR_STEP: u32 = 34;

/// The height of columns.
const COLUMNS: u32 = 220;

/// The marks of each pattern, drawn over its colour on a tile of 8 by 8.
const MARKS: [&str; PATTERNS] = [
    "<path d='M0 4h8'/>",
    "<path d='M0 0l8 8M8 0l-8 8'/>",
    "<path d='M0 8l8-8M-2 2l4-4M6 10l4-4'/>",
    "<path d='M0 0l8 8M-2 6l4 4M6-2l4 4'/>",
    "<circle cx='2' cy='2' r='1'/><circle cx='6' cy='6' r='1'/>",
    "<path d='M4 0v8'/>",
    "<path d='M0 4h8M4 0v8'/>",
    "",
    "<circle cx='4' cy='4' r='2'/>",
    "<path d='M0 2h8M0 6h8'/>",
    "<path d='M2 0v8M6 0v8'/>",
    "<path d='M0 6l4-4 4 4'/>",
];

/// One bar or one column: its name, and a number for each series.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) values: Vec<u64>,
}

impl Bar {
    fn total(&self) -> u64 {
        self.values.iter().sum()
    }
}

/// One series: its name, and the number of its pattern.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) pattern: usize,
}

impl Series {
    /// Returns the class of the series in the style sheet.
    pub(crate) fn class(&self) -> String {
        format!("s{}", self.pattern.min(PATTERNS - 1))
    }
}

/// Returns the patterns of all plots. A page has them once, before its first plot.
pub(crate) fn patterns() -> String {
    let mut svg = "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>".to_owned();
    for (number, marks) in MARKS.iter().enumerate() {
        let _written = write!(
            svg,
            "<pattern id=\"p{number}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"c{number}\" \
             width=\"8\" height=\"8\"/><g class=\"marks\">{}</g></pattern>",
            marks.replace('\'', "\"")
        );
    }
    svg + "</defs></svg>"
}

/// Returns the key to the series of a plot.
pub(crate) fn legend(series: &[Series]) -> String {
    let mut list = "<ul class=\"legend\">".to_owned();
    for one in series {
        let _written = write!(
            list,
            "<li><svg class=\"key\" viewBox=\"0 0 24 16\" aria-hidden=\"true\"><rect class=\"{}\" width=\"24\" \
             height=\"16\"/></svg>{}</li>",
            one.class(),
            Escaped(&one.name)
        );
    }
    list + "</ul>"
}

/// Returns a plot of horizontal bars. The parts of a bar are the series, and all bars have one scale.
pub(crate) fn bars(id: &str, title: &str, bars: &[Bar], series: &[Series]) -> String {
    let most = bars.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let height = u32::try_from(bars.len()).unwrap_or(0) * BAR_STEP + 8;
    let mut svg = open(id, title, height);
    let room = f64::from(WIDTH - NAMES - TOTALS);
    for (place, bar) in (0_u32..).zip(bars) {
        let y = place * BAR_STEP + 6;
        let _written = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            NAMES - 10,
            y + 16,
            Escaped(&shortened(&bar.name, 26))
        );
        let mut x = f64::from(NAMES);
        for (one, value) in series.iter().zip(&bar.values).filter(|(_, value)| **value > 0) {
            let width = (room * share(*value, most)).max(1.5);
            let _written = write!(
                svg,
                "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\"><title>{}: {} {value}</title>\
                 </rect>",
                one.class(),
                Escaped(&bar.name),
                Escaped(&one.name)
            );
            x += width;
        }
        let _written =
            write!(svg, "<text class=\"total\" x=\"{:.1}\" y=\"{}\">{}</text>", x + 8.0, y + 16, bar.total());
    }
    svg + "</svg></div>"
}

/// Returns a plot of columns. The parts of a column are the series, from the bottom.
pub(crate) fn columns(id: &str, title: &str, columns: &[Bar], series: &[Series]) -> String {
    let most = columns.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let (top, left) = (24_u32, 56_u32);
    let mut svg = open(id, title, COLUMNS + top + 34);
    for (part, y) in [(most, top), (most / 2, top + COLUMNS / 2), (0, top + COLUMNS)] {
        let _written = write!(
            svg,
            "<line class=\"lane\" x1=\"{left}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text class=\"name\" x=\"{}\" y=\"{}\" \
             text-anchor=\"end\">{part}</text>",
            WIDTH - 8,
            left - 8,
            y + 4
        );
    }
    let step = f64::from(WIDTH - 8 - left) / f64::from(u32::try_from(columns.len()).unwrap_or(1).max(1));
    let width = (step * 0.72).min(64.0);
    // Names of columns need about this much room.
    let every = ((44.0 / step).ceil()).max(1.0);
    for (place, column) in (0_u32..).zip(columns) {
        let x = f64::from(left) + step * (f64::from(place) + 0.5) - width / 2.0;
        let mut y = f64::from(top + COLUMNS);
        for (one, value) in series.iter().zip(&column.values).filter(|(_, value)| **value > 0) {
            let height = f64::from(COLUMNS) * share(*value, most);
            y -= height;
            let _written = write!(
                svg,
                "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{}: {} {value}\
                 </title></rect>",
                one.class(),
                height.max(1.0),
                Escaped(&column.name),
                Escaped(&one.name)
            );
        }
        if f64::from(place) % every < 1.0 {
            let name = column.name.get(5..).unwrap_or(&column.name);
            let _written = write!(
                svg,
                "<text class=\"name\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + width / 2.0,
                top + COLUMNS + 20,
                Escaped(name)
            );
        }
    }
    svg + "</svg></div>"
}

/// Returns the begin of a plot. Its numbers stand in a table below it, so a short title describes it.
fn open(id: &str, title: &str, height: u32) -> String {
    format!(
        "<div class=\"drawing plot\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><svg viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"{id}\"><title id=\"{id}\">{0}</title>",
        Escaped(title)
    )
}

/// Returns a share of a whole, from 0 to 1.
#[allow(clippy::cast_precision_loss, reason = "a drawing needs three digits")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Returns a text that is cut after a number of characters.
fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['\u{2026}']).collect(),
        false => text.to_owned(),
    }
}
