//! The access logs that a command reads: those of the store, or files.

use crate::args::logs::read_rows::ReadRows;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use std::path::PathBuf;
use ucupdate::audit::{AccessRow, LogKind};
use ucupdate::value::UnixTime;
use ucupdate::{AccessLogs, Logged};

/// The access logs that are read.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct LogArgs {
    /// Read these logs of a web server instead of those of the store: files, folders, or patterns such as
    /// 'W3SVC1/*.log'
    #[arg(long, value_name = "FILE", num_args = 1..)]
    access: Vec<PathBuf>,
    /// Read the address of a phone from this header of the access log, such as X-Forwarded-For
    #[arg(long, value_name = "HEADER")]
    client_from: Option<String>,
}

impl LogArgs {
    /// Returns whether no files are named, so that the logs of the store are read.
    pub(crate) fn is_of_store(&self) -> bool {
        self.access.is_empty()
    }

    /// Calls `take` with each row from `since` on and before `until`, in order of time. Reports the
    /// lines that cannot be read. The store is read only if `from_store` is set. Fails when there
    /// is no store, or a log cannot be read.
    pub(crate) async fn each_access_row(
        &self,
        (since, until): (Option<UnixTime>, Option<UnixTime>),
        context: &mut Context,
        from_store: bool,
        mut take: impl FnMut(&AccessRow),
    ) -> Result<ReadRows, Failure> {
        let mut logs = AccessLogs::new(since);
        if let Some(header) = &self.client_from {
            logs = logs.with_client_from(header);
        }
        let (paths, progress, mut total) = (self.access.clone(), context.output.progress.clone(), 0_u64);
        for path in files::blocking(move || files::logs::find(&paths, LogKind::Access)).await? {
            let size = std::fs::metadata(&path).map_or(0, |found| found.len());
            let progress = progress.clone();
            let name = path.display().to_string();
            if logs
                .add(&name, move || ucupdate_folder::open_regular(&path).map(|file| progress.counted(file)))
            {
                total = total.saturating_add(size);
            }
        }
        if from_store {
            let store = context.open_store(IfMissing::Refuse).await?;
            total = total.saturating_add(logs.add_store(store).await?);
        }
        progress.reads("reading access logs", total);
        let (mut read, mut has_client_field) = (ReadRows::new(LogKind::Access), false);
        while let Some(logged) = logs.next().await? {
            match logged {
                Logged::Row(row) if until.is_some_and(|until| row.finished_at >= until) => {}
                Logged::Row(row) => {
                    read.rows += 1;
                    take(&row);
                }
                Logged::Unread { log, finding } => read.unread(&log, &finding, context),
                Logged::End { log, summary } => {
                    has_client_field |= summary.has_client_field;
                    read.ended(&log, &summary);
                }
                _ => return Err(Failure::new("the access logs hold what this command does not know")),
            }
        }
        context.output.progress.works();
        if let Some(header) = self.client_from.as_ref().filter(|_| !has_client_field && read.rows > 0) {
            context.output.message(format_args!(
                "no access log has a field {header}, so the addresses are those of connections"
            ));
        }
        read.finish(context);
        Ok(read)
    }
}
