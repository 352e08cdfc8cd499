//! [`Progress`]: how far a command is, with the rate and the time left, as one line on a terminal.

use crate::output::shown::Shown;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use ucupdate::store::{ImageStore, ImageStoreExt as _};

/// Work that ends within this time shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// The progress of one command. Clones share it.
///
/// What is read from stores and removed from them is counted always. It is shown from [`reads`](Self::reads) or
/// [`removes`](Self::removes) on, until the command prints its result.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The lines on the terminal. They are hidden until the work has lasted for [`PATIENCE`].
    lines: MultiProgress,
    read: ProgressBar,
    removed: ProgressBar,
    /// `true` if results are text, and stdout and stderr are terminals.
    is_shown: bool,
}

impl Progress {
    /// Creates a progress that is not shown yet. With `json` it is never shown.
    pub(crate) fn new(json: bool) -> Self {
        let is_shown = !json && io::stdout().is_terminal() && io::stderr().is_terminal();
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Self { lines, read: ProgressBar::hidden(), removed: ProgressBar::hidden(), is_shown }
    }

    /// Shows the bytes that are read from now on.
    pub(crate) fn reads(&self, doing: &str, total: u64) {
        self.show(&self.read, doing, Some(total), Unit::Bytes);
    }

    /// Shows the number of objects that are removed from now on.
    pub(crate) fn removes(&self, doing: &str, total: u64) {
        self.show(&self.removed, doing, Some(total), Unit::Things);
    }

    /// Returns whether progress is shown. If it is not, nothing needs to be counted in advance.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Returns the size of all objects below these prefixes of a store, or 0 if the progress is not shown. A prefix that cannot be
    /// listed is not counted, because the work itself reports the reason.
    pub(crate) async fn size_of(&self, store: &dyn ImageStore, prefixes: &[&str]) -> u64 {
        let mut total = 0;
        for prefix in prefixes.iter().filter(|_| self.is_shown) {
            let mut pages = store.pages(prefix);
            while let Ok(Some(page)) = pages.next().await {
                total += page.iter().map(|meta| meta.size).sum::<u64>();
            }
        }
        total
    }

    pub(crate) fn add_read(&self, bytes: usize) {
        self.read.inc(bytes as u64);
    }

    pub(crate) fn add_removed(&self) {
        self.removed.inc(1);
    }

    pub(crate) fn counted<R: io::Read>(&self, reader: R) -> impl io::Read + use<R> {
        self.read.wrap_read(reader)
    }

    /// Returns a bar for bytes that are not read from the store, such as those of a file. `total` may be set later.
    pub(crate) fn of_bytes(&self, doing: impl Display, total: Option<u64>) -> ProgressBar {
        let bar = ProgressBar::hidden();
        self.show(&bar, &doing.to_string(), total, Unit::Bytes);
        bar
    }

    fn show(&self, bar: &ProgressBar, doing: &str, total: Option<u64>, unit: Unit) {
        if !self.is_shown {
            return;
        }
        self.lines.set_draw_target(ProgressDrawTarget::hidden());
        let bar = self.lines.add(bar.clone());
        bar.reset();
        bar.set_style(unit.style(total.is_some()));
        bar.set_prefix(Shown(doing).to_string());
        match total {
            Some(total) => bar.set_length(total),
            None => bar.unset_length(),
        }
        let lines = self.lines.clone();
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            if !bar.is_finished() {
                lines.set_draw_target(ProgressDrawTarget::stderr());
                // The line is drawn also while nothing arrives.
                bar.enable_steady_tick(PATIENCE / 4);
            }
        });
    }

    /// Removes the line, because the command prints its result.
    pub(crate) fn end(&self) {
        self.read.finish_and_clear();
        self.removed.finish_and_clear();
    }

    /// Prints something between two states of the line.
    pub(crate) fn around<T>(&self, print: impl FnOnce() -> T) -> T {
        self.lines.suspend(print)
    }
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Bytes,
    Things,
}

impl Unit {
    fn style(self, has_total: bool) -> ProgressStyle {
        let template = match (self, has_total) {
            (Self::Bytes, true) => "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
            (Self::Bytes, false) => "{prefix} {spinner} {bytes} {bytes_per_sec}",
            (Self::Things, _) => "{prefix} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left",
        };
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
    }
}
