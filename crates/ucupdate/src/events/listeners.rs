//! [`Listeners`]: the listeners of one service.

use crate::events::event::{Event, Events};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The listeners of one service, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listeners {
    listeners: Vec<Arc<dyn Events>>,
}

impl Listeners {
    pub(crate) fn add(&mut self, listener: Arc<dyn Events>) {
        self.listeners.push(listener);
    }

    /// Returns whether no listener was added. A subscriber of `tracing` does not count as a
    /// listener.
    pub(crate) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Returns whether anybody receives [`Event::RequestAnswered`]: a listener, or a subscriber of
    /// `tracing`. If not, the event is not built, because building it needs an allocation.
    pub(crate) fn takes_answers(&self) -> bool {
        #[cfg(feature = "tracing")]
        if crate::events::trace::takes_answers() {
            return true;
        }
        !self.is_empty()
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        #[cfg(feature = "tracing")]
        crate::events::trace::event(event);
        for listener in &self.listeners {
            // A listener is foreign code within an answer, so its panic must not end the answer.
            let _panicked = catch_unwind(AssertUnwindSafe(|| listener.on_event(event)));
        }
    }
}
