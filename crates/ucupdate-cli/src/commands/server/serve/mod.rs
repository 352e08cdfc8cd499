//! `ucupdate serve`: answers devices and serves their files.

mod admin;
pub(crate) mod args;
mod connection;
mod events;
mod health;
mod network;
mod process;
mod reload;
mod server;

pub(crate) use args::ServeArgs;
pub(crate) use connection::limits::ConnectionLimits;
pub(crate) use network::endpoint::Endpoint;
pub(crate) use network::networks::LiveNetworks;
pub(crate) use network::prefix::Prefixes;
pub(crate) use process::stopping::Stopping;
pub(crate) use server::{Intake, Server};

use self::admin::AdminListener;
use self::args::Listener;
use self::health::{HealthListener, Readiness};
use self::network::tls::ServedCertificate;
use self::process::{allocator, descriptors, host_name, stderr, systemd};
use self::reload::Reload;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use ucupdate::audit::RollOptions;
use ucupdate::value::Counted;
use ucupdate::{
    BaseUrls, CaptureOptions, FullLog, InventoryKeeper, LogError, LogOptions, Metrics, Options, Origin,
    StoreAccess, TroubleWatch, UpdateService, WatchOptions, check_access,
};
use ucupdate_admin::LiveEvents;
use ucupdate_http::{DeviceUpdates, HttpOptions, ImageRedirects};

/// The time limit of requests in flight after the first signal to stop the server.
const DRAIN_TIME: Duration = Duration::from_secs(5 * 60);

/// The time limit of writing the logs when the server ends.
const FLUSH_TIME: Duration = Duration::from_secs(30);

/// The time limit of writing the logs after a second signal to stop the server.
const HURRIED_FLUSH_TIME: Duration = Duration::from_secs(2);

/// The time after the first signal to stop the server in which further signals are ignored. A shell
/// may send one signal twice.
const ONE_WORD: Duration = Duration::from_millis(500);

/// The time between two updates of the kept inventory.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// The time from the start of the server to the first update of the kept inventory.
const INVENTORY_DELAY: Duration = Duration::from_secs(2 * 60);

