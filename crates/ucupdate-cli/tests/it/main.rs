//! Tests the command as people and scripts use it: the built binary, each test in its own folder.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod admin;
mod admin_raw;
mod advice;
mod aliases;
mod asking;
mod captures;
mod carrying;
mod demo;
mod differences;
mod doctor;
mod ending;
mod events;
mod exit_codes;
#[cfg(target_os = "linux")]
mod failing_syncs;
mod fetching;
mod fleet;
mod groups;
mod guarding;
mod guide;
mod holding;
mod importing;
mod interim;
mod kinds;
mod life;
mod looping;
mod metrics;
mod misleading;
#[cfg(unix)]
mod other_user;
mod overload;
mod packages;
mod place;
mod planted;
mod reading;
mod readme;
mod rejecting;
mod remote;
mod remote_tls;
mod rollouts;
mod schemes;
mod serve;
mod serving;
mod settings;
mod short;
mod simulating;
mod storming;
mod streams;
#[cfg(target_os = "linux")]
mod systemd;
mod timelines;
mod together;
mod usage;
mod ways;
