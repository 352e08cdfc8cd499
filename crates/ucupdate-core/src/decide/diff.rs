//! Compares the answers of two rule books.

use crate::decide::decision::Decision;
use crate::decide::index::EligibilityIndex;
use crate::decide::walk::decide;
use crate::request::Question;
use crate::value::UnixTime;

/// A question (one module of one device) that two rule books answer with different offers.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnswerChange<'o, 'n, 'q> {
    /// The question, which both rule books answer.
    pub question: Question<'q>,
    /// The decision of the old rule book.
    pub before: Decision<'o>,
    /// The decision of the new rule book.
    pub after: Decision<'n>,
}

/// Returns the questions that two rule books answer with different offers. If neither rule book offers
/// anything, the question is left out, even if the reasons differ.
///
/// The iterator is lazy. It decides one question at a time, so a fleet of any size needs little memory.
pub fn diff<'o, 'n, 'q>(
    old: &'o EligibilityIndex,
    new: &'n EligibilityIndex,
    questions: impl IntoIterator<Item = Question<'q>>,
    now: UnixTime,
) -> impl Iterator<Item = AnswerChange<'o, 'n, 'q>> {
    questions.into_iter().filter_map(move |question| {
        let (before, after) = (decide(old, &question, now), decide(new, &question, now));
        (before.offer() != after.offer()).then_some(AnswerChange { question, before, after })
    })
}
