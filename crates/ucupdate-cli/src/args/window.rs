//! A window: the hours in which devices are offered updates, on the command line.

use crate::context::Context;
use std::str::FromStr;
use ucupdate::book::Window;

/// A window, and whether its text has a time zone.
#[derive(Clone, Debug)]
pub(crate) struct WindowArg {
    window: Window,
    names_zone: bool,
}

impl FromStr for WindowArg {
    type Err = <Window as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let window: Window = text.parse()?;
        // The text of a window in UTC always ends with `UTC`.
        let shown = window.to_string();
        let is_utc = shown.ends_with(" UTC");
        let names_zone = !is_utc || text.trim().to_ascii_uppercase().ends_with("UTC");
        Ok(Self { window, names_zone })
    }
}

impl WindowArg {
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// Writes a message if the window names no time zone, and therefore is in UTC.
    pub(crate) fn report_missing_zone(&self, context: &mut Context) {
        if !self.names_zone {
            context.output.message(format_args!(
                "the window is in UTC, since it names no time zone: {}; write the zone after it, as Europe/Lisbon",
                self.window
            ));
        }
    }
}
