//! [`Idempotency`]: the answers to requests with an `Idempotency-Key`.

use crate::response::answer::Answer;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The answers to the newest requests with an `Idempotency-Key`. Keys of different administrators
/// are independent.
pub(crate) struct Idempotency {
    most: usize,
    entries: Mutex<VecDeque<KeyEntry>>,
}

struct KeyEntry {
    name: Box<str>,
    key: Box<[u8]>,
    /// The request without its body, as text. It shows whether a later request with the key is
    /// another request.
    what: Box<str>,
    /// `None` while the request is running.
    answer: Option<Answer>,
}

/// The state of an `Idempotency-Key` when a request with this key begins.
pub(crate) enum KeyState<'a> {
    /// The key is new.
    First(KeyReservation<'a>),
    /// A request with the key is running.
    Running,
    /// A request with the key was answered.
    Answered(Answer),
    /// The key was used for another request.
    OtherRequest,
}

/// The entry of an `Idempotency-Key` whose request is running. If it is dropped without an answer, the key is free
/// again.
pub(crate) struct KeyReservation<'a> {
    idempotency: &'a Idempotency,
    name: Box<str>,
    key: Box<[u8]>,
}

impl Idempotency {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    pub(crate) fn begin(&self, name: &str, key: &[u8], what: &str) -> KeyState<'_> {
        let mut entries = self.entries();
        if let Some(entry) = entries.iter().find(|entry| *entry.name == *name && *entry.key == *key) {
            return match entry.answer.as_ref().and_then(Answer::copy) {
                _ if *entry.what != *what => KeyState::OtherRequest,
                None => KeyState::Running,
                Some(answer) => KeyState::Answered(answer),
            };
        }
        // Few requests run at the same time, because each one needs a permit for uploads.
        while entries.len() >= self.most.max(1) {
            let Some(oldest) = entries.iter().position(|entry| entry.answer.is_some()) else { break };
            entries.remove(oldest);
        }
        let (name, key): (Box<str>, Box<[u8]>) = (name.into(), key.into());
        entries.push_back(KeyEntry { name: name.clone(), key: key.clone(), what: what.into(), answer: None });
        KeyState::First(KeyReservation { idempotency: self, name, key })
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<KeyEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyReservation<'_> {
    /// Keeps the answer for later requests with the key, and returns it.
    pub(crate) fn answered(self, answer: Answer) -> Answer {
        let mut entries = self.idempotency.entries();
        let mine = entries.iter_mut().find(|entry| entry.name == self.name && entry.key == self.key);
        if let Some(mine) = mine {
            mine.answer = answer.copy();
        }
        answer
    }
}

impl Drop for KeyReservation<'_> {
    fn drop(&mut self) {
        let mut entries = self.idempotency.entries();
        entries.retain(|entry| entry.answer.is_some() || entry.name != self.name || entry.key != self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_the_same_answer_again_to_the_same_person() {
        let idempotency = Idempotency::new(2);
        let KeyState::First(place) = idempotency.begin("ann", b"1", "a.cab") else { panic!() };
        assert!(matches!(idempotency.begin("ann", b"1", "a.cab"), KeyState::Running));
        assert!(matches!(idempotency.begin("ann", b"1", "b.cab"), KeyState::OtherRequest));
        let KeyState::First(dropped) = idempotency.begin("bob", b"1", "a.cab") else { panic!() };
        drop(dropped);
        place.answered(Answer::document("text/plain", "done"));
        assert!(matches!(idempotency.begin("ann", b"1", "a.cab"), KeyState::Answered(_)));
        for key in [b"2", b"3"] {
            let KeyState::First(place) = idempotency.begin("ann", key, "a.cab") else { panic!() };
            place.answered(Answer::document("text/plain", "done"));
        }
        assert!(
            matches!(idempotency.begin("ann", b"1", "a.cab"), KeyState::First(_)),
            "the oldest is forgotten"
        );
    }
}