/// The time between two searches for old logs and captures.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs the server until it is stopped. `command` returns the definition of the command line, with
/// which a reload reads the settings again.
pub(crate) async fn run(
    args: ServeArgs,
    command: fn() -> clap::Command,
    context: &mut Context,
) -> Result<(), Failure> {
    let (events, lines) = stderr::trace_to_stderr(args.log.clone(), context.output.stderr_is_terminal());
    args.check_log()?;
    let mut stopping = Stopping::listen()?;
    let preparing = async {
        let dialect = args.dialect.clone();
        let codec = files::on_own_thread(move || dialect.codec()).await?;
        let secret = args.events.secret().await?;
        let bound = bind(&args, context).await?;
        let admin = match args.admin.bind().await? {
            Some((listener, warnings)) => {
                warnings.iter().for_each(|warning| context.output.message(warning));
                Some(listener)
            }
            None => None,
        };
        Ok((codec, secret, bound, admin))
    };
    let (codec, secret, bound, admin) = unless_stopped(&mut stopping, preparing).await?;
    let Bound { endpoints, health, certificates } = bound;
    let secrets =
        [(args.admin.token_file(), "list of tokens"), (args.events.secret_file(), "secret of the webhook")];
    for (file, what) in secrets {
        if let Some(warning) = file.and_then(|file| files::mode_warning(file, what)) {
            context.output.message(format_args!("warning: {warning}"));
        }
    }
    let of_admin = admin.as_ref().and_then(AdminListener::certificate);
    let networks = LiveNetworks::new(args.networks());
    let certificates_read = certificates.iter().chain(of_admin).cloned().collect();
    let reload = Reload::new(certificates_read, networks.clone(), lines, command)?;
    let metrics_listener = match args.metrics {
        Some(address) => Some(HealthListener::bind(address).await?),
        None => None,
    };
    let metrics = args.metrics.map(|_| Arc::new(Metrics::default()));
    let kinds = [true, false].iter().filter(|tls| endpoints.iter().any(|one| one.tls.is_some() == **tls));
    let limits = descriptors::limits(
        descriptors::raise(),
        kinds.count(),
        args.connections,
        args.connections_per_address,
        args.max_downloads,
    )?;
    let (internal, external, warning) = args.urls(&endpoints)?;
    if let Some(warning) = warning {
        context.output.message(warning);
    }
    for warning in name_warnings([Some(&internal), external.as_ref()], &certificates) {
        context.output.message(warning);
    }
    let prefixes = Prefixes::of([Some(&internal), external.as_ref()].into_iter().flatten());
    let (inside, outside) = (internal.to_string(), external.as_ref().map(ToString::to_string));
    let urls = external.into_iter().fold(BaseUrls::new(internal), BaseUrls::with_external);
    let urls = urls.with_url_style(args.layout.into());
    let server_name = args.server_name.unwrap_or_else(host_name::server_name);
    let day_bytes = args.log_mebibytes_per_day.saturating_mul(1024 * 1024);
    let troubles = (!args.no_trouble_watch).then(|| {
        let watch = TroubleWatch::new(args.time_zone.clone());
        args.hold_loops.into_iter().fold(watch, TroubleWatch::with_holds)
    });
    let trouble_period = Duration::from_secs(args.trouble_seconds);
    let keeper =
        (!args.no_inventory).then(|| InventoryKeeper::new(server_name.clone(), args.time_zone.clone()));
    let roll = RollOptions::default()
        .with_day_bytes(day_bytes)
        .with_flush_interval(Duration::from_secs(args.log_seconds))
        .map_err(|error| Failure::usage(format_args!("--log-seconds: {error}")))?;
    let full = args
        .wait_for_log
        .map_or(FullLog::DropCounted, |seconds| FullLog::Block { at_most: Duration::from_secs(seconds) });
    let logs = LogOptions::new(server_name.clone())
        .with_zone(args.time_zone)
        .with_roll(roll)
        .with_days(args.log_days)
        .with_full(full);
    let watch = WatchOptions::default().with_period(Some(Duration::from_secs(args.watch_seconds)));
    let options = Options::serving(urls)
        .with_logs(logs)
        .with_codec(codec)
        .with_watch(watch)
        .with_offers_while_unreachable(args.fail_closed.map(Duration::from_secs))
        .with_offers_after_replacement(args.offers_after_replacement)
        .with_image_cache(args.image_cache.saturating_mul(1024 * 1024));
    let options = if args.no_captures {
        options
    } else {
        let mebibytes = args.keep_device_logs.unwrap_or(0);
        let captures = CaptureOptions::new(server_name.clone())
            .with_days(args.log_days)
            .with_device_log_bytes(usize::from(mebibytes) * 1024 * 1024);
        options.with_captures(captures)
    };
    let (options, outputs) = args.events.listen(options, server_name.as_str(), secret)?;
    let options = match &metrics {
        Some(metrics) => options.with_events(metrics.clone()),
        None => options,
    };
    let live = LiveEvents::new(server_name.as_str());
    let options = if admin.is_some() { options.with_events(Arc::new(live.clone())) } else { options };
    let opening = async {
        let (store, redirects) = match args.redirect_images {
            None => (context.open_served_store(args.create).await?, None),
            Some(seconds) => {
                let (store, presign) = context.open_signing_store().await?;
                (store, Some(ImageRedirects::new(presign).with_life(Duration::from_secs(seconds))))
            }
        };
        let access = check_access(&*store).await;
        let store = match &metrics {
            Some(metrics) => metrics.watch_store(store),
            None => store,
        };
        let service = UpdateService::open(store, options).await?;
        if let Some(metrics) = &metrics {
            // The newest revision was made before this server started. Without this call, its age
            // would not be known.
            let newest = service.history(service.snapshot().revision(), 1).await;
            newest.iter().flatten().for_each(|revision| metrics.note_revision(revision));
        }
        Ok::<_, Failure>((service, redirects, access))
    };
    let (service, redirects, access) = unless_stopped(&mut stopping, opening).await?;
    if let Some(warning) = access_warning(&access, args.read_only_store)? {
        context.output.message(warning);
    }
    for problem in &access.in_the_way {
        context.output.message(format_args!("warning: {problem}"));
    }
    // The warning says already that rows are lost, so lost rows are no failure at the end.
    let loses_rows = !access.refused.is_empty();
    let mut options = HttpOptions::default()
        .with_external_anonymous(args.external_anonymous)
        .with_downloads(limits.downloads, limits.downloads_of_one);
    if let Some(redirects) = redirects {
        options = options.with_image_redirects(redirects);
    }
    let updates = DeviceUpdates::with_options(service.clone(), options)?;
    let listening: Vec<String> = endpoints.iter().map(Endpoint::url).collect();
    let intake = Intake { updates, prefixes, networks: networks.clone(), limits };
    let server = Server::start(endpoints, intake);
    tokio::spawn(allocator::give_memory_back());
    let mut lines: Vec<String> = listening.iter().map(|url| format!("listening on {url}")).collect();
    let mut json = json!({ "listening": listening });
    let readiness = Readiness::new(service.clone(), !args.ready_without_log && !args.read_only_store);
    let answers_health = match health {
        None => None,
        Some(listener) => {
            let url = format!("http://{}", listener.local()?);
            lines.push(format!("health on {url}"));
            json["health"] = url.into();
            Some(listener.serve(readiness.clone(), None))
        }
    };
    let answers_metrics = match metrics_listener {
        None => None,
        Some(listener) => {
            let url = format!("http://{}/metrics", listener.local()?);
            lines.push(format!("metrics on {url}"));
            json["metrics"] = url.into();
            Some(listener.serve(readiness, metrics))
        }
    };
    let answers_admin = match admin {
        None => None,
        Some(listener) => {
            let url = listener.url()?;
            lines.push(format!("administration on {url}"));
            json["admin"] = url.into();
            Some(listener.serve(service.clone(), live, networks.clone()))
        }
    };
    let store = context.store_name();
    let snapshot = service.snapshot();
    let (revision, rules) = (snapshot.revision(), snapshot.book().rules().count());
    lines.push(match &outside {
        Some(outside) => format!("files at {inside} inside, {outside} outside"),
        None => format!("files at {inside} inside; devices outside are refused"),
    });
    lines.push(format!("store {store}, revision {revision}, {}", Counted::new(rules, "rule")));
    json["internal_url"] = inside.into();
    json["external_url"] = outside.into();
    json["store"] = store.into();
    json["revision"] = revision.into();
    json["rules"] = rules.into();
    if rules == 0 {
        context.output.message(
            "warning: the store has no rules, so no device is offered anything; `ucupdate ingest` takes in a package",
        );
    }
    match context.output.both(&json, lines.join("\n")) {
        // If stdout is closed or full, the server still runs, because devices need answers.
        Ok(()) | Err(Failure::OutputClosed) => {}
        Err(Failure::Explained(_, reason)) => context.output.message(format_args!("warning: {reason}")),
    }

    systemd::ready("answering devices");
    tokio::select! {
        () = stopping.signal() => {}
        never = reload.run() => match never {},
        never = remove_old_logs(&service) => match never {},
        Some(never) = async { Some(keep_inventory(&service, keeper?).await) } => match never {},
        Some(never) = async { Some(look_for_troubles(&service, troubles?, trouble_period).await) } => match never {},
        never = events.report() => match never {},
        Some(never) = async { Some(answers_health?.await) } => match never {},
        Some(never) = async { Some(answers_admin?.await) } => match never {},
        Some(never) = async { Some(answers_metrics?.await) } => match never {},
    }
    systemd::stopping();
    context
        .output
        .message("shutting down: requests in flight are finished first; a second signal ends at once");
    let ended = end(server, &service, stopping, context).await;
    outputs.flush().await;
    if loses_rows { Ok(()) } else { ended }
}

