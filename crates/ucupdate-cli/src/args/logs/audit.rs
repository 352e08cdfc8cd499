//! The audit logs that a command reads: those of the store, or files.

use crate::args::logs::read_rows::{ReadRows, is_too_long};
use crate::args::logs::time_range::TimeRange;
use crate::args::logs::zone::zone;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::files::logs::zone_beside;
use crate::suggest::with_meant;
use std::path::PathBuf;
use std::time::Duration;
use ucupdate::audit::{LogKind, LoggedRow};
use ucupdate::request::without_simulated_mark;
use ucupdate::value::{UnixTime, Zone};
use ucupdate::{AuditLogs, Logged};

#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct AuditArgs {
    /// Read these audit logs instead of those of the store: files, folders, or patterns such as 'logs/*.log'
    #[arg(long, value_name = "FILE", num_args = 1..)]
    audit: Vec<PathBuf>,
    #[command(flatten)]
    range: TimeRange,
    /// Count the rows of simulated requests, which `ask` sends, as rows of devices
    #[arg(long)]
    simulated: bool,
    /// The time zone of audit logs, and of --since and --until, that do not name one, such as Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    time_zone: Zone,
}

impl AuditArgs {
    /// Calls `take` with each row in order of time, and reports the lines that cannot be read.
    /// Reads the store only if no files are named. Fails when there is no store, or a log cannot be
    /// read.
    pub(crate) async fn each_row(
        &self,
        context: &mut Context,
        take: impl FnMut(&LoggedRow),
    ) -> Result<ReadRows, Failure> {
        self.each(context, self.is_of_store(), true, take).await
    }

    /// Returns these arguments with a range that begins `time` before its end. If `--since` is
    /// given, the range stays as it is.
    pub(crate) fn or_last(&self, time: Duration) -> Self {
        Self { range: self.range.or_last(time, &self.time_zone), ..self.clone() }
    }

    /// Returns whether no files are named, so that the logs of the store are read.
    pub(crate) fn is_of_store(&self) -> bool {
        self.audit.is_empty()
    }

    /// Returns the time before which rows are skipped. `None` without `--since`.
    pub(crate) fn since(&self) -> Option<UnixTime> {
        self.range.since(&self.time_zone)
    }

    /// Returns the time from which on rows are skipped. `None` without `--until`.
    pub(crate) fn until(&self) -> Option<UnixTime> {
        self.range.until(&self.time_zone)
    }

    /// Calls `take` with each row in order of time. The store is read only if `from_store` is set.
    /// Lines that cannot be read are reported only if `reports` is set. Fails when there is no
    /// store, or a log cannot be read.
    pub(crate) async fn each(
        &self,
        context: &mut Context,
        from_store: bool,
        reports: bool,
        mut take: impl FnMut(&LoggedRow),
    ) -> Result<ReadRows, Failure> {
        self.range.check(&self.time_zone)?;
        let until = self.until();
        let mut logs = AuditLogs::new(self.time_zone.clone(), self.since());
        let mut total = 0_u64;
        for path in self.found().await? {
            let size = match std::fs::metadata(&path) {
                Ok(found) => found.len(),
                Err(error) => {
                    if let Some(meant) = files::meant_for(&path, &error) {
                        let failure =
                            Failure::in_doing(format_args!("cannot open `{}`", path.display()), &error);
                        return Err(with_meant(failure, Some(meant)));
                    }
                    0
                }
            };
            let (name, zone) = (path.display().to_string(), zone_beside(&path)?);
            let progress = context.output.progress.clone();
            let open = move || ucupdate_folder::open_regular(&path).map(|file| progress.counted(file));
            let is_read = match zone {
                Some(zone) => logs.add_in_zone(&name, zone, open),
                None => logs.add(&name, open),
            };
            if is_read {
                total = total.saturating_add(size);
            }
        }
        if from_store {
            let store = context.open_store(IfMissing::Refuse).await?;
            total = total.saturating_add(logs.add_store(store).await?);
        }
        context.output.progress.reads("reading audit logs", total);
        let mut read = ReadRows::new(LogKind::Audit);
        while let Some(logged) = logs.next().await? {
            match logged {
                Logged::Row(row) if until.is_some_and(|until| row.row.logged_at >= until) => {}
                Logged::Row(mut row) => {
                    read.rows += 1;
                    if self.simulated {
                        row.row.user_name = without_simulated_mark(&row.row.user_name).into();
                    }
                    take(&row);
                    logs.give_back(row);
                }
                Logged::Unread { finding, .. } if !reports && !is_too_long(&finding) => {}
                Logged::Unread { log, finding } => read.unread(&log, &finding, context),
                Logged::End { log, summary } => read.ended(&log, &summary),
                _ => return Err(Failure::new("the audit logs hold what this command does not know")),
            }
        }
        context.output.progress.works();
        if reports {
            read.finish(context);
        }
        Ok(read)
    }

    async fn found(&self) -> Result<Vec<PathBuf>, Failure> {
        let paths = self.audit.clone();
        files::blocking(move || files::logs::find(&paths, LogKind::Audit)).await
    }
}
