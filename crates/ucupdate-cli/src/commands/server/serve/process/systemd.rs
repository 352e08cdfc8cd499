//! The communication with systemd: sockets that systemd has opened, and messages about the state of
//! the service.
//!
//! Without systemd, the variables `LISTEN_FDS` and `NOTIFY_SOCKET` are not set, and this module
//! does nothing.

use crate::failure::Failure;
use std::net::TcpListener;

/// Returns the sockets that systemd has opened for this process (`ListenStream=` of a socket unit).
/// Fails when a socket is not a TCP listener.
#[cfg(unix)]
pub(in super::super) fn sockets() -> Result<Vec<TcpListener>, Failure> {
    let mut passed = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for place in 0..passed.len() {
        let socket = passed.take_tcp_listener(place).map_err(|error| {
            Failure::in_doing(format_args!("socket {place} of LISTEN_FDS is not a listener of TCP"), &error)
        })?;
        sockets.extend(socket);
    }
    Ok(sockets)
}

#[cfg(not(unix))]
pub(in super::super) fn sockets() -> Result<Vec<TcpListener>, Failure> {
    Ok(Vec::new())
}

/// Tells systemd that the server answers devices. `status` is shown by `systemctl status`.
pub(in super::super) fn ready(status: &str) {
    notify(&format!("READY=1\nSTATUS={status}"));
}

/// Tells systemd that the service ends.
pub(in super::super) fn stopping() {
    notify("STOPPING=1\nSTATUS=ending");
}

/// Tells systemd that the server reads its files again. Calling [`ready`] ends this state.
pub(in super::super) fn reloading() {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }
}

/// Sends a state to the socket in `NOTIFY_SOCKET`. Failures are ignored, because devices are
/// answered anyway.
#[cfg(target_os = "linux")]
fn notify(state: &str) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(name) = std::env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty()) else { return };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let _lost = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
}

#[cfg(not(target_os = "linux"))]
fn notify(_state: &str) {}
