//! The text format of Prometheus, version 0.0.4.

use crate::metrics::counters::{Metrics, OUTCOMES, PATHS, REASONS};
use crate::metrics::histogram::{BOUNDS, Histogram};
use crate::service::UpdateService;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use ucupdate_fleet::inventory::DeviceState;
use ucupdate_fleet::outcomes::OutcomeCounts;

impl Metrics {
    /// The media type of [`prometheus_text`](Self::prometheus_text).
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Returns all metrics as text for Prometheus: the counters, and the state of the service. It
    /// does not read the store.
    pub fn prometheus_text(&self, service: &UpdateService) -> String {
        let mut text = MetricsText(String::with_capacity(16 * 1024));
        self.requests(&mut text);
        self.fleet(&mut text);
        self.store(&mut text);
        state(&mut text, service);
        let changed_at = self.changed_at.load(Ordering::Relaxed);
        if changed_at != i64::MIN {
            let help = "Time of the newest revision, in seconds since 1970";
            text.family("revision_timestamp_seconds", "gauge", help);
            text.sample("revision_timestamp_seconds", &[], millis(changed_at));
        }
        text.family("build_info", "gauge", "Version of the program");
        text.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.0
    }

    fn requests(&self, text: &mut MetricsText) {
        text.family("requests_total", "counter", "Requests by kind of path and HTTP status");
        for (path, statuses) in PATHS.iter().zip(&self.requests) {
            for (status, count) in (100..).zip(statuses.iter()) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let labels = [("path", *path), ("status", &u16::to_string(&status))];
                    text.sample("requests_total", &labels, count);
                }
            }
        }
        let help = "Time from the start of a request to the last byte of its answer";
        text.family("request_duration_seconds", "histogram", help);
        for (path, times) in PATHS.iter().zip(&self.request_time) {
            text.histogram("request_duration_seconds", ("path", path), times);
        }
        text.family("response_bytes_total", "counter", "Bytes of the bodies of answers");
        for (path, bytes) in PATHS.iter().zip(&self.response_bytes) {
            text.sample("response_bytes_total", &[("path", path)], read(bytes));
        }
        text.counter("unreadable_requests_total", "Bodies that are not update requests", &self.unreadable);
    }

    fn fleet(&self, text: &mut MetricsText) {
        text.family("decisions_total", "counter", "Decisions by reason, one for each module of a request");
        for (reason, count) in REASONS.iter().zip(&self.decisions) {
            text.sample("decisions_total", &[("reason", reason)], read(count));
        }
        text.family("offers_total", "counter", "Offered modules by kind of offer");
        text.sample("offers_total", &[("kind", "direct")], read(&self.direct_offers));
        text.sample("offers_total", &[("kind", "stepping-stone")], read(&self.stone_offers));
        text.family("downloads_in_flight", "gauge", "Downloads that run now");
        text.sample("downloads_in_flight", &[], self.in_flight.load(Ordering::Relaxed));
        text.family("downloads_total", "counter", "Downloads that ended, by outcome");
        for (outcome, count) in OUTCOMES.iter().zip(&self.downloads) {
            text.sample("downloads_total", &[("outcome", outcome.name())], read(count));
        }
        text.counter("download_bytes_total", "Bytes of files that were sent", &self.download_bytes);
        text.counter("changes_total", "Revisions of the rule book since the start", &self.changes);
        text.counter("ingests_total", "Packages that this process ingested", &self.ingests);
        let help = "Rollouts that this server paused because of their guards";
        text.counter("rollouts_paused_total", help, &self.pauses);
        text.family(
            "troubles_found_total",
            "counter",
            "Devices that were found in trouble, by kind of trouble",
        );
        text.sample("troubles_found_total", &[("kind", "loop")], read(&self.loops));
        text.sample("troubles_found_total", &[("kind", "silent")], read(&self.silences));
        self.devices(text);
    }

    /// Writes the number of devices in each state. Writes nothing before the first count.
    fn devices(&self, text: &mut MetricsText) {
        let counted_at = self.counted_at.load(Ordering::Relaxed);
        if counted_at == i64::MIN {
            return;
        }
        text.family("devices", "gauge", "Devices of all servers by state, as of the last count");
        for (state, count) in DeviceState::ALL.iter().zip(&self.devices) {
            text.sample("devices", &[("state", state.name())], read(count));
        }
        let name = "devices_counted_timestamp_seconds";
        text.family(name, "gauge", "Time of the last count of devices, in seconds since 1970");
        text.sample(name, &[], millis(counted_at));
    }

    fn store(&self, text: &mut MetricsText) {
        let name = "store_operation_duration_seconds";
        text.family(name, "histogram", "Time of the calls of the store; for get until the object is open");
        for (operation, times, _) in self.operations() {
            text.histogram(name, ("operation", operation.name()), times);
        }
        text.family("store_errors_total", "counter", "Calls of the store that failed");
        for (operation, _, errors) in self.operations() {
            text.sample("store_errors_total", &[("operation", operation.name())], errors);
        }
    }
}

