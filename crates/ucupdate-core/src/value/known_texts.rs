//! [`KnownTexts`]: texts that are shared while a rule book is read.

use foldhash::fast::FixedState;
use std::collections::HashSet;
use std::sync::Arc;

/// The texts that were read so far. A rule book has the same file names and versions in many places.
#[derive(Debug, Default)]
pub(crate) struct KnownTexts(HashSet<Arc<str>, FixedState>);

impl KnownTexts {
    /// Replaces a text by an equal one that was read before.
    pub(crate) fn share(&mut self, text: &mut Arc<str>) {
        match self.0.get(&**text) {
            Some(known) => *text = Arc::clone(known),
            None => drop(self.0.insert(Arc::clone(text))),
        }
    }
}
