//! Draws the timeline of one device as SVG.

use crate::output::page::Escaped;
use crate::output::time::iso;
use std::fmt::Write as _;
use ucupdate::timeline::{DeviceEvent, DeviceEventKind, DeviceStory, Fetch, FetchResult};
use ucupdate::value::UnixTime;

/// The maximum number of events in a drawing. If there are more, the latest are drawn.
pub(super) const MAX_DRAWN: usize = 200;

/// The vertical positions of the lanes (rows) of the drawing, in pixels. Horizontal positions are
/// percentages, so a drawing fits in every page.
const ASKED: f64 = 48.0;
const FILES: f64 = 96.0;
const TROUBLES: f64 = 142.0;
const AXIS: f64 = 170.0;
const HEIGHT: f64 = 216.0;

/// The smallest distance between two labels of the axis, in percent: on wide pages, and
/// (`NARROW_LABEL_DISTANCE`) on narrow pages.
const LABEL_DISTANCE: f64 = 14.0;
const NARROW_LABEL_DISTANCE: f64 = 32.0;

/// The horizontal positions of times, in percent. The distance between two times grows with the
/// logarithm of the seconds between them, so that minutes and days fit in one drawing.
struct Axis {
    times: Vec<UnixTime>,
    places: Vec<f64>,
}

impl Axis {
    fn new(mut times: Vec<UnixTime>) -> Self {
        times.sort_unstable();
        times.dedup();
        let mut places = vec![0.0];
        let mut at = 0.0;
        for pair in times.windows(2) {
            let seconds = pair[1].as_seconds().saturating_sub(pair[0].as_seconds());
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            at += (1.0 + f64::from(seconds)).ln().max(0.4);
            places.push(at);
        }
        let percent = |place: f64| if at > 0.0 { 100.0 * place / at } else { 50.0 };
        Self { times, places: places.into_iter().map(percent).collect() }
    }

    fn place(&self, at: UnixTime) -> f64 {
        let index = self.times.partition_point(|time| *time < at);
        self.places.get(index).or(self.places.last()).copied().unwrap_or(0.0)
    }
}

/// Returns the drawing as SVG. `number` is that of the drawing on its page. The page also has the
/// events and troubles as text, so the drawing only has a short description.
pub(super) fn drawing(story: &DeviceStory, number: usize) -> String {
    let events = &story.events[story.events.len().saturating_sub(MAX_DRAWN)..];
    let Some(first) = events.first().map(start) else { return String::new() };
    let troubles: Vec<_> = story.troubles.iter().filter(|trouble| trouble.last >= first).collect();
    let times = events.iter().flat_map(|event| [start(event), event.at]);
    let axis = Axis::new(times.chain(troubles.iter().map(|trouble| trouble.last)).collect());
    let mut svg = String::new();
    let _written = write!(
        svg,
        "<svg height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"t{number}\"><title id=\"t{number}\">Drawn \
         timeline of {}: {} events, {} troubles</title>",
        Escaped(&story.name()),
        events.len(),
        story.troubles.len()
    );
    for (name, y) in [("requests", ASKED), ("files", FILES), ("troubles", TROUBLES)] {
        let _written = write!(
            svg,
            "<line class=\"lane\" x1=\"0\" y1=\"{y}\" x2=\"100%\" y2=\"{y}\"/><text class=\"name\" x=\"6\" y=\"{}\">{name}</text>",
            y - 15.0
        );
    }
    events.iter().for_each(|event| push_event(event, &axis, &mut svg));
    for trouble in troubles {
        let x = axis.place(trouble.last.max(first));
        let class = if trouble.over.is_some() { "over" } else { "bad" };
        let said = trouble.to_string();
        let _written = write!(
            svg,
            "<svg x=\"{x:.2}%\" y=\"{}\"><path class=\"{class}\" d=\"M0 0l8 14h-16z\"><title>{}</title></path></svg>",
            TROUBLES - 8.0,
            Escaped(&said)
        );
    }
    push_axis(&axis, &mut svg);
    svg.push_str("</svg>");
    svg
}

fn start(event: &DeviceEvent) -> UnixTime {
    match &event.kind {
        DeviceEventKind::Fetched(Fetch { taken_ms: Some(taken), .. }) => {
            let taken = i64::try_from(*taken).unwrap_or(0);
            UnixTime::from_millis(event.at.as_millis().saturating_sub(taken))
        }
        _ => event.at,
    }
}

