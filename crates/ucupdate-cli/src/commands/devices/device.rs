//! `ucupdate device`: shows all known facts about one device.

use super::fleet::DeviceJson;
use super::loops::mac;
use super::timeline::page;
use super::timeline::report::push_story;
use super::timeline::stories::Stories;
use crate::args::devices::device_or_group;
use crate::args::devices::last_request::{LastRequest, find_device, last_request};
use crate::args::devices::question::{DeviceQuestion, asked_last};
use crate::args::devices::selected_devices::SelectedDevices;
use crate::args::devices::side::SideName;
use crate::args::logs::audit::AuditArgs;
use crate::args::logs::timeline::LogArgs;
use crate::commands::answers::explain::explanation_json;
use crate::context::{Context, IfMissing};
use crate::failure::{Failure, FailureKind, with_advice};
use crate::files;
use crate::output::page::{Escaped, document};
use crate::output::shown::ShownLines;
use crate::output::time::iso;
use crate::output::wrapped::push_wrapped;
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use ucupdate::Snapshot;
use ucupdate::book::{Audience, GroupName, HeldDevices, Rule};
use ucupdate::device::DeviceId;
use ucupdate::request::{AskedFrom, Question, Side};
use ucupdate::timeline::Thresholds;
use ucupdate::value::{Counted, UnixTime};
use ucupdate_admin::report;

#[derive(Debug, clap::Args)]
pub(crate) struct DeviceArgs {
    /// The MAC address, serial number or address of the device
    #[arg(value_name = "MAC|SERIAL|HOST")]
    device: String,
    #[command(flatten)]
    audit: AuditArgs,
    #[command(flatten)]
    logs: LogArgs,
    /// Assume that the device asks from this side [default: the side of its last offer]
    #[arg(long)]
    side: Option<SideName>,
    /// Write an HTML page with a drawn timeline to this new file
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
}

/// The entries of the rule book that apply to one device: its groups, pins, holds and rollouts.
struct AdminEntries {
    test_device: Option<String>,
    groups: Vec<GroupName>,
    pins: Vec<String>,
    holds: Vec<String>,
    rollouts: Vec<String>,
}

pub(crate) async fn run(args: DeviceArgs, context: &mut Context) -> Result<(), Failure> {
    files::new::check(&args.html)?;
    let id = match find_device(&args.device, &args.audit, context).await {
        Err(Failure::Explained(FailureKind::NotFound, reason)) => {
            return Err(not_found(&args.device, &reason, context).await);
        }
        found => found?,
    };
    let whose = SelectedDevices::device(&id);
    let last = last_request(&whose, None, &args.audit, context).await?;
    let stories = Stories::read(&whose, &args.audit, &args.logs, Thresholds::default(), context).await?;
    stories.report_cuts(context);
    let service = context.administer(IfMissing::Refuse).await?;
    let (snapshot, now) = (service.snapshot(), service.now());
    let from = AskedFrom { side: args.side.map(Side::from), address: None };
    let asked = asked_last(&last, from)?;
    let standing = AdminEntries::of(&id, &asked, &snapshot, now);
    let explanation = snapshot.explain(&asked.request, asked.from, now);
    let facts = facts(&id, &last, &standing);
    let value = json!({
        "device": DeviceJson::new(&id, &last.device),
        "now": explanation_json(&explanation, &asked),
        "test_device": standing.test_device,
        "groups": standing.groups.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "pins": standing.pins,
        "holds": standing.holds,
        "rollouts": standing.rollouts,
        "timeline": stories.stories.first().map(report::story),
    });
    let explained = explanation.to_string();
    if let Some(path) = args.html {
        let page = html(&id, &facts, &explained, &stories);
        let shown = path.display().to_string();
        files::blocking(move || files::new::write_file(&path, page.as_bytes())).await?;
        context.output.message(format_args!("{shown} has everything about {id}"));
    }
    let text = text(&id, &facts, &explained, &stories, context.output.width());
    context.output.both(&value, text)?;
    stories.refuse_nothing_understood()
}

/// Returns the failure for a device without a known request. It lists the entries of the rule book
/// that name the device.
async fn not_found(device: &str, reason: &str, context: &mut Context) -> Failure {
    let id = device_or_group::device(device.parse().ok(), device.parse().ok());
    let (Some(id), Some(snapshot)) = (id, context.rules_if_readable().await) else {
        return Failure::not_found(reason);
    };
    let book = snapshot.book();
    let mut entries: Vec<String> =
        book.test_device(&id).map(|device| format!("test device {}", device.name)).into_iter().collect();
    let holds = book.holds().filter(|hold| matches!(&hold.on, HeldDevices::Device(held) if *held == id));
    entries.extend(holds.map(|hold| format!("hold {}", hold.name)));
    let groups = book.groups().filter(|group| book.members(&group.name).any(|member| *member == id));
    entries.extend(groups.map(|group| format!("group {}", group.name)));
    let is_pinned = |rule: &&Rule| {
        rule.pins().any(|pin| matches!(&pin.audience, Audience::Device(pinned) if *pinned == id))
    };
    entries.extend(book.rules().filter(is_pinned).map(|rule| format!("pin of {}", rule.key())));
    match entries.is_empty() {
        true => Failure::not_found(reason),
        false => Failure::not_found(with_advice(
            reason,
            format_args!("the rule book names it: {}", entries.join(", ")),
        )),
    }
}

