//! `ucupdate policy`: how a rule treats versions.

use crate::args::change::{ChangeArgs, make_as_seen};
use crate::args::window::WindowArg;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::suggest::no_rule;
use clap::ArgGroup;
use serde_json::{Value, json};
use std::str::FromStr;
use ucupdate::book::{BookCommand, OfferPolicy, OfferRule, Rule, RuleBook, RuleKey, SameRelease};
use ucupdate::version::VersionScheme;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show the policy of a rule
    Show(ShowArgs),
    /// Change what is given of the policy of a rule
    Set(Box<SetArgs>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true)
    .args(["offer", "unreadable", "same_release", "scheme", "minimum", "floor", "window"])))]
pub(crate) struct SetArgs {
    /// The rule, as UCPhone/LG-Nortel/IP8540/A/ENU/CPE
    rule: RuleKey,
    /// When a version is offered to a device that has another
    #[arg(long)]
    offer: Option<OfferName>,
    /// Whether devices whose version cannot be read are offered one
    #[arg(long)]
    unreadable: Option<YesOrNo>,
    /// Which versions are one release
    #[arg(long)]
    same_release: Option<SameReleaseName>,
    /// The version scheme: dotnet, numeric, prefixed:PATTERN or prefixed-same:PATTERN, as prefixed:UC*HD_
    #[arg(long)]
    scheme: Option<VersionScheme>,
    /// Devices below this version are offered theirs whatever holds and windows say; or none
    #[arg(long, value_name = "VERSION")]
    minimum: Option<OrNone<String>>,
    /// No device is taken down to a version below this; or none
    #[arg(long, value_name = "VERSION")]
    floor: Option<OrNone<String>>,
    /// When versions are offered, as "Mon-Fri 22:00-05:00 Europe/Lisbon"; or none
    #[arg(long)]
    window: Option<OrNone<WindowArg>>,
    #[command(flatten)]
    how: ChangeArgs,
}

/// A value, or the word `none`.
#[derive(Clone, Debug)]
struct OrNone<T>(Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.eq_ignore_ascii_case("none") {
            Ok(Self(None))
        } else {
            text.parse().map(|value| Self(Some(value)))
        }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OfferName {
    /// Whenever it differs, even if it is older
    Different,
    /// Only when it is newer
    Newer,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum YesOrNo {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SameReleaseName {
    /// 1.0.522 and 1.0.522.0 are one release
    Padded,
    /// 1.0.522 and 1.0.522.0 are two
    Exact,
    /// 1.0.522.1 and 1.0.522.2 are one: the fourth number never makes an update
    FirstThree,
}

impl SetArgs {
    /// The policy with what is given changed.
    fn apply(&self, policy: &mut OfferPolicy) -> Result<(), Failure> {
        if let Some(scheme) = &self.scheme {
            policy.scheme.clone_from(scheme);
        }
        let scheme = policy.scheme.clone();
        let read = |text: &Option<String>| text.as_ref().map(|text| scheme.read(text)).transpose();
        match self.offer {
            Some(OfferName::Different) => policy.offer = OfferRule::Different,
            Some(OfferName::Newer) => policy.offer = OfferRule::Newer,
            None => {}
        }
        match self.unreadable {
            Some(YesOrNo::Yes) => policy.unreadable = true,
            Some(YesOrNo::No) => policy.unreadable = false,
            None => {}
        }
        match self.same_release {
            Some(SameReleaseName::Padded) => policy.same_release = SameRelease::Padded,
            Some(SameReleaseName::Exact) => policy.same_release = SameRelease::Exact,
            Some(SameReleaseName::FirstThree) => policy.same_release = SameRelease::FirstThree,
            None => {}
        }
        if let Some(OrNone(minimum)) = &self.minimum {
            policy.minimum = read(minimum).map_err(Failure::usage)?;
        }
        if let Some(OrNone(floor)) = &self.floor {
            policy.floor = read(floor).map_err(Failure::usage)?;
        }
        if let Some(OrNone(window)) = &self.window {
            policy.window = window.as_ref().map(|window| window.window().clone());
        }
        Ok(())
    }
}

/// Returns the policy of a rule as a JSON object.
fn policy_json(rule: &Rule) -> Value {
    let OfferPolicy { offer, unreadable, same_release, scheme, minimum, floor, window, .. } = rule.policy();
    json!({
        "rule": rule.key(),
        "offer": offer,
        "unreadable": unreadable,
        "same_release": same_release,
        "scheme": scheme.to_string(),
        "minimum": minimum,
        "floor": floor,
        "window": window,
    })
}

/// Returns the policy of a rule as text, a field on each line.
fn policy_text(rule: &Rule) -> String {
    let fields = rule.policy().fields();
    let fields = fields.into_iter().map(|(name, value)| format!("\n  {name:<12}  {value}"));
    format!("{}{}", rule.key(), fields.collect::<String>())
}

/// How often a policy that others changed meanwhile is changed anew.
const MAX_TRIES: usize = 64;

/// The policy of a rule as it is.
fn found<T>(book: &RuleBook, key: &RuleKey, take: impl FnOnce(&Rule) -> T) -> Result<T, Failure> {
    let rule = book.rule(key).ok_or_else(|| no_rule(key, book))?;
    Ok(take(rule))
}

pub(crate) async fn run(command: PolicyCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        PolicyCommand::Show(args) => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let both = |rule: &Rule| (policy_json(rule), policy_text(rule));
            let (value, text) = found(snapshot.book(), &args.rule, both)?;
            context.output.both(&value, text)
        }
        PolicyCommand::Set(args) => {
            if let Some(OrNone(Some(window))) = &args.window {
                window.tell(context);
            }
            for _ in 0..MAX_TRIES {
                let seen = context.administer(IfMissing::Refuse).await?.snapshot();
                let mut policy = found(seen.book(), &args.rule, |rule| rule.policy().clone())?;
                args.apply(&mut policy)?;
                let command = BookCommand::SetPolicy(args.rule.clone(), policy);
                if make_as_seen(&command, &args.how, seen.book(), context).await? {
                    return Ok(());
                }
            }
            Err(Failure::new(format_args!("the policy of {} is changed by others all the time", args.rule)))
        }
    }
}
