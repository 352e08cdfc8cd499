//! Tests what the logs and captures show about devices: `fleet`, `timeline`, `simulate`, `captures`.

mod captures;
mod fleet;
mod looping;
mod planted;
mod reading;
mod simulating;
mod timelines;
