//! Reading files again while devices are answered: certificates when they change, and all at SIGHUP.

use super::systemd;
use super::tls::ServedCertificate;
use crate::failure::Failure;
use crate::settings::{self, Given};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The period of looking whether a certificate has changed.
const PERIOD: Duration = Duration::from_secs(30);

/// The number of periods after which a certificate that expires is warned about again: half a day.
const PERIODS_OF_WARNING: u32 = 12 * 60 * 2;

/// The files that are read again, and the signal for it.
pub(super) struct Reload {
    certificates: Vec<Arc<ServedCertificate>>,
    /// The settings that hold.
    settings: Vec<Given>,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Reload {
    /// Listens for SIGHUP from now on.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub(super) fn new(certificates: Vec<Arc<ServedCertificate>>) -> Result<Self, Failure> {
        let settings = settings_now().unwrap_or_default();
        Ok(Self {
            certificates,
            settings,
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Reads files again until it is dropped.
    pub(super) async fn run(mut self) -> Infallible {
        let mut periods = tokio::time::interval(PERIOD);
        periods.tick().await;
        let mut number: u32 = 0;
        loop {
            let is_asked = tokio::select! {
                _ = periods.tick() => false,
                () = self.hung_up() => true,
            };
            if is_asked {
                systemd::reloading();
                self.compare_settings();
            }
            self.reload_certificates(is_asked);
            number = number.wrapping_add(1);
            if number.is_multiple_of(PERIODS_OF_WARNING) {
                let now = SystemTime::now();
                self.certificates
                    .iter()
                    .filter_map(|one| one.validity_warning(now))
                    .for_each(|what| tracing::warn!("{what}"));
            }
            if is_asked {
                systemd::ready("answering devices");
            }
        }
    }

    #[cfg(unix)]
    async fn hung_up(&mut self) {
        if self.hangup.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    async fn hung_up(&mut self) {
        std::future::pending::<()>().await;
    }

    fn reload_certificates(&self, always: bool) {
        for certificate in &self.certificates {
            match certificate.reload(always, SystemTime::now()) {
                Ok(None) => {}
                Ok(Some(warnings)) => {
                    // A rare event that an administrator waits for, so it is shown without more options.
                    tracing::warn!("{}: the certificate was read again", certificate.path().display());
                    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                }
                Err(Failure::Explained(_, reason)) => {
                    tracing::error!("{reason}; the certificate of before is used");
                }
                Err(Failure::OutputClosed) => {}
            }
        }
    }

    /// Compares the settings of the file with those that hold. A changed setting needs a restart.
    fn compare_settings(&self) {
        match settings_now() {
            Err(Failure::Explained(_, reason)) => {
                tracing::error!("{reason}; the settings of before hold, and a restart would fail");
            }
            Err(Failure::OutputClosed) => {}
            Ok(now) => {
                let changed = changed(&self.settings, &now);
                match changed.is_empty() {
                    true => tracing::info!("the settings are unchanged"),
                    false => tracing::warn!("changed settings hold after a restart: {}", changed.join(", ")),
                }
            }
        }
    }
}

/// Reads the settings of this process's command line again.
fn settings_now() -> Result<Vec<Given>, Failure> {
    let words = std::env::args_os().collect();
    settings::resolve(&crate::command(), words, |name| std::env::var(name).ok())
        .map(|resolved| resolved.added)
}

/// Returns the keys of settings whose values differ.
fn changed(before: &[Given], now: &[Given]) -> Vec<String> {
    let differs = |one: &&Given, others: &[Given]| {
        !others.iter().any(|other| other.setting == one.setting && other.values == one.values)
    };
    let gone = before.iter().filter(|one| differs(one, now));
    let new = now.iter().filter(|one| differs(one, before));
    let mut keys: Vec<String> = gone.chain(new).map(|given| given.setting.key()).collect();
    keys.sort();
    keys.dedup();
    keys
}
