//! One connection of a client: its place in the limit of connections, its stream, and its end.

pub(super) mod bodies;
pub(super) mod direct;
pub(super) mod limits;
pub(super) mod linger;
pub(super) mod places;
pub(super) mod refused;
pub(super) mod stall;
pub(super) mod two_lengths;
