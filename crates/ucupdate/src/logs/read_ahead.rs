//! [`ReadAhead`]: the rows of a log, which are read on another thread while the last ones are used.

use crate::logs::merge::LogForm;
use crate::logs::reader::{LogReadError, LogSummary};
use std::collections::VecDeque;
use std::panic::resume_unwind;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use ucupdate_audit::Finding;
use ucupdate_store::StoreError;

/// The largest number of rows and findings in one block.
pub(crate) const BLOCK_ROWS: usize = 256;

/// The number of bytes of a log after which a block ends, so that long rows do not need much memory.
const BLOCK_BYTES: u64 = 256 * 1024;

/// The rows of one log and the lines that are no rows. At most two blocks of them exist: one that is used, and the next one.
///
/// The texts of a row are best freed on the thread that made them, so used rows go back to it.
pub(crate) struct ReadAhead<F: LogForm> {
    now: VecDeque<Result<F::Row, Finding>>,
    rest: Rest<F>,
}

enum Rest<F: LogForm> {
    /// The rest of the log is not read yet.
    Unread(F::Reader),
    /// The next block is read on a thread for blocking work.
    Reading(JoinHandle<Block<F>>),
    /// The log was read to its end. `None` if reading failed, or while the state changes.
    Ended(Option<F::Reader>),
}

struct Block<F: LogForm> {
    rows: VecDeque<Result<F::Row, Finding>>,
    reader: F::Reader,
    is_last: bool,
}

impl<F: LogForm> ReadAhead<F> {
    pub(crate) fn new(reader: F::Reader) -> Self {
        Self { now: VecDeque::new(), rest: Rest::Unread(reader) }
    }

    /// Returns the next row or finding. `None` at the end of the log. If the future is dropped, no row is lost. `used` has rows of
    /// any log that are no longer needed.
    pub(crate) async fn next(
        &mut self,
        used: &mut Vec<F::Row>,
    ) -> Result<Option<Result<F::Row, Finding>>, LogReadError> {
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
                        Ok(block) => block,
                        Err(failed) if failed.is_panic() => resume_unwind(failed.into_panic()),
                        Err(ended) => return Err(StoreError::unavailable("reading a log", ended).into()),
                    }
                }
                // The first rows are read here, because most logs of a small server have few.
                unread => match std::mem::replace(unread, Rest::Ended(None)) {
                    Rest::Unread(reader) => Block::read(reader),
                    _ => return Ok(None),
                },
            };
            self.now = block.rows;
            self.rest = match (block.is_last, Handle::try_current()) {
                (true, _) => Rest::Ended(Some(block.reader)),
                (false, Ok(runtime)) => {
                    let used = std::mem::take(used);
                    Rest::Reading(runtime.spawn_blocking(|| {
                        drop(used);
                        Block::read(block.reader)
                    }))
                }
                (false, Err(_)) => Rest::Unread(block.reader),
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

impl<F: LogForm> Block<F> {
    fn read(mut reader: F::Reader) -> Self {
        let (mut rows, begin) = (VecDeque::new(), F::bytes_read(&reader));
        while rows.len() < BLOCK_ROWS && F::bytes_read(&reader) - begin < BLOCK_BYTES {
            match reader.next() {
                Some(row) => rows.push_back(row),
                None => return Self { rows, reader, is_last: true },
            }
        }
        Self { rows, reader, is_last: false }
    }
}
