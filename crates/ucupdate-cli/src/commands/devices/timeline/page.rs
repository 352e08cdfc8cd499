//! The stories (timelines) of devices as one HTML page without scripts.

use super::drawing::{MAX_DRAWN, drawing};
use super::report::known;
use super::stories::Stories;
use crate::output::page::{Escaped, Marked, capital, document};
use crate::output::time::iso;
use std::fmt::Write as _;
use ucupdate::device::DeviceId;
use ucupdate::timeline::{DeviceEventKind, DeviceStory, FetchResult, Trouble};
use ucupdate::value::Counted;

/// The explanation of the symbols in a drawing, as HTML.
const LEGEND: &str = "<p class=\"facts\">Circles are requests: filled where a version was offered, red where the server refused. \
                      Bars are downloads of images, and below them of signatures. Triangles are troubles: filled where they \
                      go on. Dashed lines are restarts. Long pauses are shortened.</p>";

/// The maximum number of devices on a page.
const MAX_DEVICES: usize = 1000;

pub(crate) fn page(stories: &Stories) -> String {
    let shown = &stories.stories[..stories.stories.len().min(MAX_DEVICES)];
    let events: usize = shown.iter().map(|story| story.events.len()).sum();
    let troubles = shown.iter().flat_map(|story| &story.troubles);
    let (open, over): (Vec<_>, Vec<_>) = troubles.partition(|trouble| trouble.over.is_none());
    let end = stories.end.map_or_else(|| "-".to_owned(), iso);
    let mut body = format!(
        "<h1>Timeline</h1><p class=\"lead\">{}, {}, {} on, {} over. The logs end at \
         <time>{end}</time>. All times are in UTC.</p>",
        Counted::new(shown.len(), "device"),
        Counted::new(events, "event"),
        Counted::new(open.len(), "trouble").with_verb("that goes", "that go"),
        Counted::new(over.len(), "trouble").with_verb("that is", "that are"),
    );
    if stories.stories.len() > MAX_DEVICES {
        let _written = write!(
            body,
            "<p class=\"lead\">{} further devices are not on this page.</p>",
            stories.stories.len() - MAX_DEVICES
        );
    }
    if shown.len() > 1 {
        push_contents(shown, &mut body);
    }
    for (number, story) in shown.iter().enumerate() {
        push_story(story, number, &mut body);
    }
    document("Timeline of devices", &body)
}

fn push_contents(stories: &[DeviceStory], body: &mut String) {
    body.push_str("<nav aria-label=\"Devices\"><ul class=\"contents\">");
    for (number, story) in stories.iter().enumerate() {
        let open = story.troubles.iter().filter(|trouble| trouble.over.is_none()).count();
        let state = if open > 0 {
            format!("{} on", Counted::new(open, "trouble").with_verb("goes", "go"))
        } else {
            "no open trouble".into()
        };
        let _written = write!(
            body,
            "<li><a href=\"#d{number}\">{}</a> <span class=\"{}\">{state}</span></li>",
            Escaped(&story.name()),
            if open > 0 { "tag bad" } else { "tag" },
        );
    }
    body.push_str("</ul></nav>");
}

pub(crate) fn push_story(story: &DeviceStory, number: usize, body: &mut String) {
    let _written = write!(
        body,
        "<section aria-labelledby=\"d{number}\"><h2 id=\"d{number}\">{}</h2><p class=\"facts\">{}</p>",
        Escaped(&story.name()),
        facts(story)
    );
    let _written = write!(body, "<div class=\"drawing\">{}</div>", drawing(story, number));
    body.push_str(LEGEND);
    if story.events.len() > MAX_DRAWN {
        let _written = write!(body, "<p class=\"facts\">The drawing has the last {MAX_DRAWN} events.</p>");
    }
    if !story.troubles.is_empty() {
        body.push_str("<h3>Troubles</h3><ul class=\"troubles\">");
        story.troubles.iter().for_each(|trouble| push_trouble(trouble, body));
        body.push_str("</ul>");
    }
    body.push_str("<h3>Events</h3><ol class=\"events\">");
    for event in &story.events {
        let iso = iso(event.at);
        let (date, clock) = (iso.get(..10).unwrap_or_default(), iso.get(11..19).unwrap_or_default());
        let _written = write!(
            body,
            "<li class=\"{}\"><time datetime=\"{iso}\">{date} <b>{clock}</b></time><span>{}</span></li>",
            class(&event.kind),
            Escaped(&event.to_string())
        );
    }
    body.push_str("</ol></section>");
}

fn push_trouble(trouble: &Trouble, body: &mut String) {
    let (class, state) = match trouble.over {
        Some(over) => ("over", format!("over since {}", iso(over))),
        None => ("bad", "goes on".to_owned()),
    };
    let times = if trouble.count > 1 {
        format!("{} times, first {}, last {}", trouble.count, iso(trouble.first), iso(trouble.last))
    } else {
        iso(trouble.first)
    };
    let _written = write!(
        body,
        "<li class=\"{class}\"><p><strong>{}</strong> <span class=\"tag {class}\">{state}</span></p><p>{}.</p><p><b>To do:</b> \
         {}.</p><p class=\"facts\">{times}</p></li>",
        Escaped(&capital(&trouble.kind.to_string())),
        Marked(&capital(trouble.kind.meaning())),
        Marked(trouble.kind.remedy())
    );
}

/// Returns the known facts about a device as HTML, without its name.
fn facts(story: &DeviceStory) -> String {
    match story.device {
        Some(DeviceId::Mac(_) | DeviceId::Serial(_)) => {
            let parts = known(story);
            parts.iter().map(|part| Escaped(part).to_string()).collect::<Vec<_>>().join(" · ")
        }
        None => "known by its address only: no audit log names it".to_owned(),
    }
}

fn class(kind: &DeviceEventKind) -> &'static str {
    match kind {
        DeviceEventKind::Requested(row) if !row.is_answered() => "bad",
        DeviceEventKind::Fetched(fetch) => match fetch.outcome {
            FetchResult::Failed { .. } | FetchResult::CutShort => "bad",
            _ => "good",
        },
        DeviceEventKind::Restarted { .. } => "restart",
        _ => "ask",
    }
}
