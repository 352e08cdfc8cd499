//! `ucupdate explain`: shows the answer to a request and the reasons for it.

use super::replay;
use crate::args::devices::question::{DeviceQuestion, QuestionArgs};
use crate::args::moment::Earlier;
use crate::args::number::any_number;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use clap::ArgGroup;
use serde_json::Value;
use std::path::PathBuf;
use ucupdate::decide::{Explanation, TraceRecord};
use ucupdate::request::Question;
use ucupdate::value::UnixTime;
use ucupdate::{Clock as _, SystemClock, UpdateService};
use ucupdate_admin::report;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("asked").required(true).multiple(true).args(["request", "device", "mac", "serial", "replay"])))]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    asked: QuestionArgs,
    /// Use the rule book of this revision [default: the newest]
    #[arg(long, value_name = "N", value_parser = any_number::<u64>)]
    revision: Option<u64>,
    /// Answer by the rule book at this time, such as 2026-12-01T08:00Z, or 3d before now. With --mac or --serial, the last
    /// request up to this time is used
    #[arg(long, value_name = "TIME", conflicts_with_all = ["revision", "replay"])]
    at: Option<Earlier>,
    /// Save the question and the answer in this new file, for --replay
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    save: Option<PathBuf>,
    /// Answer the question of this file again, with its rule book and its time
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "side", "dialect", "request", "device", "mac", "serial"])]
    replay: Option<PathBuf>,
}

pub(crate) async fn run(args: ExplainArgs, context: &mut Context) -> Result<(), Failure> {
    if let Some(path) = args.replay {
        return replay::run(path, args.revision, context).await;
    }
    let at = args.at.map(|moment| moment.at(SystemClock.now()));
    let asked = args.asked.asked(at, context).await?;
    let service = context.administer(IfMissing::Refuse).await?;
    let revision = match at {
        Some(at) => Some(revision_at(&service, at).await?),
        None => args.revision,
    };
    let snapshot = match revision {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    let now = at.unwrap_or_else(|| service.now());
    if let Some(path) = args.save {
        let questions = Question::all_of(&asked.request, asked.from);
        let records = questions.map(|question| TraceRecord::of(snapshot.index(), &question, now)).collect();
        replay::save(path, records).await?;
    }
    asked.report_skipped(context);
    let explanation = snapshot.explain(&asked.request, asked.from, now);
    context.output.both(&explanation_json(&explanation, &asked), &explanation)
}

pub(crate) fn explanation_json(explanation: &Explanation<'_>, asked: &DeviceQuestion) -> Value {
    report::explanation(explanation, &asked.skipped, &asked.unknown)
}

/// Returns the number of the newest revision at the time `at`. 0 is the empty rule book before the
/// first change.
async fn revision_at(service: &UpdateService, at: UnixTime) -> Result<u64, Failure> {
    let revisions = service.history(1, usize::MAX).await?;
    Ok(revisions.iter().take_while(|revision| revision.at <= at).last().map_or(0, |revision| revision.number))
}
