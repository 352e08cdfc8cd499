//! [`Progress`]: a line on a terminal that shows how much of the work a command has done, the rate,
//! and the time left.

use crate::output::shown::Shown;
use indicatif::{
    HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use ucupdate::store::{ImageStore, ImageStoreExt as _};

/// The time after which progress is shown. A command that ends earlier shows none.
const PATIENCE: Duration = Duration::from_secs(1);

/// The progress of one command. Clones share the state.
///
/// Bytes read from stores and objects removed from them are always counted. The counts are shown from [`begin`](Self::begin),
/// [`reads`](Self::reads) or [`removes`](Self::removes) on, until the command prints its result.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The lines on the terminal. They are hidden until [`PATIENCE`] after the first of them was added.
    lines: MultiProgress,
    /// `true` after the first line was added.
    has_lines: Arc<AtomicBool>,
    read: ProgressBar,
    removed: ProgressBar,
    /// The newest revision that the command made, or 0.
    revision: Arc<AtomicU64>,
    began_at: Instant,
    /// `true` if results are written as text, and stdout and stderr are terminals.
    is_shown: bool,
}

impl Progress {
    /// Creates a progress that shows nothing yet. With `json` it never shows anything.
    pub(crate) fn new(json: bool) -> Self {
        let is_shown = !json && io::stdout().is_terminal() && io::stderr().is_terminal();
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let (read, removed) = (ProgressBar::hidden(), ProgressBar::hidden());
        let (has_lines, revision) = (Arc::default(), Arc::default());
        Self { lines, has_lines, read, removed, revision, began_at: Instant::now(), is_shown }
    }

    /// Shows the line of [`works`](Self::works), if no line is shown yet.
    pub(crate) fn begin(&self) {
        if !self.has_lines.load(Ordering::Relaxed) {
            self.works();
        }
    }

    /// Shows that the command works, the time since it began, and the number of bytes that it read
    /// from the store.
    pub(crate) fn works(&self) {
        self.show(&self.read, "working", None, Unit::Store);
    }

    /// Shows `waiting for` and the text `what`, with the time since this call.
    pub(crate) fn waits_for(&self, what: &str) {
        self.does(&format!("waiting for {what}"));
    }

    /// Shows the text `doing`, with the time since this call.
    pub(crate) fn does(&self, doing: &str) {
        self.show(&self.read, doing, None, Unit::Wait);
    }

    /// Shows the number of bytes that are read from now on, out of `total`. `doing` is the text of
    /// the line.
    pub(crate) fn reads(&self, doing: &str, total: u64) {
        self.show(&self.read, doing, Some(total), Unit::Bytes);
    }

    /// Shows the number of objects that are removed from now on, out of `total`. `doing` is the
    /// text of the line.
    pub(crate) fn removes(&self, doing: &str, total: u64) {
        self.show(&self.removed, doing, Some(total), Unit::Things);
    }

