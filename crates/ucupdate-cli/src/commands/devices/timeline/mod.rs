//! `ucupdate timeline`: shows the requests, answers, downloads and troubles of devices.

mod drawing;
pub(crate) mod page;
pub(crate) mod report;
pub(crate) mod stories;

use crate::args::devices::last_request::with_near_device;
use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::logs::audit::AuditArgs;
use crate::args::logs::thresholds::ThresholdArgs;
use crate::args::logs::timeline::LogArgs;
use crate::args::rules::RuleName;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::files;
use crate::suggest::{near_rule, with_meant};
use page::page;
use report::{stories_json, stories_text};
use std::collections::BTreeSet;
use std::path::PathBuf;
use stories::Stories;
use ucupdate::device::{MacAddress, SerialNumber};
use ucupdate::value::Counted;

#[derive(Debug, clap::Args)]
pub(crate) struct TimelineArgs {
    #[command(flatten)]
    whose: SelectedDevicesArgs,
    /// Show only devices with a trouble of this kind, such as old-path; `any` for every kind
    #[arg(long, value_name = "KIND")]
    trouble: Option<String>,
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    logs: LogArgs,
    /// Write an HTML page with a drawn timeline to this new file, and nothing to stdout
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
    #[command(flatten, next_help_heading = "What counts as a trouble")]
    thresholds: ThresholdArgs,
}

/// The devices whose timelines are shown. The default is all of them.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct SelectedDevicesArgs {
    /// Show only the device with this MAC address
    #[arg(long)]
    mac: Option<MacAddress>,
    /// Show only the device with this serial number
    #[arg(long)]
    serial: Option<SerialNumber>,
    /// Show only devices that asked from this address
    #[arg(long, value_name = "IP")]
    host: Option<String>,
    /// Show only devices of this rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or of the rules that match
    /// a pattern, such as 'UCPhone/Polycom/*'
    #[arg(long)]
    rule: Option<RuleName>,
}

impl SelectedDevicesArgs {
    /// Returns the selected devices. A rule whose words are all given need not exist, because logs
    /// may name devices of a rule that was removed.
    async fn select(self, context: &mut Context) -> Result<SelectedDevices, Failure> {
        Ok(match self {
            Self { mac: Some(mac), .. } => SelectedDevices::Mac(mac),
            Self { serial: Some(serial), .. } => SelectedDevices::Serial(serial),
            Self { host: Some(host), .. } => SelectedDevices::Host(host),
            Self { rule: Some(RuleName::Whole(rule)), .. } => SelectedDevices::Rules(vec![rule]),
            Self { rule: Some(name), .. } => {
                let seen = context.administer(IfMissing::Refuse).await?.snapshot();
                SelectedDevices::Rules(name.all(seen.book(), |_| true)?)
            }
            _ => SelectedDevices::All,
        })
    }
}

pub(crate) async fn run(args: TimelineArgs, context: &mut Context) -> Result<(), Failure> {
    files::new::check(&args.html)?;
    let whose = args.whose.select(context).await?;
    let mut stories =
        Stories::read(&whose, &args.audit, &args.logs, args.thresholds.thresholds(), context).await?;
    if stories.stories.is_empty() && !stories.is_understood() {
        return stories.refuse_nothing_understood();
    }
    stories.report_cuts(context);
    if stories.stories.is_empty() && whose != SelectedDevices::All && stories.is_understood() {
        let failure = Failure::not_found(format_args!("the logs name no {whose}"));
        let from_store = args.audit.is_of_store() && args.logs.is_of_store();
        return Err(with_near(failure, &whose, &args.audit, from_store, context).await);
    }
    if let Some(kind) = &args.trouble {
        keep_troubled(&mut stories, kind)?;
    }
    if let Some(path) = args.html {
        let page = page(&stories);
        let shown = path.display().to_string();
        files::blocking(move || files::new::write_file(&path, page.as_bytes())).await?;
        context.output.message(format_args!(
            "{shown} has the timeline of {}",
            Counted::new(stories.stories.len(), "device")
        ));
        if context.output.is_json() {
            context.output.json_result(&stories_json(&stories))?;
        }
    } else {
        let text = stories_text(&stories, context.output.width());
        context.output.both(&stories_json(&stories), text)?;
    }
    stories.refuse_nothing_understood()
}

/// Removes the devices without a trouble of this kind from `stories`. The kind `any` is every kind.
/// Fails when no device has such a trouble. The failure contains the kinds that the logs show.
fn keep_troubled(stories: &mut Stories, kind: &str) -> Result<(), Failure> {
    let of_all = stories.stories.iter().flat_map(|story| &story.troubles);
    let found: BTreeSet<&str> = of_all.map(|trouble| trouble.kind.name()).collect();
    let is_meant = |name: &str| kind == "any" || name == kind;
    if !found.iter().any(|name| is_meant(name)) {
        let found = found.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Failure::not_found(match found.as_str() {
            "" => "the logs show no trouble".to_owned(),
            found => format!("the logs show no trouble of the kind {kind}; they show: {found}"),
        }));
    }
    stories.stories.retain(|story| story.troubles.iter().any(|trouble| is_meant(trouble.kind.name())));
    Ok(())
}

/// Adds a suggestion to a failure: a device or a rule that is similar to the selected one.
async fn with_near(
    failure: Failure,
    whose: &SelectedDevices,
    audit: &AuditArgs,
    from_store: bool,
    context: &mut Context,
) -> Failure {
    let SelectedDevices::Rules(named) = whose else {
        return with_near_device(failure, &whose.name(), audit, from_store, context).await;
    };
    let [rule] = &named[..] else { return failure };
    let rules = context.rules_if_readable().await;
    with_meant(failure, rules.and_then(|rules| near_rule(rule, rules.book())))
}
