//! The signals that end a server: Ctrl-C, and SIGTERM on Unix.

use crate::failure::Failure;
use std::io;

/// Listens for the signals that end a server. While this value exists, these signals do not end the
/// process by themselves. SIGUSR1 and SIGUSR2 are ignored. SIGHUP is ignored too, unless
/// [`with_hangup`](Self::with_hangup) is set.
#[derive(Debug)]
pub(crate) struct Stopping {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    _ignored: [tokio::signal::unix::Signal; 2],
    ends_at_hangup: bool,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    terminate: tokio::signal::windows::CtrlClose,
}

impl Stopping {
    /// Starts listening for the signals. Fails when the system does not allow it.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Self::try_listen().map_err(|error| Failure::in_doing("listening for signals", &error))
    }

    #[cfg(unix)]
    fn try_listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            _ignored: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
            ends_at_hangup: false,
        })
    }

    #[cfg(windows)]
    fn try_listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_close()?, ends_at_hangup: false })
    }

    /// Sets that SIGHUP ends the command too. This is for commands that belong to a terminal.
    pub(crate) fn with_hangup(mut self) -> Self {
        self.ends_at_hangup = true;
        self
    }

    /// Waits for the next signal that ends the server.
    pub(crate) async fn signal(&mut self) {
        #[cfg(unix)]
        let hangup = async {
            self.hangup.recv().await;
            while !self.ends_at_hangup {
                self.hangup.recv().await;
            }
        };
        #[cfg(windows)]
        let hangup = std::future::pending::<()>();
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hangup => {}
        }
    }
}
