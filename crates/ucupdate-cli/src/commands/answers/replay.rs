//! `ucupdate explain --save` and `--replay`: saves decisions as records, and checks that they are still the same.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::files::new::write_file;
use crate::output::shown::Shown;
use crate::output::time::iso;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::path::{Path, PathBuf};
use ucupdate::decide::TraceRecord;

/// The version of the file format.
const FORMAT: u32 = 1;

/// The largest size of a file of records in bytes.
const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct RecordFile {
    format: u32,
    /// One record for each module of the request.
    records: Vec<TraceRecord>,
}

/// The part of a file of records that is read first: the version of its format.
#[derive(Debug, Deserialize)]
struct FileFormat {
    format: u32,
}

/// Writes records to a new file. Fails when the file exists already or cannot be created.
pub(super) async fn save(path: PathBuf, records: Vec<TraceRecord>) -> Result<(), Failure> {
    let mut bytes = serde_json::to_vec(&RecordFile { format: FORMAT, records })?;
    bytes.push(b'\n');
    files::blocking(move || write_file(&path, &bytes)).await
}

fn read(path: &Path) -> Result<Vec<TraceRecord>, Failure> {
    let bytes = files::read(path, MAX_FILE_BYTES)?;
    let failed = |error: serde_json::Error| Failure::in_doing(path.display(), &error);
    let FileFormat { format } = serde_json::from_slice(&bytes).map_err(failed)?;
    if format > FORMAT {
        return Err(Failure::new(format_args!(
            "{}: has format {format}, and this program reads up to {FORMAT}",
            path.display()
        )));
    }
    let RecordFile { records, .. } = serde_json::from_slice(&bytes).map_err(failed)?;
    Ok(records)
}

/// A recorded decision, and the decision now.
#[derive(Debug, Serialize)]
struct Replayed {
    /// `true` if the decision equals the recorded one, byte for byte. If another revision was requested, the revision
    /// is not compared.
    same: bool,
    /// The question and its current answer.
    record: TraceRecord,
    /// The recorded decision. `None` if it is equal.
    recorded: Option<TraceRecord>,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceRecord { revision, file_name, installed, lines, .. } = &self.record;
        write!(f, "rule book revision {revision}, at {}", iso(self.record.now))?;
        write!(f, "\n{} at version {installed:?}", Shown(file_name))?;
        let answer = lines.len().saturating_sub(1);
        for (number, line) in lines.iter().enumerate() {
            write!(f, "\n  {}{}", if number == answer { "=> " } else { "" }, Shown(line))?;
        }
        match &self.recorded {
            None => f.write_str("\nas it was recorded"),
            Some(recorded) => write!(f, "\nrecorded was {}", Shown(answer_of(recorded))),
        }
    }
}

fn answer_of(record: &TraceRecord) -> &str {
    record.lines.last().map_or(&*record.decision, String::as_str)
}

pub(super) async fn run(path: PathBuf, revision: Option<u64>, context: &mut Context) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let records = files::blocking(move || read(&path)).await?;
    let service = context.administer(IfMissing::Refuse).await?;
    let mut replayed = Vec::new();
    for recorded in records {
        let snapshot = service.snapshot_at(revision.unwrap_or(recorded.revision)).await?;
        let record = recorded.replay(snapshot.index());
        let mut expected = recorded.clone();
        expected.revision = record.revision;
        let same = serde_json::to_vec(&record)? == serde_json::to_vec(&expected)?;
        if !same && revision.is_none() {
            let (found, was) = (answer_of(&record), answer_of(&recorded));
            return Err(Failure::new(format_args!(
                "{shown}: the recorded answer is {was:?}, and the answer now is {found:?}"
            )));
        }
        replayed.push(Replayed { same, record, recorded: (!same).then_some(recorded) });
    }
    let texts: Vec<String> = replayed.iter().map(ToString::to_string).collect();
    context.output.both(&json!({ "replayed": replayed }), texts.join("\n"))
}