/// Returns a warning if the store cannot be written now. Fails when this user has no permission to
/// write the store and `is_accepted` (`--read-only-store`) is not set, because changes and log rows
/// would be lost.
fn access_warning(access: &StoreAccess, is_accepted: bool) -> Result<Option<String>, Failure> {
    if let Some((folder, reason)) = access.refused.first() {
        let found = format!("the store is read-only for this user: `{folder}` cannot be written: {reason}");
        if !is_accepted {
            return Err(Failure::new(format_args!(
                "{found}; give this user the permission to write, or serve with --read-only-store, which loses all log rows"
            )));
        }
        return Ok(Some(format!("warning: {found}; log rows are lost")));
    }
    let failed = access.failed.first().map(|(folder, reason)| {
        format!("warning: `{folder}` cannot be written at the moment: {reason}; log rows wait, and are dropped later")
    });
    Ok(failed)
}

/// Waits for `work`, which prepares the server. Fails when a signal stops the server before.
async fn unless_stopped<T>(
    stopping: &mut Stopping,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        () = stopping.signal() => Err(Failure::new("the server ended before it accepted a connection")),
    }
}

struct Bound {
    endpoints: Vec<Endpoint>,
    health: Option<HealthListener>,
    certificates: Vec<Arc<ServedCertificate>>,
}