/// Writes the current state of the service.
fn state(text: &mut MetricsText, service: &UpdateService) {
    let health = service.health();
    let snapshot = service.snapshot();
    let gauges = [
        ("revision", "Revision of the rule book that answers requests", health.revision),
        ("ready", "Whether the server sees every change of the rule book", u64::from(health.is_ready())),
        ("store_reachable", "Whether the rule book could be read lately", u64::from(health.store_reachable)),
        (
            "history_replaced",
            "Whether the store holds another history than before",
            u64::from(health.history_replaced),
        ),
        ("offers_stopped", "Whether the state of the store stops offers", u64::from(health.offers_stopped)),
        ("log_writable", "Whether the store took the last log rows", u64::from(health.log_problem.is_none())),
        ("log_rows_waiting", "Log rows that are not in the store yet", service.waiting_log_rows()),
        ("rules", "Rules of the rule book", snapshot.book().rules().count() as u64),
        ("stops", "Kill switches that are on", snapshot.book().stops().len() as u64),
    ];
    for (name, help, value) in gauges {
        text.family(name, "gauge", help);
        text.sample(name, &[], value);
    }
    text.family("log_rows_dropped_total", "counter", "Log rows that were lost, because too many waited");
    text.sample("log_rows_dropped_total", &[], health.dropped_log_rows);
    let (mut running, mut paused) = (0, 0);
    for (_, rollout) in snapshot.book().rules().flat_map(|rule| rule.rollouts()) {
        *if rollout.paused.is_some() { &mut paused } else { &mut running } += 1;
    }
    text.family("rollouts", "gauge", "Rollouts by state");
    text.sample("rollouts", &[("state", "running")], running);
    text.sample("rollouts", &[("state", "paused")], paused);
    let mut outcomes = OutcomeCounts::default();
    if let Some(watch) = &service.inner.watch {
        watch.follower.outcomes().tallies().for_each(|tally| outcomes.add(tally.counts));
    }
    text.family(
        "rollout_devices",
        "gauge",
        "Devices of all rollouts by outcome, those that downloaded the image",
    );
    let OutcomeCounts { in_flight, succeeded, failed, overdue, elsewhere, .. } = outcomes;
    for (outcome, count) in [
        ("downloading", in_flight),
        ("installed", succeeded),
        ("failed", failed),
        ("overdue", overdue),
        ("elsewhere", elsewhere),
    ] {
        text.sample("rollout_devices", &[("outcome", outcome)], count);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Returns milliseconds as a decimal number of seconds.
fn millis(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

/// The text that was written so far. Writing to a string cannot fail.
struct MetricsText(String);

impl MetricsText {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _written = write!(self.0, "# HELP ucupdate_{name} {help}\n# TYPE ucupdate_{name} {kind}\n");
    }

    fn counter(&mut self, name: &str, help: &str, counter: &AtomicU64) {
        self.family(name, "counter", help);
        self.sample(name, &[], read(counter));
    }

    /// Writes a sample. The values of labels come from fixed lists, so nothing is escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _written = write!(self.0, "ucupdate_{name}");
        for (number, (label, value)) in labels.iter().enumerate() {
            let _written = write!(self.0, "{}{label}=\"{value}\"", if number == 0 { '{' } else { ',' });
        }
        let _written = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn histogram(&mut self, name: &str, label: (&str, &str), times: &Histogram) {
        let reading = times.read();
        let bucket = format!("{name}_bucket");
        for ((bound, _), count) in BOUNDS.iter().zip(reading.up_to) {
            self.sample(&bucket, &[label, ("le", bound)], count);
        }
        self.sample(&bucket, &[label, ("le", "+Inf")], reading.count);
        self.sample(&format!("{name}_sum"), &[label], reading.sum_seconds);
        self.sample(&format!("{name}_count"), &[label], reading.count);
    }
}
