//! [`ReadAhead`]: the rows of a log, which are read on another thread while the rows before them
//! are used.

use crate::logs::merge::LogFormat;
use crate::logs::reader::{LogReadError, LogSummary};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use ucupdate_audit::LogFinding;
use ucupdate_store::StoreError;

/// The largest number of rows and findings in one block. A block is the part of a log that is read
/// at a time.
pub(crate) const BLOCK_ROWS: usize = 512;

/// The number of bytes of a log after which a block ends, so that long rows do not need much memory.
const BLOCK_BYTES: u64 = 256 * 1024;

/// The thread that reads the next blocks of all logs of one kind. It starts when it is first needed.
///
/// The texts of a row are best freed on the thread that made them, so used rows go back to it. With
/// several threads, each one would free texts of the others.
pub(crate) struct ReadingThread<F: LogFormat>(Option<mpsc::Sender<Job<F>>>);

/// A task for the reading thread: it frees the rows in `used`, and then reads the next block.
struct Job<F: LogFormat> {
    reader: F::Reader,
    /// An empty list with room for the rows of the next block.
    rows: VecDeque<Result<F::Row, LogFinding>>,
    used: Vec<F::Row>,
    done: oneshot::Sender<thread::Result<ReadBlock<F>>>,
}

impl<F: LogFormat> ReadingThread<F> {
    /// Begins to read the next block on the thread. If the thread cannot be started, the block is
    /// read when it is needed.
    fn begin(
        &mut self,
        reader: F::Reader,
        rows: VecDeque<Result<F::Row, LogFinding>>,
        used: &mut Vec<F::Row>,
    ) -> Rest<F> {
        let jobs = self.0.get_or_insert_with(|| {
            let (jobs, queue) = mpsc::channel::<Job<F>>();
            let work = move || {
                for Job { reader, rows, used, done } in queue {
                    drop(used);
                    let read = catch_unwind(AssertUnwindSafe(|| ReadBlock::read(reader, rows)));
                    let _nobody_waits = done.send(read);
                }
            };
            let _started = thread::Builder::new().spawn(work);
            jobs
        });
        let (done, reading) = oneshot::channel();
        match jobs.send(Job { reader, rows, used: std::mem::take(used), done }) {
            Ok(()) => Rest::Reading(reading),
            Err(mpsc::SendError(job)) => Rest::Unread(job.reader),
        }
    }
}

impl<F: LogFormat> Default for ReadingThread<F> {
    fn default() -> Self {
        Self(None)
    }
}

/// The rows of one log, and the findings about lines that are not rows. At most two blocks of them
/// exist: one that is used, and the next one.
pub(crate) struct ReadAhead<F: LogFormat> {
    now: VecDeque<Result<F::Row, LogFinding>>,
    rest: Rest<F>,
}

enum Rest<F: LogFormat> {
    /// The rest of the log is not read yet.
    Unread(F::Reader),
    /// The next block is read on the thread.
    Reading(oneshot::Receiver<thread::Result<ReadBlock<F>>>),
    /// The log was read to its end, and its reader is kept for the summary. `None` if reading
    /// failed, or for a moment while the next state is determined.
    Ended(Option<F::Reader>),
}

struct ReadBlock<F: LogFormat> {
    rows: VecDeque<Result<F::Row, LogFinding>>,
    reader: F::Reader,
    is_last: bool,
}

impl<F: LogFormat> ReadAhead<F> {
    pub(crate) fn new(reader: F::Reader) -> Self {
        Self { now: VecDeque::new(), rest: Rest::Unread(reader) }
    }

    /// Returns the next row, or a finding about a line that is not a row. `None` at the end of the
    /// log. If the future is dropped, no row is lost. The rows in `used` may be of any log; the
    /// reading thread frees them.
    pub(crate) async fn next(
        &mut self,
        thread: &mut ReadingThread<F>,
        used: &mut Vec<F::Row>,
    ) -> Result<Option<Result<F::Row, LogFinding>>, LogReadError> {
        loop {
            if let Some(row) = self.now.pop_front() {
                return Ok(Some(row));
            }
            let block = match &mut self.rest {
                Rest::Ended(_) => return Ok(None),
                Rest::Reading(reading) => {
                    let read = reading.await;
                    self.rest = Rest::Ended(None);
                    match read {
                        Ok(Ok(block)) => block,
                        Ok(Err(panic)) => resume_unwind(panic),
                        Err(ended) => return Err(StoreError::unavailable("reading a log", ended).into()),
                    }
                }
                // The first rows are read here, because most logs of a small server have few.
                unread => match std::mem::replace(unread, Rest::Ended(None)) {
                    Rest::Unread(reader) => ReadBlock::read(reader, VecDeque::new()),
                    _ => return Ok(None),
                },
            };
            let emptied = std::mem::replace(&mut self.now, block.rows);
            self.rest = match block.is_last {
                true => Rest::Ended(Some(block.reader)),
                false if Handle::try_current().is_ok() => thread.begin(block.reader, emptied, used),
                // Without a runtime, nothing may be awaited.
                false => Rest::Unread(block.reader),
            };
        }
    }

    /// Returns the summary of a log that was read to its end. `None` before that.
    pub(crate) fn summary(&self, rows: u64, unread: u64) -> Option<LogSummary> {
        match &self.rest {
            Rest::Ended(Some(reader)) => Some(F::summary(reader, rows, unread)),
            _ => None,
        }
    }
}

impl<F: LogFormat> ReadBlock<F> {
    fn read(mut reader: F::Reader, mut rows: VecDeque<Result<F::Row, LogFinding>>) -> Self {
        let begin = F::bytes_read(&reader);
        while rows.len() < BLOCK_ROWS && F::bytes_read(&reader) - begin < BLOCK_BYTES {
            match reader.next() {
                Some(row) => rows.push_back(row),
                None => return Self { rows, reader, is_last: true },
            }
        }
        Self { rows, reader, is_last: false }
    }
}
