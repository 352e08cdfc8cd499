//! Draws the timeline of one device as SVG.

use crate::output::page::Escaped;
use crate::output::time::iso;
use std::fmt::Write as _;
use ucupdate::timeline::{DeviceEvent, DeviceStory, EventKind, Fetch, FetchOutcome};
use ucupdate::value::UnixTime;

/// The maximum number of events in a drawing. If there are more, the latest are drawn.
pub(super) const MAX_DRAWN: usize = 200;

/// The size of the drawing, in units of the view box.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 24.0;

/// The vertical position of each lane.
const ASKED: f64 = 34.0;
const FILES: f64 = 78.0;
const TROUBLES: f64 = 122.0;
const AXIS: f64 = 150.0;
const HEIGHT: f64 = 196.0;

/// The smallest distance between two labels of the axis.
const LABEL_DISTANCE: f64 = 64.0;

/// The horizontal positions of times. The distance between two times grows with the logarithm of the time between them,
/// so that minutes and days fit in one drawing.
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
        let scale = if at > 0.0 { (WIDTH - LEFT - RIGHT) / at } else { 0.0 };
        let middle = if at > 0.0 { LEFT } else { (WIDTH + LEFT) / 2.0 };
        Self { times, places: places.into_iter().map(|place| middle + place * scale).collect() }
    }

    fn place(&self, at: UnixTime) -> f64 {
        let index = self.times.partition_point(|time| *time < at);
        self.places.get(index).or(self.places.last()).copied().unwrap_or(LEFT)
    }
}

/// Returns the drawing. The events and troubles follow as text on the page, so the drawing has a short description only.
pub(super) fn drawing(story: &DeviceStory, number: usize) -> String {
    let events = &story.events[story.events.len().saturating_sub(MAX_DRAWN)..];
    let Some(first) = events.first().map(start) else { return String::new() };
    let troubles: Vec<_> = story.troubles.iter().filter(|trouble| trouble.last >= first).collect();
    let times = events.iter().flat_map(|event| [start(event), event.at]);
    let axis = Axis::new(times.chain(troubles.iter().map(|trouble| trouble.last)).collect());
    let mut svg = String::new();
    let _written = write!(
        svg,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"t{number}\"><title id=\"t{number}\">Drawn \
         timeline of {}: {} events, {} troubles</title>",
        Escaped(&story.name()),
        events.len(),
        story.troubles.len()
    );
    for (name, y) in [("requests", ASKED), ("files", FILES), ("troubles", TROUBLES)] {
        let _written = write!(
            svg,
            "<line class=\"lane\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text class=\"name\" x=\"0\" y=\"{}\">{name}\
             </text>",
            WIDTH - RIGHT,
            y + 4.0
        );
    }
    events.iter().for_each(|event| push_event(event, &axis, &mut svg));
    for trouble in troubles {
        let x = axis.place(trouble.last.max(first));
        let class = if trouble.over.is_some() { "over" } else { "bad" };
        let said = trouble.to_string();
        let _written = write!(
            svg,
            "<path class=\"{class}\" d=\"M{x:.1} {:.1} l8 14 h-16 z\"><title>{}</title></path>",
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
        EventKind::Fetched(Fetch { taken_ms: Some(taken), .. }) => {
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
        EventKind::Fetched(fetch) => {
            let class = match fetch.outcome {
                FetchOutcome::Whole => "good",
                FetchOutcome::Part => "part",
                _ => "bad",
            };
            let from = axis.place(start(event));
            let (height, y) = if fetch.file.is_signature { (6.0, FILES + 8.0) } else { (14.0, FILES - 8.0) };
            let width = (x - from).max(4.0);
            write!(
                svg,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" rx=\"2\">{title}</rect>",
                x - width
            )
        }
        EventKind::Asked { modules, .. } => {
            let is_offered = modules.iter().any(|module| module.offered.is_some());
            let class = if is_offered { "offer" } else { "ask" };
            write!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{ASKED}\" r=\"7\">{title}</circle>")
        }
        EventKind::Requested(row) => {
            let class = if row.is_answered() { "ask" } else { "bad" };
            write!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{ASKED}\" r=\"7\">{title}</circle>")
        }
        EventKind::Restarted { .. } => {
            let (top, bottom) = (ASKED - 20.0, FILES + 16.0);
            write!(
                svg,
                "<path class=\"restart\" d=\"M{x:.1} {top} V{bottom}\">{title}</path><text class=\"restart\" x=\"{x:.1}\" \
                 y=\"11\" text-anchor=\"middle\">restart</text>"
            )
        }
        _ => write!(svg, "<circle class=\"part\" cx=\"{x:.1}\" cy=\"{ASKED}\" r=\"4\">{title}</circle>"),
    };
}

fn push_axis(axis: &Axis, svg: &mut String) {
    let _written = write!(
        svg,
        "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{AXIS}\" x2=\"{}\" y2=\"{AXIS}\"/>",
        WIDTH - RIGHT
    );
    let (mut last, mut day) = (f64::MIN, String::new());
    for (time, x) in axis.times.iter().zip(&axis.places) {
        if x - last < LABEL_DISTANCE {
            continue;
        }
        last = *x;
        let iso = iso(*time);
        let (date, clock) = (iso.get(..10).unwrap_or_default(), iso.get(11..16).unwrap_or_default());
        // The labels near the right edge end there.
        let anchor = if *x > WIDTH - RIGHT - 30.0 { "end" } else { "middle" };
        let _written = write!(
            svg,
            "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{AXIS}\" x2=\"{x:.1}\" y2=\"{}\"/><text x=\"{x:.1}\" y=\"{}\" \
             text-anchor=\"{anchor}\">{clock}</text>",
            AXIS + 6.0,
            AXIS + 20.0
        );
        if date != day {
            let _written = write!(
                svg,
                "<text class=\"name\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{date}</text>",
                AXIS + 38.0
            );
            day = date.to_owned();
        }
    }
}