/// Binds all listeners, or none. If systemd has opened a socket with the same address, that socket
/// is used. If only systemd gives sockets, all of these are used.
async fn bind(args: &ServeArgs, context: &mut Context) -> Result<Bound, Failure> {
    let passed = systemd::sockets()?.into_iter().map(|socket| Ok((socket.local_addr()?, socket)));
    let mut passed = passed.collect::<Result<Vec<_>, std::io::Error>>()?;
    let mut listeners = args.listeners()?;
    if !passed.is_empty() && !args.has_listener() {
        let of_systemd =
            passed.iter().map(|(address, _)| Listener { address: *address, tls: None, side: None });
        listeners = of_systemd.collect();
    }
    args.check_urls(&listeners)?;
    if let Some(warning) = args.open_warning(&listeners) {
        context.output.message(warning);
    }
    let mut endpoints = Vec::with_capacity(listeners.len());
    let mut certificates = Vec::new();
    for Listener { address, tls, side } in listeners {
        let acceptor = match tls {
            Some((cert, key)) => {
                let (served, warnings) = ServedCertificate::open_on_own_thread(cert, key).await?;
                for warning in warnings {
                    context.output.message(format_args!("warning: {warning}"));
                }
                let acceptor = served.acceptor()?;
                certificates.push(served);
                Some(acceptor)
            }
            None => None,
        };
        let of_systemd = passed.iter().position(|(local, _)| *local == address);
        let endpoint = match of_systemd.map(|place| passed.swap_remove(place)) {
            Some((_, socket)) => Endpoint::of_socket(socket, acceptor)?,
            None => Endpoint::bind(address, acceptor).await?,
        };
        endpoints.push(endpoint.with_side(side));
    }
    for (address, _) in passed {
        context.output.message(format_args!(
            "warning: the socket {address} of systemd is not used; expected it as an address of --listen, or no --listen at all"
        ));
    }
    let health = match args.health {
        Some(address) => Some(HealthListener::bind(address).await?),
        None => None,
    };
    Ok(Bound { endpoints, health, certificates })
}

/// Returns a warning for each https URL whose host is in no certificate. Returns none if there are
/// no certificates, because then a proxy has them.
fn name_warnings(origins: [Option<&Origin>; 2], certificates: &[Arc<ServedCertificate>]) -> Vec<String> {
    let is_wrong = |origin: &&Origin| {
        origin.is_https()
            && !certificates.is_empty()
            && !certificates.iter().any(|one| one.is_for(origin.host()))
    };
    let warning = |origin: &Origin| {
        let files: Vec<String> = certificates.iter().map(|one| one.path().display().to_string()).collect();
        format!(
            "warning: no certificate is for the name of {origin}: devices refuse it; expected one in {}",
            files.join(", ")
        )
    };
    origins.into_iter().flatten().filter(is_wrong).map(warning).collect()
}

