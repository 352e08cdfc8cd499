//! Tests the verbs that change or explain rules: rollouts, groups, holds, stepping stones, version schemes.

mod aliases;
mod differences;
mod groups;
mod guarding;
mod holding;
mod interim;
mod kinds;
mod life;
mod rejecting;
mod rollouts;
mod schemes;
mod short;
mod ways;
