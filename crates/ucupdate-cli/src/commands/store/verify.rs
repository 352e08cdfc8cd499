//! `ucupdate verify`: whether a store holds together.

use crate::args::retention::RetentionArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde::Serialize;
use std::fmt;
use std::time::SystemTime;
use ucupdate::value::UnixTime;
use ucupdate::{CheckOptions, StoreCheck, StoreProblem, check_store};

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Look only whether images are there with their size, without reading them
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    keep: RetentionArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Whether images were only looked at, and not read.
    quick: bool,
    revisions: u64,
    checkpoints: usize,
    /// The oldest revision whose images are kept.
    kept_from: u64,
    files: usize,
    bytes: u64,
    /// The problems.
    findings: Vec<FindingReport>,
    /// Objects of ingests that no package of the rule book came from: no fault.
    orphans: usize,
    orphan_bytes: u64,
}

#[derive(Debug, Serialize)]
struct FindingReport {
    /// `file-gone`, `revision-damaged`, ...
    kind: &'static str,
    /// The object that is wrong, where it is one.
    key: Option<String>,
    text: String,
    /// The repair.
    repair: String,
}

impl Report {
    fn of(found: &StoreCheck, quick: bool) -> Self {
        let finding = |finding: &StoreProblem| FindingReport {
            kind: finding.kind(),
            key: finding.key().map(str::to_owned),
            text: finding.to_string(),
            repair: finding.repair(),
        };
        Self {
            quick,
            revisions: found.revisions,
            checkpoints: found.checkpoints,
            kept_from: found.kept_from,
            files: found.files,
            bytes: found.bytes,
            findings: found.problems.iter().map(finding).collect(),
            orphans: found.orphans,
            orphan_bytes: found.orphan_bytes,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{}\n    {}", Shown(&finding.text), Shown(&finding.repair))?;
        }
        let looked = if self.quick { "looked at" } else { "read" };
        write!(
            f,
            "{} revision(s), {} checkpoint(s), {} file(s) of {} bytes {looked}: ",
            self.revisions, self.checkpoints, self.files, self.bytes
        )?;
        match self.findings.len() {
            0 => f.write_str("nothing is wrong")?,
            wrong => write!(f, "{wrong} thing(s) wrong")?,
        }
        if self.orphans > 0 {
            write!(
                f,
                "\n{} object(s) of {} bytes that no package is of: see gc",
                self.orphans, self.orphan_bytes
            )?;
        }
        Ok(())
    }
}

pub(crate) async fn run(args: VerifyArgs, context: &mut Context) -> Result<(), Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let options = CheckOptions::default().with_quick(args.quick).with_retention(args.keep.retention());
    let found = check_store(&*store, &options, UnixTime::from(SystemTime::now())).await?;
    context.output.result(&Report::of(&found, args.quick))?;
    match found.problems.len() {
        0 => Ok(()),
        wrong => Err(Failure::new(format_args!("{wrong} thing(s) in the store are wrong"))),
    }
}
