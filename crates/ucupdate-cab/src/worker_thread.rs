//! [`WorkerThread`]: a thread that works on pieces of data while the calling thread produces the
//! next pieces.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::{iter, vec};

/// A thread that has a state `S`. It works on pieces `T` in the order in which the owner sent them.
///
/// The channels have no bound, so the calling thread must limit the number of pieces.
pub(crate) struct WorkerThread<T, S> {
    pieces: Sender<T>,
    /// The receiver of finished pieces. The `Mutex` is only needed to make the type `Sync`. It is
    /// never locked, because [`receive`](Self::receive) has `&mut self`.
    done: Mutex<Receiver<Vec<T>>>,
    /// The finished pieces that were not received yet.
    batch: vec::IntoIter<T>,
    thread: JoinHandle<S>,
}

impl<T: Send + 'static, S: Default + Send + 'static> WorkerThread<T, S> {
    /// Starts the thread. Fails and gives `state` back if the machine has only one processor, or if
    /// the thread cannot be started.
    ///
    /// The thread returns finished pieces in batches of at most `batch` pieces. Each batch costs a context switch.
    pub(crate) fn start(name: &str, state: S, batch: usize, work: fn(&mut S, &mut T)) -> Result<Self, S> {
        if !has_another_processor() {
            return Err(state);
        }
        let (state_sender, state_receiver) = channel();
        let (pieces, waiting) = channel();
        let (finished, done) = channel();
        let run = move || {
            let mut state = state_receiver.recv().unwrap_or_default();
            // An error means that the owner is dropped and needs no more pieces.
            let _ended = work_on(&waiting, &finished, batch, |piece| work(&mut state, piece));
            state
        };
        let Ok(thread) = thread::Builder::new().name(name.to_owned()).spawn(run) else { return Err(state) };
        state_sender.send(state).map_err(|unsent| unsent.0)?;
        Ok(Self { pieces, done: Mutex::new(done), batch: Vec::new().into_iter(), thread })
    }

    /// Sends a piece to the thread. Does not block.
    pub(crate) fn send(&self, piece: T) {
        // If the thread panicked, `receive` and `end` report it.
        let _sent = self.pieces.send(piece);
    }

    /// Waits for the next finished piece. `None` if the thread has panicked.
    pub(crate) fn receive(&mut self) -> Option<T> {
        if self.batch.as_slice().is_empty() {
            self.batch = self.done.get_mut().ok()?.recv().ok()?.into_iter();
        }
        self.batch.next()
    }

    /// Waits until the thread has worked on all pieces. Returns the state. Panics if the thread
    /// panicked.
    pub(crate) fn end(self) -> S {
        let Self { pieces, done, thread, .. } = self;
        drop(pieces);
        let state = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        drop(done);
        state
    }
}

/// Works on all pieces. Sends a batch of finished pieces when the batch is full or no other piece
/// waits. An error means that the receiver of the batches is gone.
fn work_on<T>(
    waiting: &Receiver<T>,
    finished: &Sender<Vec<T>>,
    batch: usize,
    mut work: impl FnMut(&mut T),
) -> Result<(), SendError<Vec<T>>> {
    while let Ok(first) = waiting.recv() {
        let mut pieces = Vec::with_capacity(batch);
        for mut piece in iter::once(first).chain(waiting.try_iter()).take(batch) {
            work(&mut piece);
            pieces.push(piece);
        }
        finished.send(pieces)?;
    }
    Ok(())
}

/// Returns whether the machine has more than one processor. The result is cached, because finding it reads several files.
fn has_another_processor() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| thread::available_parallelism().is_ok_and(|processors| processors.get() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubling(batch: usize) -> Option<WorkerThread<u32, u64>> {
        let work = |sum: &mut u64, piece: &mut u32| {
            assert_ne!(*piece, 13, "an unlucky number");
            *sum += u64::from(*piece);
            *piece *= 2;
        };
        // On a machine with one processor no thread is started, and the tests have nothing to check.
        WorkerThread::start("test", 100, batch, work).ok()
    }

    #[test]
    fn pieces_come_back_in_order_and_the_state_at_the_end() {
        for batch in [1, 3, 100] {
            let Some(mut thread) = doubling(batch) else { return };
            (1..=10).for_each(|piece| thread.send(piece));
            assert!((1..=10).all(|piece| thread.receive() == Some(2 * piece)), "in batches of {batch}");
            thread.send(11);
            assert_eq!(thread.end(), 100 + 66);
        }
    }

    #[test]
    fn a_thread_whose_pieces_nobody_receives_ends() {
        let Some(WorkerThread { pieces, done, thread, .. }) = doubling(1) else { return };
        drop(done);
        for _ in 1..=10 {
            // Sending fails if the thread has ended already.
            let _sent = pieces.send(1);
        }
        assert!(thread.join().is_ok_and(|sum| sum <= 110), "it ends although `pieces` still exists");
    }

    #[test]
    fn a_panic_of_the_thread_is_a_panic_of_its_owner() {
        let Some(mut thread) = doubling(1) else { return };
        thread.send(13);
        assert_eq!(thread.receive(), None);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| thread.end())).is_err());
    }
}
