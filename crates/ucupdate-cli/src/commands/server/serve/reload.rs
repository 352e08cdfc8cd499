//! Reads files again while devices are answered: certificates when they change, and all files at
//! SIGHUP.

use super::args::ServeArgs;
use super::network::networks::LiveNetworks;
use super::network::tls::ServedCertificate;
use super::process::stderr::{self, Lines};
use super::process::systemd;
use crate::failure::{Failure, FailureKind};
use crate::files;
use crate::settings::variable::variable;
use crate::settings::{self, Given};
use clap::FromArgMatches as _;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The time between two checks whether a certificate has changed.
const PERIOD: Duration = Duration::from_secs(30);

/// The number of periods after which the warning about an expiring certificate is repeated: half a
/// day.
const PERIODS_OF_WARNING: u32 = 12 * 60 * 2;

/// The keys of the settings that can be changed while the server runs. The other settings need a
/// restart.
const LIVE: [&str; 4] = ["serve.internal-network", "serve.log", "serve.proxy-header", "serve.trust-proxy"];

/// The files and settings that are read again, and the signal SIGHUP, at which this happens.
pub(super) struct Reload {
    certificates: Vec<Arc<ServedCertificate>>,
    networks: LiveNetworks,
    lines: Lines,
    /// The settings that the server uses now.
    settings: Vec<Given>,
    /// Returns the definition of the command line.
    command: fn() -> clap::Command,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Reload {
    /// Starts listening for SIGHUP. Fails when the system does not allow it.
    pub(super) fn new(
        certificates: Vec<Arc<ServedCertificate>>,
        networks: LiveNetworks,
        lines: Lines,
        command: fn() -> clap::Command,
    ) -> Result<Self, Failure> {
        let settings = settings_now(command()).map(|(settings, _)| settings).unwrap_or_default();
        Ok(Self {
            certificates,
            networks,
            lines,
            settings,
            command,
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Reads files again at their changes and at SIGHUP, until the future is dropped.
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
                self.take_settings().await;
            }
            self.reload_certificates(is_asked).await;
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

    async fn reload_certificates(&self, always: bool) {
        for certificate in &self.certificates {
            let read = Arc::clone(certificate);
            match files::on_own_thread(move || read.reload(always, SystemTime::now())).await {
                Ok(None) => {}
                Ok(Some(warnings)) => {
                    // This event is rare, and an administrator waits for it. As a warning, it is
                    // shown with the default filter.
                    tracing::warn!("{}: the certificate was read again", certificate.path().display());
                    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                }
                Err(Failure::Explained(_, reason)) => {
                    tracing::error!(
                        "{reason}; the server keeps the previous certificate; correct the file, and it is read again"
                    );
                }
                Err(Failure::OutputClosed) => {}
            }
        }
    }

    /// Reads the settings again, and uses those that can be changed while the server runs. Logs the
    /// names of changed settings that need a restart.
    async fn take_settings(&mut self) {
        let command = self.command;
        match files::on_own_thread(move || settings_now(command())).await {
            Err(Failure::Explained(_, reason)) => {
                tracing::error!(
                    "{reason}; the server keeps the previous settings; correct them, because a restart would fail"
                );
            }
            Err(Failure::OutputClosed) => {}
            Ok((now, args)) => {
                let changed = changed(&self.settings, &now);
                if changed.is_empty() {
                    tracing::info!("the settings are unchanged");
                    return;
                }
                let (taken, others): (Vec<String>, Vec<String>) =
                    changed.into_iter().partition(|key| LIVE.contains(&key.as_str()));
                self.networks.replace(args.networks());
                if taken.iter().any(|key| key == "serve.log") {
                    // This fails only when the process ends and the filter is gone.
                    let _ended = self.lines.reload(stderr::filter(args.log));
                }
                if !taken.is_empty() {
                    tracing::warn!("changed settings hold now: {}", taken.join(", "));
                }
                if !others.is_empty() {
                    tracing::warn!("changed settings need a restart: {}", others.join(", "));
                }
                // A changed setting that needs a restart is named at each reload until the restart.
                self.settings.retain(|given| !LIVE.contains(&given.setting.key().as_str()));
                self.settings
                    .extend(now.into_iter().filter(|given| LIVE.contains(&given.setting.key().as_str())));
            }
        }
    }
}

/// Reads the command line of this process, its variables and its configuration file again. Returns
/// the settings and the arguments of `serve`.
fn settings_now(command: clap::Command) -> Result<(Vec<Given>, ServeArgs), Failure> {
    let resolved = settings::resolve(&command, std::env::args_os().collect(), variable)?;
    let wrong = |error: clap::Error| {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let notes = resolved.notes(&error).join("; ");
        Failure::Explained(FailureKind::Usage, format!("{first}; {notes}"))
    };
    let matches = command.try_get_matches_from(&resolved.words).map_err(wrong)?;
    let serve = matches.subcommand_matches("serve");
    let args = serve.ok_or_else(|| Failure::usage("the command line is not that of `serve`"))?;
    let args = ServeArgs::from_arg_matches(args).map_err(wrong)?;
    Ok((resolved.added, args))
}

/// Returns the keys of the settings whose values differ, sorted.
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
