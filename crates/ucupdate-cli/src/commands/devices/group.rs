//! `ucupdate group`: named groups of devices, by what they have in common or one by one.

use super::group_members::{self, MembersArgs};
use crate::args::author::AuthorArgs;
use crate::args::change::change;
use crate::args::change::{ChangeArgs, make, make_as_seen};
use crate::args::kind::KindPatternArgs;
use crate::args::side::SideName;
use crate::args::whom::WhomReport;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use crate::output::table::Table;
use crate::suggest::no_group;
use serde::Serialize;
use std::fmt;
use ucupdate::book::{
    Audience, BookCommand, Group, GroupName, HeldDevices, IpNetwork, MacPrefix, Predicate, RuleBook,
    SerialRange, UserDomain,
};
use ucupdate::request::Side;
use ucupdate::version::VersionRange;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum GroupCommand {
    /// List the groups
    List,
    /// Show what a group is, who is on its list, and what uses it
    Show(ShowArgs),
    /// Make a group: of the devices that have something in common, or a list
    Add(Box<AddArgs>),
    /// Put devices on the list of a group
    AddMember(MembersArgs),
    /// Take devices off the list of a group
    RemoveMember(MembersArgs),
    /// Remove a group that nothing uses
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Its name
    name: GroupName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: GroupName,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Its name
    name: GroupName,
    /// Change a group that is there already
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    how: ChangeArgs,
    #[command(flatten, next_help_heading = "What its devices have in common (without any of these: a list)")]
    predicate: PredicateArgs,
}

/// The predicate of a group. A device matches every option that is given, and one value of an option given several times.
#[derive(Debug, clap::Args)]
pub(crate) struct PredicateArgs {
    #[command(flatten)]
    kind: KindPatternArgs,
    /// How their MAC addresses begin, as 00-21-63
    #[arg(long, value_name = "DIGITS")]
    mac_prefix: Vec<MacPrefix>,
    /// Between which serial numbers of one length theirs are, as C185H001000..C185H001999
    #[arg(long, value_name = "A..B")]
    serials: Vec<SerialRange>,
    /// The domain of the user who signed in last, as contoso.com
    #[arg(long, value_name = "DOMAIN")]
    user_domain: Vec<UserDomain>,
    /// The network they ask from, as 10.1.0.0/16
    #[arg(long)]
    network: Vec<IpNetwork>,
    /// The side they ask from
    #[arg(long)]
    side: Option<SideName>,
    /// The version they have, as ">=1.0.0, <1.0.522.98"
    #[arg(long, value_name = "RANGE")]
    installed: Option<VersionRange>,
}

impl PredicateArgs {
    /// The predicate; none where nothing is given.
    fn predicate(self) -> Option<Predicate> {
        let mut predicate = Predicate::default();
        predicate.kind = self.kind.pattern();
        predicate.mac_prefixes = self.mac_prefix;
        predicate.serials = self.serials;
        predicate.user_domains = self.user_domain;
        predicate.networks = self.network;
        predicate.side = self.side.map(Side::from);
        predicate.installed = self.installed;
        Some(predicate).filter(|predicate| !predicate.is_empty())
    }
}

#[derive(Debug, Serialize)]
struct ListReport {
    groups: Vec<GroupReport>,
}

#[derive(Debug, Serialize)]
struct GroupReport {
    name: String,
    /// The predicate, or `None` for a list.
    predicate: Option<Predicate>,
    /// How many devices are on its list; none where it has a predicate.
    members: Option<usize>,
    /// The rules and holds that name it.
    used_by: Vec<String>,
    #[serde(skip)]
    text: String,
}

impl GroupReport {
    fn of(book: &RuleBook, group: &Group) -> Self {
        let count = book.members(&group.name).len();
        let text = match &group.predicate {
            Some(predicate) => predicate.to_string(),
            None => format!("a list of {count}"),
        };
        Self {
            name: group.name.to_string(),
            predicate: group.predicate.clone(),
            members: group.predicate.is_none().then_some(count),
            used_by: used_by(book, &group.name),
            text,
        }
    }
}

fn used_by(book: &RuleBook, group: &GroupName) -> Vec<String> {
    let rules = book.rules().filter(|rule| {
        let mut assignments = rule.assignments().iter();
        assignments.any(|assignment| matches!(&assignment.audience, Audience::Group(name) if name == group))
    });
    let holds = book.holds().filter(|hold| matches!(&hold.on, HeldDevices::Group(name) if name == group));
    let holds = holds.map(|hold| format!("hold {}", hold.name));
    rules.map(|rule| format!("rule {}", rule.key())).chain(holds).collect()
}

impl fmt::Display for ListReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return f.write_str("no groups");
        }
        let mut table = Table::new(["NAME", "DEVICES", "USED BY"]);
        for group in &self.groups {
            let used = if group.used_by.is_empty() { "-".to_owned() } else { group.used_by.join(", ") };
            table.row([&group.name, &group.text, &used]);
        }
        table.fmt(f)
    }
}

#[derive(Debug, Serialize)]
struct ShowReport {
    #[serde(flatten)]
    group: GroupReport,
    /// The devices on its list.
    devices: Vec<WhomReport>,
}

impl fmt::Display for ShowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Shown(&self.group.name), Shown(&self.group.text))?;
        self.group.used_by.iter().try_for_each(|used| write!(f, "\n  used by the {}", Shown(used)))?;
        self.devices.iter().try_for_each(|device| match (&device.mac, &device.serial) {
            (Some(mac), _) => write!(f, "\n  MAC address {mac}"),
            (None, Some(serial)) => write!(f, "\n  serial number {}", Shown(serial)),
            (None, None) => Ok(()),
        })
    }
}

async fn add(args: AddArgs, context: &mut Context) -> Result<(), Failure> {
    let AddArgs { name, predicate, replace, how } = args;
    let group = Group { name, predicate: predicate.predicate() };
    let command = BookCommand::PutGroup(group.clone());
    if replace {
        return make(&command, &how, context).await;
    }
    loop {
        let service = context.administer(IfMissing::Refuse).await?;
        let snapshot = service.snapshot();
        // What a group is decides what its devices get, so a name that is taken is no reason to make it another.
        if let Some(there) = snapshot.book().group(&group.name).filter(|there| **there != group) {
            let there = GroupReport::of(snapshot.book(), there);
            let refusal =
                format!("group {} is there already ({}), --replace changes it", there.name, there.text);
            return Err(Failure::new(refusal));
        }
        // Whoever was quicker has made it, and the next look tells what.
        if make_as_seen(&command, &how, snapshot.book(), context).await? {
            return Ok(());
        }
    }
}

pub(crate) async fn run(command: GroupCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        GroupCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let book = snapshot.book();
            let groups = book.groups().map(|group| GroupReport::of(book, group)).collect();
            context.output.result(&ListReport { groups })
        }
        GroupCommand::Show(args) => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let book = snapshot.book();
            let group = book.group(&args.name);
            let group = group.ok_or_else(|| no_group(&args.name, book))?;
            let devices = book.members(&group.name).map(WhomReport::from).collect();
            context.output.result(&ShowReport { group: GroupReport::of(book, group), devices })
        }
        GroupCommand::Add(args) => add(*args, context).await,
        GroupCommand::AddMember(args) => group_members::run(args, true, context).await,
        GroupCommand::RemoveMember(args) => group_members::run(args, false, context).await,
        GroupCommand::Remove(args) => {
            change(&BookCommand::RemoveGroup(args.name), &args.author, context).await
        }
    }
}
