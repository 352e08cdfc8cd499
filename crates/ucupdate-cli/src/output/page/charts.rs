//! Charts of HTML pages, drawn as SVG. Each series has its own pattern, so charts can be read
//! without colour.

use super::Escaped;
use std::fmt::Write as _;

/// The number of patterns. If there are more series, they share the last pattern.
pub(crate) const PATTERNS: usize = 12;

/// The height of a horizontal bar, in pixels.
const BAR: u32 = 22;

/// The height of the columns in a column chart, in pixels. `ABOVE` and `BELOW` are the heights of
/// the space above and below them.
const COLUMNS: u32 = 220;
const ABOVE: u32 = 24;
const BELOW: u32 = 30;

/// The width that the names of columns may take, in pixels: on wide pages and (`NARROW`) on narrow
/// pages.
const WIDE: u32 = 660;
const NARROW: u32 = 250;

/// The width that the name of one column takes, in pixels.
const NAME: u32 = 44;

/// The SVG shapes of each pattern. They are drawn over its colour on a tile of 8 by 8 pixels.
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

/// One bar or one column of a chart: its name, and one number for each series.
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

/// One series of a chart: its name, and the number of its pattern.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) pattern: usize,
}

impl Series {
    /// Returns the CSS class of the series, such as `s0`.
    pub(crate) fn class(&self) -> String {
        format!("s{}", self.pattern.min(PATTERNS - 1))
    }
}

/// Returns an SVG element with the patterns of all charts. A page contains it once, before its
/// first chart.
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

/// Returns the legend of a chart as HTML: the name and the pattern of each series.
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

/// Returns a chart of horizontal bars as HTML. A bar has one part for each series, and all bars
/// have one scale. Widths are percentages, so the chart fits in every page.
pub(crate) fn bars(title: &str, bars: &[Bar], series: &[Series]) -> String {
    let most = bars.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let mut list = format!("<ul class=\"drawing bars\" aria-label=\"{}\">", Escaped(title));
    for bar in bars {
        let _written = write!(
            list,
            "<li><span>{}</span><svg height=\"{BAR}\" aria-hidden=\"true\">",
            Escaped(&shortened(&bar.name, 60))
        );
        let mut x = 0.0;
        for (one, value) in series.iter().zip(&bar.values).filter(|(_, value)| **value > 0) {
            let width = (100.0 * share(*value, most)).max(0.4);
            let _written = write!(
                list,
                "<rect class=\"{}\" x=\"{x:.2}%\" y=\"0\" width=\"{width:.2}%\" height=\"{BAR}\"><title>{}: {} {value}</title></rect>",
                one.class(),
                Escaped(&bar.name),
                Escaped(&one.name)
            );
            x += width;
        }
        let _written = write!(list, "</svg><b>{}</b></li>", bar.total());
    }
    list + "</ul>"
}

/// Returns a chart of columns as HTML. A column has one part for each series, the first at the
/// bottom. `title` may be short, because the page has a table with the numbers.
pub(crate) fn columns(id: &str, title: &str, columns: &[Bar], series: &[Series]) -> String {
    let most = columns.iter().map(Bar::total).max().unwrap_or(0).max(1);
    let count = u32::try_from(columns.len()).unwrap_or(u32::MAX).max(1);
    let height = ABOVE + COLUMNS + BELOW;
    let scale = [(most, ABOVE), (most / 2, ABOVE + COLUMNS / 2), (0, ABOVE + COLUMNS)];
    let mut svg = format!(
        "<div class=\"drawing columns\"><svg class=\"scale\" height=\"{height}\" aria-hidden=\"true\">"
    );
    for (part, y) in scale {
        let _written =
            write!(svg, "<text class=\"name\" x=\"100%\" y=\"{}\" text-anchor=\"end\">{part}</text>", y + 4);
    }
    let _written = write!(
        svg,
        "</svg><svg height=\"{height}\" role=\"img\" aria-labelledby=\"{id}\"><title id=\"{id}\">{}</title>",
        Escaped(title)
    );
    for (_, y) in scale {
        let _written = write!(svg, "<line class=\"lane\" x1=\"0\" y1=\"{y}\" x2=\"100%\" y2=\"{y}\"/>");
    }
    let step = 100.0 / f64::from(count);
    let width = (step * 0.72).min(10.0);
    let every = (count * NAME).div_ceil(WIDE).max(1);
    let every_on_narrow = (count * NAME).div_ceil(NARROW).next_multiple_of(every);
    for (place, column) in (0_u32..).zip(columns) {
        let middle = step * (f64::from(place) + 0.5);
        let mut y = f64::from(ABOVE + COLUMNS);
        for (one, value) in series.iter().zip(&column.values).filter(|(_, value)| **value > 0) {
            let height = f64::from(COLUMNS) * share(*value, most);
            y -= height;
            let _written = write!(
                svg,
                "<rect class=\"{}\" x=\"{:.2}%\" y=\"{y:.1}\" width=\"{width:.2}%\" height=\"{:.1}\"><title>{}: {} {value}\
                 </title></rect>",
                one.class(),
                middle - width / 2.0,
                height.max(1.0),
                Escaped(&column.name),
                Escaped(&one.name)
            );
        }
        if place % every == 0 {
            let class = if place % every_on_narrow == 0 { "name" } else { "name wide" };
            let name = column.name.get(5..).unwrap_or(&column.name);
            let anchor = if middle > 97.0 { "end" } else { "middle" };
            let _written = write!(
                svg,
                "<text class=\"{class}\" x=\"{middle:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                ABOVE + COLUMNS + 20,
                Escaped(name)
            );
        }
    }
    svg + "</svg></div>"
}

/// Returns `part` divided by `whole`. The result is from 0 to 1.
#[allow(clippy::cast_precision_loss, reason = "a drawing needs three digits")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Returns the text with at most `most` characters. A cut text ends with `…`.
fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['\u{2026}']).collect(),
        false => text.to_owned(),
    }
}