fn push_event(event: &DeviceEvent, axis: &Axis, svg: &mut String) {
    let x = axis.place(event.at);
    let title = format!("{} {event}", iso(event.at));
    let title = format!("<title>{}</title>", Escaped(&title));
    let _written = match &event.kind {
        DeviceEventKind::Fetched(fetch) => {
            let class = match fetch.outcome {
                FetchResult::Whole => "good",
                FetchResult::Part => "part",
                _ => "bad",
            };
            let from = axis.place(start(event));
            let (height, y) = if fetch.file.is_signature { (6.0, FILES + 8.0) } else { (14.0, FILES - 8.0) };
            let width = (x - from).max(0.7);
            write!(
                svg,
                "<rect class=\"{class}\" x=\"{:.2}%\" y=\"{y}\" width=\"{width:.2}%\" height=\"{height}\" rx=\"2\">{title}</rect>",
                x - width
            )
        }
        DeviceEventKind::Asked { modules, .. } => {
            let is_offered = modules.iter().any(|module| module.offered.is_some());
            let class = if is_offered { "offer" } else { "ask" };
            write!(svg, "<circle class=\"{class}\" cx=\"{x:.2}%\" cy=\"{ASKED}\" r=\"7\">{title}</circle>")
        }
        DeviceEventKind::Requested(row) => {
            let class = if row.is_answered() { "ask" } else { "bad" };
            write!(svg, "<circle class=\"{class}\" cx=\"{x:.2}%\" cy=\"{ASKED}\" r=\"7\">{title}</circle>")
        }
        DeviceEventKind::Restarted { .. } => {
            let (top, bottom) = (ASKED - 32.0, FILES + 16.0);
            write!(
                svg,
                "<line class=\"restart\" x1=\"{x:.2}%\" y1=\"{top}\" x2=\"{x:.2}%\" y2=\"{bottom}\">{title}</line><text \
                 class=\"restart wide\" x=\"{x:.2}%\" y=\"11\" text-anchor=\"{}\">restart</text>",
                anchor(x)
            )
        }
        _ => write!(svg, "<circle class=\"part\" cx=\"{x:.2}%\" cy=\"{ASKED}\" r=\"4\">{title}</circle>"),
    };
}

/// Returns the `text-anchor` of SVG for a text at `x` percent of the width. A text near the left
/// edge begins at `x`, and a text near the right edge ends there.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 8.0 => "start",
        x if x > 92.0 => "end",
        _ => "middle",
    }
}

/// Adds the axis of time and its labels. The date is written at the first label of each day.
fn push_axis(axis: &Axis, svg: &mut String) {
    let _written = write!(svg, "<line class=\"axis\" x1=\"0\" y1=\"{AXIS}\" x2=\"100%\" y2=\"{AXIS}\"/>");
    let (mut last, mut last_narrow) = (f64::MIN, f64::MIN);
    let (mut day, mut day_narrow) = (String::new(), String::new());
    for (time, x) in axis.times.iter().zip(&axis.places) {
        if x - last < LABEL_DISTANCE {
            continue;
        }
        last = *x;
        let is_narrow = x - last_narrow >= NARROW_LABEL_DISTANCE;
        let (iso, anchor) = (iso(*time), anchor(*x));
        let (date, clock) = (iso.get(..10).unwrap_or_default(), iso.get(11..16).unwrap_or_default());
        let class = if is_narrow { "" } else { "wide" };
        let _written = write!(
            svg,
            "<line class=\"axis\" x1=\"{x:.2}%\" y1=\"{AXIS}\" x2=\"{x:.2}%\" y2=\"{}\"/><text class=\"{class}\" x=\"{x:.2}%\" \
             y=\"{}\" text-anchor=\"{anchor}\">{clock}</text>",
            AXIS + 6.0,
            AXIS + 20.0
        );
        let (is_new, is_new_on_narrow) = (date != day, is_narrow && date != day_narrow);
        if is_new || is_new_on_narrow {
            let class = match (is_new, is_new_on_narrow) {
                (true, true) => "name",
                (true, false) => "name wide",
                _ => "name narrow",
            };
            let _written = write!(
                svg,
                "<text class=\"{class}\" x=\"{x:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{date}</text>",
                AXIS + 38.0
            );
        }
        date.clone_into(&mut day);
        if is_narrow {
            last_narrow = *x;
            date.clone_into(&mut day_narrow);
        }
    }
}
