//! The answer to a request, the body that is sent, and the access row of the exchange.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod exchange;
