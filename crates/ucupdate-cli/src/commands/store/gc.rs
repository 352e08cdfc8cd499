//! `ucupdate gc`: removes packages that no kept revision needs, and files of interrupted ingests.

use crate::args::change::author::AuthorArgs;
use crate::args::moment::{DAY, HOUR, units};
use crate::args::retention::RetentionArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use std::time::Duration;
use ucupdate::audit::RetentionDays;
use ucupdate::value::Counted;
use ucupdate::{ChangeError, Garbage, GarbageOptions, LogError, Options, UpdateService};
use ucupdate_admin::report;

#[derive(Debug, clap::Args)]
pub(crate) struct GcArgs {
    /// Remove nothing, and print what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Keep files that are younger than this number of hours, because they can belong to a running ingest
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = |text: &str| units::<u32>(text, HOUR, 1..=8760))]
    grace_hours: u32,
    /// Allow that more than half of the packages leave the rule book, or more than half of the log files are removed, at once.
    /// Without it this is refused, because the clock can be wrong
    #[arg(long)]
    any_share: bool,
    /// Also remove the logs of all servers that are older than this number of days, 1 to 365
    #[arg(long, value_name = "DAYS", value_parser = days)]
    log_days: Option<RetentionDays>,
    #[command(flatten)]
    keep: RetentionArgs,
    #[command(flatten)]
    author: AuthorArgs,
}

fn days(text: &str) -> Result<RetentionDays, String> {
    RetentionDays::new(units(text, DAY, 1..=365)?).ok_or_else(|| "expected 1 to 365 days".to_owned())
}

/// Returns a text about the objects that were removed or, in a dry run, that would be removed.
fn garbage_text(found: &Garbage, dry_run: bool) -> String {
    let done = if dry_run { "would leave" } else { "has left" };
    let packages = found.packages.iter().map(|package| format!("package {package} {done} the rule book"));
    let mut lines: Vec<String> = packages.collect();
    lines.extend(found.objects.iter().map(|object| Shown(object).to_string()));
    let done = if dry_run { "would be removed" } else { "removed" };
    let mut sum = format!("{} of {} bytes {done}", Counted::new(found.objects.len(), "object"), found.bytes);
    if found.young > 0 {
        sum.push_str(&format!(", {} too young", found.young));
    }
    if found.before_history > 0 {
        sum.push_str(&format!(", {} stay, since their history may be lost", found.before_history));
    }
    lines.push(sum);
    lines.join("\n")
}

pub(crate) async fn run(args: GcArgs, context: &mut Context) -> Result<(), Failure> {
    let store = context.open_store(IfMissing::Refuse).await?;
    let options = Options::default().with_retention(args.keep.retention());
    let service = UpdateService::open(store, options).await?;
    let author = args.author.name();
    let garbage = GarbageOptions::default()
        .with_grace(Duration::from_secs(u64::from(args.grace_hours) * 60 * 60))
        .with_dry_run(args.dry_run)
        .with_any_share(args.any_share);
    let admin = service.admin(&author);
    let progress = &context.output.progress;
    if progress.is_shown() && !args.dry_run {
        let mut total = admin.collect_unkept(&garbage.with_dry_run(true)).await?.objects.len();
        if let Some(days) = args.log_days {
            total += service.count_old_logs(days).await?;
        }
        progress.removes("removing", total as u64);
    }
    let found = match admin.collect_unkept(&garbage).await {
        Err(error @ ChangeError::LargeShare { .. }) => {
            return Err(Failure::new(format_args!(
                "{error}: `ucupdate gc --dry-run` shows what would be removed, and `ucupdate gc --any-share` removes it"
            )));
        }
        found => found?,
    };
    let logs = match args.log_days {
        Some(days) if args.dry_run => Some(service.count_old_logs(days).await?),
        Some(days) => match service.remove_all_old_logs(days, args.any_share).await {
            Err(error @ LogError::LargeShare { .. }) => {
                let days = days.days();
                return Err(Failure::new(format_args!(
                    "{error}: `ucupdate gc --log-days {days} --any-share` removes them"
                )));
            }
            removed => Some(removed?),
        },
        None => None,
    };
    let mut value = report::garbage(&found, args.dry_run);
    let mut text = garbage_text(&found, args.dry_run);
    if let Some(logs) = logs {
        value["logs"] = logs.into();
        let done = if args.dry_run { "would be removed" } else { "removed" };
        text.push_str(&format!("\n{} {done}", Counted::new(logs, "log file")));
    }
    context.output.both(&value, text)
}
