//! `ucupdate plan`: the whole way of a device, from what it has to where it ends.

use crate::args::asked::{Asked, AskedArgs};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use clap::ArgGroup;
use serde::Serialize;
use std::fmt;
use ucupdate::decide::{Hop, Plan, Via, plan};
use ucupdate::request::Question;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("asked").required(true).args(["request", "device"])))]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// By the rule book of this revision [default: the newest]
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Report {
    /// The revision of the rule book.
    revision: u64,
    modules: Vec<PlanReport>,
    /// Modules of the request that could not be read, and why.
    skipped: Vec<String>,
    /// Items of the request that the dialect does not know.
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PlanReport {
    /// As asked.
    file_name: String,
    /// The version installed, as said.
    installed: String,
    /// The offers it will get, in this order.
    hops: Vec<HopReport>,
    /// Why the way goes no further, as one word: `up-to-date`, `no-rule`, ...
    end: &'static str,
    /// The reason as a sentence.
    because: String,
    #[serde(skip)]
    text: String,
}

#[derive(Debug, Serialize)]
struct HopReport {
    version: String,
    /// Below the root of a URL.
    folder: String,
    /// Whether it is a step on the way.
    stepping_stone: bool,
}

impl HopReport {
    fn of(hop: &Hop<'_>) -> Self {
        Self {
            version: hop.offer.version.to_string(),
            folder: hop.offer.folder.to_string(),
            stepping_stone: matches!(hop.via, Via::SteppingStone { .. }),
        }
    }
}

impl PlanReport {
    fn of(question: &Question<'_>, plan: &Plan<'_>) -> Self {
        Self {
            file_name: question.module.file_name.to_string(),
            installed: plan.installed.to_string(),
            hops: plan.hops.iter().map(HopReport::of).collect(),
            end: plan.end.word(),
            because: plan.end.to_string(),
            text: plan.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule book revision {}", self.revision)?;
        if self.modules.is_empty() {
            write!(f, "\nthe request names no module, so there is nothing to offer")?;
        }
        let mut modules = self.modules.iter();
        modules.try_for_each(|module| write!(f, "\n{}: {}", Shown(&module.file_name), Shown(&module.text)))
    }
}

pub(crate) async fn run(args: PlanArgs, context: &mut Context) -> Result<(), Failure> {
    let asked = args.asked.asked().await?;
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = match args.revision {
        Some(revision) => service.snapshot_at(revision).await?,
        None => service.snapshot(),
    };
    asked.tell(context);
    let Asked { request, from, skipped, unknown } = asked;
    let now = service.now();
    let modules = Question::all_of(&request, from)
        .map(|question| PlanReport::of(&question, &plan(snapshot.index(), &question, now)));
    let modules = modules.collect();
    context.output.result(&Report { revision: snapshot.revision(), modules, skipped, unknown })
}