/// Waits until the requests in flight are finished, and then writes the logs. Fails when log rows
/// could not be written, or were lost before. A second signal shortens the waits.
pub(crate) async fn end(
    server: Server,
    service: &UpdateService,
    mut stopping: Stopping,
    context: &mut Context,
) -> Result<(), Failure> {
    let mut hurried = false;
    let cut = server
        .shutdown(async {
            tokio::select! {
                () = tokio::time::sleep(DRAIN_TIME) => {}
                () = second_signal(&mut stopping) => hurried = true,
            }
        })
        .await;
    if cut > 0 {
        let cut = Counted::new(cut, "connection").with_verb("was", "were");
        context.output.message(format_args!("{cut} closed before the end of an answer"));
    }
    let hurry = async {
        if !hurried {
            second_signal(&mut stopping).await;
        }
        tokio::time::sleep(HURRIED_FLUSH_TIME).await;
    };
    tokio::select! {
        biased;
        flushed = tokio::time::timeout(FLUSH_TIME, service.shutdown()) => match flushed {
            Ok(flushed) => {
                flushed.map_err(|error| Failure::in_doing("not all log rows were written", &error))?;
            }
            Err(_elapsed) => {
                return Err(Failure::new(format_args!("log rows could not be written within {FLUSH_TIME:?}")));
            }
        },
        () = hurry => return Err(Failure::new("ended before all log rows were written")),
    }
    match service.dropped_log_rows() {
        0 => Ok(()),
        lost => {
            let lost = Counted::new(lost, "log row").with_verb("was", "were");
            Err(Failure::new(format_args!("{lost} lost; the warnings before say why")))
        }
    }
}

/// Waits for a second signal. Signals within [`ONE_WORD`] are ignored: a shell may send the first
/// signal to the program and to its process group.
async fn second_signal(stopping: &mut Stopping) {
    let first_word = tokio::time::sleep(ONE_WORD);
    tokio::pin!(first_word);
    loop {
        tokio::select! {
            () = &mut first_word => return stopping.signal().await,
            () = stopping.signal() => {}
        }
    }
}

/// Looks for devices in loops and for silent devices, now and after each period.
async fn look_for_troubles(
    service: &UpdateService,
    mut watch: TroubleWatch,
    period: Duration,
) -> std::convert::Infallible {
    let mut looks = tokio::time::interval(period);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(error) = watch.look(service).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot look for devices in trouble");
        }
    }
}

/// Updates the inventory that is kept in the store each hour. The first time is some minutes after
/// the start, so that devices are answered first.
async fn keep_inventory(service: &UpdateService, mut keeper: InventoryKeeper) -> std::convert::Infallible {
    let mut hours = tokio::time::interval_at(tokio::time::Instant::now() + INVENTORY_DELAY, HOUR);
    loop {
        hours.tick().await;
        match keeper.refresh(service.store(), service.now()).await {
            Ok(report) => {
                tracing::debug!(rows = report.rows, devices = report.devices, "the inventory is kept")
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the inventory cannot be kept");
            }
        }
    }
}

/// Removes old logs and captures, now and each day.
async fn remove_old_logs(service: &UpdateService) -> std::convert::Infallible {
    let mut days = tokio::time::interval(DAY);
    loop {
        days.tick().await;
        match service.remove_old_logs().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old logs are removed"),
            Err(error @ LogError::LargeShare { .. }) => {
                tracing::warn!("{error}: `ucupdate gc --log-days DAYS --any-share` removes them");
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "old logs cannot be removed");
            }
        }
        match service.remove_old_captures().await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "old captures are removed"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "old captures cannot be removed");
            }
        }
    }
}