impl AdminEntries {
    fn of(id: &DeviceId, asked: &DeviceQuestion, snapshot: &Snapshot, now: UnixTime) -> Self {
        let book = snapshot.book();
        let questions: Vec<Question<'_>> = Question::all_of(&asked.request, asked.from).collect();
        let is_in = |group: &GroupName| {
            let is_member = book.members(group).any(|member| member == id);
            let predicate = book.group(group).and_then(|group| group.predicate.as_ref());
            is_member
                || predicate.is_some_and(|wanted| {
                    questions.iter().any(|question| snapshot.index().is_in(wanted, question))
                })
        };
        let groups = book.groups().map(|group| group.name.clone()).filter(&is_in).collect::<Vec<_>>();
        let holds_it = |audience: &Audience| match audience {
            Audience::Device(device) => device == id,
            Audience::Group(group) => groups.contains(group),
            Audience::TestDevices => book.test_device(id).is_some(),
            Audience::Everybody => true,
            _ => false,
        };
        let rules: Vec<&Rule> =
            questions.iter().filter_map(|question| snapshot.index().rule_of(question)).collect();
        let pins = rules.iter().flat_map(|rule| rule.pins().map(move |pin| (rule.key(), pin)));
        let pins = pins.filter(|(_, pin)| holds_it(&pin.audience));
        let rollouts =
            rules.iter().flat_map(|rule| rule.rollouts().map(move |rollout| (rule.key(), rollout)));
        let rollouts = rollouts.filter(|(_, (assignment, _))| holds_it(&assignment.audience));
        let is_held = |held: &HeldDevices| match held {
            HeldDevices::Device(device) => device == id,
            HeldDevices::Group(group) => groups.contains(group),
            HeldDevices::Rule(rule) => rules.iter().any(|known| known.key() == rule),
            _ => false,
        };
        let holds = book.holds().filter(|hold| hold.lasts(now)).filter(|hold| is_held(&hold.on));
        let reason = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Self {
            test_device: book.test_device(id).map(|device| device.name.to_string()),
            pins: pins
                .map(|(rule, pin)| format!("{rule} to {} for {}", pin.candidate.version, pin.audience))
                .collect(),
            holds: holds.map(|hold| format!("{}{}", hold.name, reason(&hold.reason))).collect(),
            rollouts: rollouts
                .map(|(rule, (assignment, rollout))| {
                    let version = &assignment.candidate.version;
                    format!("{} of {rule}: {version} to {}", rollout.name, assignment.audience)
                })
                .collect(),
            groups,
        }
    }
}

/// Returns the facts about a device, each as a name and a value. Facts that do not apply are left
/// out.
fn facts(id: &DeviceId, last: &LastRequest, standing: &AdminEntries) -> Vec<(&'static str, String)> {
    let device = &last.device;
    let list = |values: &[String]| values.join("; ");
    let modules = device.modules.iter();
    let has = modules.map(|module| format!("{} {}", module.installed.file_name, module.installed.version));
    let groups: Vec<String> = standing.groups.iter().map(ToString::to_string).collect();
    let is_mac = mac(id).is_some();
    let asks = Counted::new(device.asks, "request");
    let since = if device.asks == 1 { String::new() } else { format!(" since {}", iso(device.first_asked)) };
    let facts = [
        ("kind", device.kind.to_string()),
        ("serial number", if is_mac { device.serial_number.raw().trim().to_owned() } else { String::new() }),
        ("user", device.user_name.to_string()),
        ("address", device.user_host.to_string()),
        ("has", list(&has.collect::<Vec<_>>())),
        ("last asked", format!("{}, {asks}{since}", iso(device.last_asked))),
        ("server", device.server.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("test device", standing.test_device.clone().unwrap_or_default()),
        ("groups", groups.join(", ")),
        ("pins", list(&standing.pins)),
        ("holds", list(&standing.holds)),
        ("rollouts", list(&standing.rollouts)),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The number of characters before the value of a fact: its name and blanks.
const NAME_WIDTH: usize = 15;

fn text(id: &DeviceId, facts: &[(&str, String)], explained: &str, stories: &Stories, width: usize) -> String {
    let mut text = format!("{id}\n");
    for (name, value) in facts {
        push_wrapped(&format!("{name:NAME_WIDTH$}{value}"), NAME_WIDTH, width, &mut text);
    }
    let _written = writeln!(text, "\nwhat it would be offered now\n{}\n", ShownLines(explained));
    match stories.stories.first() {
        Some(story) => push_story(story, width, &mut text),
        None => text.push_str("no timeline"),
    }
    text.truncate(text.trim_end().len());
    text
}

fn html(id: &DeviceId, facts: &[(&str, String)], explained: &str, stories: &Stories) -> String {
    let mut body = format!("<h1>Device {id}</h1><dl>");
    for (name, value) in facts {
        let _written = write!(body, "<dt>{name}</dt><dd>{}</dd>", Escaped(value));
    }
    body.push_str("</dl><h2 class=\"part\">What it would be offered now</h2>");
    let lines = explained.lines().map(|line| Escaped(line).to_string());
    let _written = write!(
        body,
        "<pre tabindex=\"0\" role=\"region\" aria-label=\"Explanation of the offer\">{}</pre>",
        lines.collect::<Vec<_>>().join("\n")
    );
    if let Some(story) = stories.stories.first() {
        page::push_story(story, 0, &mut body);
    }
    document(&format!("Device {id}"), &body)
}