    /// Returns whether progress is shown. If it is not, the caller need not compute totals.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Returns the size of all objects below these prefixes of a store in bytes, or 0 if the
    /// progress is not shown. A prefix that cannot be listed is not counted, because the work
    /// itself reports the reason.
    pub(crate) async fn size_of(&self, store: &dyn ImageStore, prefixes: &[&str]) -> u64 {
        let mut total = 0;
        for prefix in prefixes.iter().filter(|_| self.is_shown) {
            let mut pages = store.pages(prefix);
            while let Ok(Some(page)) = pages.next().await {
                total = page.iter().map(|meta| meta.size).fold(total, u64::saturating_add);
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

    /// Keeps the number of a revision that the command made. If the command fails later, its
    /// message names this revision.
    pub(crate) fn note_revision(&self, number: u64) {
        self.revision.fetch_max(number, Ordering::Relaxed);
    }

    /// Forgets the kept number. The revisions so far were copied from another store, so they are
    /// not changes that the command made.
    pub(crate) fn forget_revisions(&self) {
        self.revision.store(0, Ordering::Relaxed);
    }

    /// Returns the newest revision that the command made. `None` if it made no revision.
    pub(crate) fn revision(&self) -> Option<u64> {
        Some(self.revision.load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    pub(crate) fn counted<R: io::Read>(&self, reader: R) -> impl io::Read + use<R> {
        self.read.wrap_read(reader)
    }

    /// Shows a new progress bar that counts bytes which do not come from the store, such as those
    /// of a file, and returns it. `total` may be set later.
    pub(crate) fn of_bytes(&self, doing: impl Display, total: Option<u64>) -> ProgressBar {
        self.other(&doing.to_string(), total, Unit::Bytes)
    }

    /// Shows a new progress bar that counts things, such as files, and returns it. `total` is their
    /// number.
    pub(crate) fn of_things(&self, doing: &str, total: u64) -> ProgressBar {
        self.other(doing, Some(total), Unit::Things)
    }

    /// Shows a new bar in place of the one for bytes from the store.
    fn other(&self, doing: &str, total: Option<u64>, unit: Unit) -> ProgressBar {
        self.read.finish_and_clear();
        let bar = ProgressBar::hidden();
        self.show(&bar, doing, total, unit);
        bar
    }

    fn show(&self, bar: &ProgressBar, doing: &str, total: Option<u64>, unit: Unit) {
        if !self.is_shown {
            return;
        }
        let bar = self.lines.add(bar.clone());
        let so_far = bar.position();
        bar.reset();
        if matches!(unit, Unit::Store) {
            bar.set_position(so_far);
        }
        bar.set_style(unit.style(total.is_some(), self.began_at));
        // indicatif cuts a message at the width of the terminal, but not a prefix.
        match unit {
            Unit::Wait => bar.set_message(Shown(doing).to_string()),
            _ => bar.set_prefix(Shown(doing).to_string()),
        }
        match total {
            Some(total) => bar.set_length(total),
            None => bar.unset_length(),
        }
        // The line is also drawn while no bytes arrive.
        bar.enable_steady_tick(PATIENCE / 4);
        if self.has_lines.swap(true, Ordering::Relaxed) {
            return;
        }
        let lines = self.lines.clone();
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            lines.set_draw_target(ProgressDrawTarget::stderr());
        });
    }

    /// Removes all progress lines, because the command prints its result.
    pub(crate) fn end(&self) {
        self.read.finish_and_clear();
        self.removed.finish_and_clear();
        self.lines.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Hides the progress lines while `print` runs, so that it can write to the terminal.
    pub(crate) fn around<T>(&self, print: impl FnOnce() -> T) -> T {
        self.lines.suspend(print)
    }
}

/// The unit of a progress line.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Bytes,
    Things,
    /// Bytes that were read from the store so far. The total is not known.
    Store,
    /// Nothing is counted. The line shows only the time.
    Wait,
}

impl Unit {
    fn style(self, has_total: bool, began_at: Instant) -> ProgressStyle {
        let template = match (self, has_total) {
            (Self::Bytes, true) => "{prefix} {wide_bar} {so_far}/{total_bytes} {bytes_per_sec} {left}",
            (Self::Bytes, false) => "{prefix} {spinner} {bytes} {bytes_per_sec}",
            (Self::Things, _) => "{prefix} {wide_bar} {human_pos}/{human_len} {per_sec:0} {left}",
            (Self::Wait, _) => "{spinner} {elapsed} {wide_msg}",
            (Self::Store, _) => "{prefix} {spinner} {since}, {bytes} read",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Writing to a text does not fail.
        let since = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let _written = write!(out, "{:#}", HumanDuration(began_at.elapsed()));
        };
        let left = move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _written = match is_complete(state) {
                true => write!(out, "{:#} so far", HumanDuration(began_at.elapsed())),
                // Before the first step the time left is not known.
                false if state.pos() == 0 => Ok(()),
                false => write!(out, "{:#} left", HumanDuration(state.eta())),
            };
        };
        style.with_key("left", left).with_key("so_far", so_far).with_key("since", since)
    }
}

/// Writes the number of bytes so far. The total is an estimate, so more bytes may be read. In this
/// case the total is written.
fn so_far(state: &ProgressState, out: &mut dyn fmt::Write) {
    let bytes = state.len().map_or(state.pos(), |total| state.pos().min(total));
    let _written = write!(out, "{}", HumanBytes(bytes));
}

/// Returns whether the count has reached the total. The command may still work.
fn is_complete(state: &ProgressState) -> bool {
    state.len().is_some_and(|total| state.pos() >= total)
}
