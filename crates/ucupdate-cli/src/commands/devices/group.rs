//! `ucupdate group`: manages named groups of devices. A group is a list or a predicate.

use super::group_members::{self, MembersArgs};
use crate::args::change::author::AuthorArgs;
use crate::args::change::change;
use crate::args::change::{ChangeArgs, make, make_if_unchanged};
use crate::args::devices::device_or_group::with_device_or_group;
use crate::args::devices::kind::{KindPatternArgs, scheme_of};
use crate::args::devices::side::SideName;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::output::shown::Shown;
use crate::suggest::no_group;
use serde_json::json;
use ucupdate::book::{
    BookCommand, Group, GroupName, IpNetwork, MacPrefix, Predicate, RuleBook, SerialRange, UserDomain,
};
use ucupdate::device::KindPattern;
use ucupdate::request::Side;
use ucupdate::value::ParseError;
use ucupdate::version::VersionRange;
use ucupdate_admin::report;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum GroupCommand {
    /// List the groups
    List,
    /// Show the conditions of a group, its members, and what uses it
    Show(ShowArgs),
    /// Create a group: the devices that meet conditions, or a list of devices
    Add(Box<AddArgs>),
    /// Add devices to the list of a group
    AddMember(MembersArgs),
    /// Remove devices from the list of a group
    RemoveMember(MembersArgs),
    /// Remove a group that nothing uses
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The name of the group
    name: GroupName,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// The name of the group
    name: GroupName,
    #[command(flatten)]
    author: AuthorArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The name of the group
    name: GroupName,
    /// Replace an existing group
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    how: ChangeArgs,
    #[command(flatten, next_help_heading = "Conditions (without any of them, the group is a list)")]
    predicate: PredicateArgs,
}

/// The predicate of a group. A device matches every option that is given, and one value of an option given several times.
#[derive(Debug, clap::Args)]
pub(crate) struct PredicateArgs {
    #[command(flatten)]
    kind: KindPatternArgs,
    /// The first digits of the MAC address, such as 00-21-63
    #[arg(long, value_name = "DIGITS")]
    mac_prefix: Vec<MacPrefix>,
    /// A range of serial numbers of the same length, such as C185H001000..C185H001999
    #[arg(long, value_name = "A..B")]
    serials: Vec<SerialRange>,
    /// The domain of the user who signed in last, such as contoso.com
    #[arg(long, value_name = "DOMAIN")]
    user_domain: Vec<UserDomain>,
    /// The network of the device, such as 10.1.0.0/16
    #[arg(long)]
    network: Vec<IpNetwork>,
    /// The side of the device
    #[arg(long)]
    side: Option<SideName>,
    /// The range of the installed version, such as ">=1.0.0, <1.0.522.98"
    #[arg(long, value_name = "RANGE")]
    installed: Option<String>,
}

/// Parses a range of versions. If the text cannot be read without a version scheme, the scheme of
/// the rules for the device kinds `kind` is used. The failure names the wrong comparator and the
/// fault of its version.
fn range(text: &str, kind: &KindPattern, book: &RuleBook) -> Result<VersionRange, Failure> {
    text.parse().or_else(|error: ParseError| match scheme_of(kind, book)? {
        Some(scheme) => VersionRange::read(text, &scheme).map_err(|error| usage(&error)),
        None => Err(usage(&error)),
    })
}

fn usage(error: &ParseError) -> Failure {
    Failure::usage(format_args!("{error:#}"))
}

impl PredicateArgs {
    /// Returns the predicate that the options describe. `None` if no option is given.
    fn predicate(self, book: &RuleBook) -> Result<Option<Predicate>, Failure> {
        let mut predicate = Predicate::default();
        predicate.kind = self.kind.pattern();
        predicate.mac_prefixes = self.mac_prefix;
        predicate.serials = self.serials;
        predicate.user_domains = self.user_domain;
        predicate.networks = self.network;
        predicate.side = self.side.map(Side::from);
        predicate.installed =
            self.installed.map(|installed| range(&installed, &predicate.kind, book)).transpose()?;
        Ok(Some(predicate).filter(|predicate| !predicate.is_empty()))
    }
}

/// Returns the predicate of a group as text, or the number of devices in its list.
fn what(book: &RuleBook, group: &Group) -> String {
    match &group.predicate {
        Some(predicate) => predicate.to_string(),
        None => format!("a list of {}", book.members(&group.name).len()),
    }
}

/// Returns a text about a group, its users (such as rollouts and holds) and its devices. Each has
/// its own line.
fn group_text(book: &RuleBook, group: &Group) -> String {
    let mut text = format!("{}: {}", Shown(&group.name), Shown(what(book, group)));
    for used in report::group_users(book, &group.name) {
        text.push_str(&format!("\n  used by the {}", Shown(used)));
    }
    for device in book.members(&group.name) {
        text.push_str(&format!("\n  {:#}", Shown(format!("{device:#}"))));
    }
    text
}

async fn add(args: AddArgs, context: &mut Context) -> Result<(), Failure> {
    let AddArgs { name, predicate, replace, how } = args;
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let group = Group { name, predicate: predicate.predicate(seen.book())? };
    let command = BookCommand::PutGroup(group.clone());
    if replace {
        return make(&command, &how, context).await;
    }
    loop {
        let service = context.administer(IfMissing::Refuse).await?;
        let snapshot = service.snapshot();
        // A group determines the offers of its devices, so an existing group is not replaced without an explicit
        // option.
        if let Some(there) = snapshot.book().group(&group.name).filter(|there| **there != group) {
            let (name, what) = (&there.name, what(snapshot.book(), there));
            return Err(Failure::new(format_args!(
                "group {name} exists already ({what}), --replace changes it"
            )));
        }
        // Another administrator may have created the group first. Then the next try reports it.
        if make_if_unchanged(&command, &how, snapshot.book(), context).await? {
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
            let mut list = List::new("groups", "no groups", ["NAME", "DEVICES", "USED BY"]);
            for group in book.groups() {
                let used = report::group_users(book, &group.name).join(", ");
                let used = if used.is_empty() { "-" } else { &used };
                list.row(report::group(book, group), [&group.name, &what(book, group), &used]);
            }
            context.output.result(&list)
        }
        GroupCommand::Show(args) => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let book = snapshot.book();
            let group = book.group(&args.name);
            let group = group.ok_or_else(|| no_group(&args.name, book))?;
            let mut value = report::group(book, group);
            let devices =
                book.members(&group.name).map(|device| with_device_or_group(json!({}), Some(device), None));
            value["devices"] = devices.collect();
            context.output.both(&value, group_text(book, group))
        }
        GroupCommand::Add(args) => add(*args, context).await,
        GroupCommand::AddMember(args) => group_members::run(args, true, context).await,
        GroupCommand::RemoveMember(args) => group_members::run(args, false, context).await,
        GroupCommand::Remove(args) => {
            change(&BookCommand::RemoveGroup(args.name), &args.author, context).await
        }
    }
}
