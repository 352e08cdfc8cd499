//! Writes lines on a separate thread, so that no answer to a device waits for a terminal, a pipe or
//! a disk.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use ucupdate::audit::AccessFormat;
use ucupdate::{Event, Events};

/// The largest number of lines that wait to be written.
const MAX_WAITING: usize = 4096;

/// A thread that writes lines, with a bounded queue. A line that does not fit, or cannot be written, is dropped and counted.
#[derive(Debug)]
pub(crate) struct LineWriter {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// A request for a notification after all earlier lines are written.
    Flush(SyncSender<()>),
}

impl LineWriter {
    /// Starts the thread. `name` is the name of the sink in warnings. `lost_line` returns the line
    /// that reports a number of dropped lines.
    pub(crate) fn start(sink: Box<dyn Write + Send>, name: String, lost_line: fn(u64) -> String) -> Self {
        let (queue, waiting) = sync_channel(MAX_WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let lines = Lines { sink, name, lost: Arc::clone(&lost), lost_line, is_torn: false, fails: false };
        std::thread::spawn(move || lines.write(&waiting));
        Self { queue, lost }
    }

    /// Adds a line to the queue. The text must contain its line end. Never waits.
    pub(crate) fn push(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all lines in the queue are written, but at most for `time`.
    pub(crate) fn flush(&self, time: Duration) {
        let (done, is_done) = sync_channel(0);
        // If the queue is full, there is nothing to wait for.
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            let _dropped_or_late = is_done.recv_timeout(time);
        }
    }
}

/// The state of the thread of a [`LineWriter`].
struct Lines {
    sink: Box<dyn Write + Send>,
    name: String,
    lost: Arc<AtomicU64>,
    lost_line: fn(u64) -> String,
    /// `true` if the last line was not written whole. Then the file may end in a part of a line, so
    /// the next write begins with a line end.
    is_torn: bool,
    /// `true` if one of the last lines, or the flush after them, failed. Only a change of this value is
    /// logged.
    fails: bool,
}

impl Lines {
    /// Writes lines until the queue is closed.
    fn write(mut self, waiting: &Receiver<Message>) {
        while let Ok(first) = waiting.recv() {
            let (mut next, mut flush, mut failure) = (Some(first), None, None);
            while let Some(message) = next {
                match message {
                    Message::Line(line) => {
                        if let Err(error) = self.line(&line) {
                            self.lost.fetch_add(1, Ordering::Relaxed);
                            failure = Some(error);
                        }
                    }
                    Message::Flush(done) => {
                        flush = Some(done);
                        break;
                    }
                }
                next = waiting.try_recv().ok();
            }
            let dropped = self.lost.swap(0, Ordering::Relaxed);
            if dropped > 0
                && let Err(error) = self.line(&(self.lost_line)(dropped))
            {
                self.lost.fetch_add(dropped, Ordering::Relaxed);
                failure = Some(error);
            }
            let flushed = self.sink.flush();
            self.note(failure.or(flushed.err()).as_ref());
            if let Some(done) = flush {
                let _late = done.send(());
            }
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let written = match self.is_torn {
            true => self.sink.write_all(&[b"\n", line.as_bytes()].concat()),
            false => self.sink.write_all(line.as_bytes()),
        };
        self.is_torn = written.is_err();
        written
    }

    /// Logs a warning when writes begin to fail, and a message when they succeed again. `failure` is an
    /// error of the lines that were written together, or of the flush after them. A flush can succeed
    /// although a write before it failed, so it does not show alone that writes succeed again.
    fn note(&mut self, failure: Option<&io::Error>) {
        let sink = &self.name;
        match failure {
            Some(error) if !self.fails => {
                let error: &dyn std::error::Error = error;
                tracing::warn!(
                    sink,
                    error,
                    "lines cannot be written; they are dropped and counted until they can"
                );
            }
            None if self.fails => tracing::info!(sink, "lines are written again"),
            _ => {}
        }
        self.fails = failure.is_some();
    }
}

/// Returns the line that reports the number of dropped rows of the access log. It is a comment in
/// the format of the log.
pub(super) fn lost_rows(count: u64) -> String {
    format!("#Remark: {count} rows were dropped, because the reader is too slow\n")
}

/// A listener that writes a row of the access log for each exchange (a request and its answer).
#[derive(Debug)]
pub(super) struct AccessLines {
    writer: Arc<LineWriter>,
    format: AccessFormat,
}

impl AccessLines {
    pub(super) fn new(writer: Arc<LineWriter>) -> Self {
        Self { writer, format: AccessFormat::default() }
    }
}

impl Events for AccessLines {
    fn on_event(&self, event: &Event<'_>) {
        if let Event::ExchangeFinished { row, .. } = event {
            self.writer.push(self.format.line(row).as_str().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A sink that waits for a permit before each write.
    struct Gate {
        taken: Arc<Mutex<Vec<u8>>>,
        permit: Option<Receiver<()>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(permit) = self.permit.take() {
                permit.recv().unwrap();
            }
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_counted_and_pushing_never_waits() {
        let (open, permit) = sync_channel(1);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate { taken: Arc::clone(&taken), permit: Some(permit) };
        let writer = LineWriter::start(Box::new(gate), "gate".into(), |count| format!("{count} lost\n"));
        let pushed = MAX_WAITING * 2;
        for number in 0..pushed {
            writer.push(format!("{number}\n"));
        }
        open.send(()).unwrap();
        while writer.lost.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        writer.flush(Duration::from_secs(60));
        let taken = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        let lost: usize = taken.lines().find_map(|line| line.strip_suffix(" lost")?.parse().ok()).unwrap();
        assert_eq!(taken.lines().filter(|line| !line.ends_with("lost")).count() + lost, pushed);
        assert!(taken.starts_with("0\n1\n2\n"), "{taken}");
    }

    #[test]
    fn a_reader_that_is_gone_stops_nothing() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = LineWriter::start(Box::new(Closed), "closed".into(), lost_rows);
        for _ in 0..10 {
            writer.push("line\n".to_owned());
            writer.flush(Duration::from_secs(60));
        }
    }

    #[test]
    fn a_disk_that_stays_full_is_reported_once_and_once_more_when_it_has_space() {
        #[derive(Clone, Default)]
        struct Log(Arc<Mutex<Vec<u8>>>);
        impl Write for Log {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        /// A sink whose first writes fail, and whose flushes succeed, as those of a file do.
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                match self.0.checked_sub(1) {
                    Some(left) => {
                        self.0 = left;
                        Err(io::ErrorKind::StorageFull.into())
                    }
                    None => Ok(bytes.len()),
                }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (queue, waiting) = sync_channel(MAX_WAITING);
        let (done, _is_done) = sync_channel(MAX_WAITING);
        for number in 0..8 {
            queue.send(Message::Line(format!("{number}\n"))).unwrap();
            queue.send(Message::Flush(done.clone())).unwrap();
        }
        drop(queue);
        let (log, name) = (Log::default(), "disk".to_owned());
        let lines = Lines {
            sink: Box::new(Full(6)),
            name,
            lost: Arc::default(),
            lost_line: lost_rows,
            is_torn: false,
            fails: false,
        };
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone()).finish();
        tracing::subscriber::with_default(subscriber, || lines.write(&waiting));
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!((count("cannot be written"), count("written again")), (1, 1), "{text}");
    }

    #[test]
    fn lines_after_a_full_disk_are_whole_and_the_lost_ones_are_counted() {
        /// A sink with space for some bytes. If a write does not fit, only a part of it is written,
        /// as on a full disk.
        struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);
        impl Write for Disk {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let mut disk = self.0.lock().unwrap();
                let fits = bytes.len().min(disk.1 - disk.0.len());
                disk.0.extend_from_slice(&bytes[..fits]);
                if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let disk = Arc::new(Mutex::new((Vec::new(), 8)));
        let writer = LineWriter::start(Box::new(Disk(Arc::clone(&disk))), "disk".into(), |count| {
            format!("{count} lost\n")
        });
        let write = |line: &str| {
            writer.push(format!("{line}\n"));
            writer.flush(Duration::from_secs(60));
        };
        ["first", "second", "third"].iter().for_each(|line| write(line));
        disk.lock().unwrap().1 = 1_000;
        write("fourth");
        let taken = String::from_utf8(disk.lock().unwrap().0.clone()).unwrap();
        assert_eq!(taken, "first\nse\nfourth\n2 lost\n");
    }
}
