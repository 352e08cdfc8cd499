//! The audit logs that a command reads: those of the store, or files.

use super::read_rows::ReadRows;
use super::zone::zone;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::files::logs::zone_beside;
use crate::suggest::with_meant;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};
use ucupdate::audit::{LogKind, LoggedRow};
use ucupdate::request::without_simulated_mark;
use ucupdate::value::Zone;
use ucupdate::value::{FieldTime, UnixTime};
use ucupdate::{AuditLogs, Logged};

/// The rows that are read.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct AuditArgs {
    /// Read these audit logs instead of those of the store: files, folders, or patterns such as 'logs/*.log'
    #[arg(long, value_name = "FILE", num_args = 1..)]
    audit: Vec<PathBuf>,
    /// Skip rows before this time: a day (2009-03-06), a time (2009-03-06T17:10:39), or an age (12h, 7d)
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Count the rows of simulated requests, which `ask` sends, as rows of devices
    #[arg(long)]
    simulated: bool,
    /// The time zone of audit logs that do not name one, such as Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    time_zone: Zone,
}

impl AuditArgs {
    /// Reads the rows in order of time, and reports the lines that cannot be read. Fails when there is no
    /// store, or a log cannot be read.
    pub(crate) async fn each_row(
        &self,
        context: &mut Context,
        take: impl FnMut(&LoggedRow),
    ) -> Result<ReadRows, Failure> {
        self.each(context, self.is_of_store(), true, take).await
    }

    /// Returns the arguments for the rows of the store since so long ago.
    pub(crate) fn since_ago(time: Duration) -> Self {
        Self { since: Some(Since::Ago(time)), ..Self::default() }
    }

    /// Returns these arguments with rows since so long ago, unless a time is given already.
    pub(crate) fn or_since_ago(&self, time: Duration) -> Self {
        Self { since: self.since.or(Some(Since::Ago(time))), ..self.clone() }
    }

    /// Returns whether no files are named.
    pub(crate) fn is_of_store(&self) -> bool {
        self.audit.is_empty()
    }

    /// Returns the time before which rows are skipped.
    pub(crate) fn since(&self) -> Option<UnixTime> {
        self.since.map(|since| since.moment(&self.time_zone, SystemTime::now().into()))
    }

    /// Reads the rows in order of time. The store is read only if `from_store` is set. Lines that cannot be
    /// read are reported only if `reports` is set. Fails when there is no store, or a log cannot be read.
    pub(crate) async fn each(
        &self,
        context: &mut Context,
        from_store: bool,
        reports: bool,
        mut take: impl FnMut(&LoggedRow),
    ) -> Result<ReadRows, Failure> {
        let mut logs = AuditLogs::new(self.time_zone.clone(), self.since());
        let mut total = 0;
        for path in self.found().await? {
            match std::fs::metadata(&path) {
                Ok(found) => total += found.len(),
                Err(error) => {
                    if let Some(meant) = files::meant_for(&path, &error) {
                        let failure =
                            Failure::in_doing(format_args!("cannot open `{}`", path.display()), &error);
                        return Err(with_meant(failure, Some(meant)));
                    }
                }
            }
            let (name, zone) = (path.display().to_string(), zone_beside(&path)?);
            let progress = context.output.progress.clone();
            let open = move || ucupdate_folder::open_regular(&path).map(|file| progress.counted(file));
            match zone {
                Some(zone) => logs.add_in_zone(&name, zone, open),
                None => logs.add(&name, open),
            }
        }
        let progress = &context.output.progress;
        if from_store {
            let store = context.open_store(IfMissing::Refuse).await?;
            total += progress.size_of(&*store, &[LogKind::Audit.folder()]).await;
            logs.add_store(store).await?;
        }
        // Logs of earlier days are not read, and their names alone do not tell how many these are.
        progress.reads("reading audit logs", Some(total).filter(|_| self.since.is_none()));
        let mut read = ReadRows::new(LogKind::Audit);
        while let Some(logged) = logs.next().await? {
            match logged {
                Logged::Row(mut row) => {
                    read.rows += 1;
                    if self.simulated {
                        row.row.user_name = without_simulated_mark(&row.row.user_name).into();
                    }
                    take(&row);
                }
                Logged::Unread { .. } if !reports => {}
                Logged::Unread { log, finding } => read.unread(&log, &finding, context),
                Logged::End { log, summary } => read.ended(&log, &summary),
                _ => return Err(Failure::new("the audit logs hold what this command does not know")),
            }
        }
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

/// The time from which rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// A civil time in the time zone of the logs.
    Civil(FieldTime),
    /// A duration before now.
    Ago(Duration),
}

impl Since {
    fn moment(self, zone: &Zone, now: UnixTime) -> UnixTime {
        match self {
            Self::Civil(civil) => zone.moment(civil),
            Self::Ago(time) => {
                let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                UnixTime::from_millis(now.as_millis().saturating_sub(millis))
            }
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ago = |hours: u64, count: &str| {
            let digits = count.bytes().all(|byte| byte.is_ascii_digit());
            let seconds = count.parse::<u64>().ok().filter(|_| digits)?.checked_mul(hours * 60 * 60)?;
            Some(Self::Ago(Duration::from_secs(seconds)))
        };
        let civil = || {
            let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00"));
            let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return None };
            format!("{day}-{month}-{year} {time}").parse().ok().map(Self::Civil)
        };
        let found = match (text.strip_suffix('h'), text.strip_suffix('d')) {
            (Some(hours), _) => ago(1, hours),
            (_, Some(days)) => ago(24, days),
            _ => civil(),
        };
        found.ok_or("expected 2009-03-06, 2009-03-06T17:10:39, 12h or 7d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_time_of_day_or_so_long_ago() {
        let now = UnixTime::from_seconds(1_236_359_439);
        let moment = |text: &str| {
            text.parse::<Since>().map(|since| since.moment(&Zone::utc(), now).civil_utc().to_string())
        };
        for (text, expected) in [
            ("2009-03-06", "06-03-2009 00:00:00"),
            ("2009-03-06T17:10:39", "06-03-2009 17:10:39"),
            ("12h", "06-03-2009 05:10:39"),
            ("7d", "27-02-2009 17:10:39"),
            ("0d", "06-03-2009 17:10:39"),
        ] {
            assert_eq!(moment(text).as_deref(), Ok(expected));
        }
        let lisbon = Zone::named("Europe/Lisbon").unwrap();
        let july = "2009-07-01".parse::<Since>().unwrap().moment(&lisbon, now);
        assert_eq!(july.civil_utc().to_string(), "30-06-2009 23:00:00");
        for wrong in
            ["", "d", "-1d", "+1d", "7", "06-03-2009", "2009-02-30", "2009-03-06T", "99999999999999999999d"]
        {
            assert!(wrong.parse::<Since>().is_err(), "{wrong}");
        }
    }
}
