//! Tests servers and those who talk to them: `serve`, its listeners, `ask`, `storm`, `--server`.

mod admin;
mod admin_raw;
mod asking;
mod ending;
mod events;
mod metrics;
mod overload;
mod remote;
mod remote_tls;
mod serve;
mod storming;
#[cfg(target_os = "linux")]
mod systemd;
