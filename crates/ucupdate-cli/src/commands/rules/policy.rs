//! `ucupdate policy`: manages the offer policies of rules.

use super::{deploy_at_ingest, pattern_scheme};
use crate::args::change::{ChangeArgs, make_all, make_if_unchanged};
use crate::args::package_prefix::PackagePrefix;
use crate::args::rules::RulesArg;
use crate::args::window::WindowArg;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::suggest::{no_match, no_rule};
use clap::ArgGroup;
use serde_json::{Value, json};
use std::str::FromStr;
use ucupdate::book::{
    BookCommand, OfferPolicy, OfferRule, Rule, RuleBook, RuleKey, RulePattern, SameRelease,
};
use ucupdate::version::VersionScheme;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PolicyCommand {
    /// List the policies that are not the default, and the version schemes of patterns
    List,
    /// Show the policy of a rule, or the version scheme of a pattern
    Show(ShowArgs),
    /// Change the given parts of the policy of a rule, or the version scheme of a pattern of rules
    Set(Box<SetArgs>),
    /// Remove the version scheme of a pattern. Its rules use the scheme of the next matching pattern, or dotnet
    Remove(pattern_scheme::RemoveArgs),
    /// Set whether versions of a device type are approved as soon as they are ingested, as for RoundTable by default
    DeployAtIngest(deploy_at_ingest::DeployArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern of rules, such as
    /// 'UCPhone/AudioCodes/*'
    rules: RulesArg,
}

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true)
    .args(["offer", "unreadable", "same_release", "scheme", "minimum", "floor", "window"])))]
pub(crate) struct SetArgs {
    /// The rule, such as UCPhone/LG-Nortel/IP8540/A/ENU/CPE or IP8540, or a pattern, such as 'UCPhone/AudioCodes/*'. The scheme of a
    /// pattern also holds for later rules, and the other fields do not
    ///
    /// If a rule matches several patterns, the most exact one counts: most words without *, then most characters
    /// beside *, then the first in alphabetical order. A scheme that is set on the rule itself comes first.
    #[arg(required_unless_present = "all_of", conflicts_with = "all_of")]
    rules: Option<RulesArg>,
    /// Set the policy of every rule for which this package has a version
    #[arg(long, value_name = "PACKAGE-ID")]
    all_of: Option<PackagePrefix>,
    /// When a device is offered a version
    #[arg(long)]
    offer: Option<OfferName>,
    /// Whether a device is offered a version if the version that it reports cannot be read
    #[arg(long)]
    unreadable: Option<YesOrNo>,
    /// Which versions are one release
    #[arg(long)]
    same_release: Option<SameReleaseName>,
    /// The version scheme: dotnet, numeric, prefixed:PATTERN or prefixed-same:PATTERN, such as prefixed:UC*HD_
    #[arg(long)]
    scheme: Option<VersionScheme>,
    /// The minimum version: devices with an older one are offered an update even during a hold or outside the window.
    /// `none` removes it
    #[arg(long, value_name = "VERSION")]
    minimum: Option<OrNone<String>>,
    /// The floor: no device is offered an older version than this one. `none` removes it
    #[arg(long, value_name = "VERSION")]
    floor: Option<OrNone<String>>,
    /// The hours in which versions are offered, such as "Mon-Fri 22:00-05:00 Europe/Lisbon". `none` removes them
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
    /// A version that differs from the installed one, even if it is older
    Different,
    /// Only a version that is newer than the installed one
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
    /// 1.0.522 and 1.0.522.0 are two releases
    Exact,
    /// 1.0.522.1 and 1.0.522.2 are one: the fourth number never makes an update
    FirstThree,
}

impl SetArgs {
    /// Returns the scheme that the arguments set for a pattern of rules. Fails when they set no
    /// scheme, or other fields too.
    fn scheme_only(&self) -> Result<VersionScheme, Failure> {
        let Self {
            offer,
            unreadable,
            same_release,
            scheme,
            minimum,
            floor,
            window,
            rules: _,
            all_of: _,
            how: _,
        } = self;
        let is_alone = offer.is_none()
            && unreadable.is_none()
            && same_release.is_none()
            && minimum.is_none()
            && floor.is_none()
            && window.is_none();
        let expected = "a pattern of rules takes --scheme alone, because the scheme also holds for later rules; expected the other fields in another call";
        scheme.clone().filter(|_| is_alone).ok_or_else(|| Failure::usage(expected))
    }

    fn is_scheme_only(&self) -> bool {
        self.scheme_only().is_ok()
    }

    /// Sets the fields of a policy that the arguments give. Fails when a version cannot be read.
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
fn policy_json(rule: &Rule, book: &RuleBook) -> Value {
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
        "scheme_of": followed(rule, book),
    })
}

/// Returns the pattern whose version scheme the rule uses. `None` if the scheme is that of the rule
/// itself or the default.
fn followed<'a>(rule: &Rule, book: &'a RuleBook) -> Option<&'a RulePattern> {
    let entry = book.settings().scheme_of(rule.key())?;
    (entry.scheme == rule.policy().scheme).then_some(&entry.rules)
}

/// Returns the fields of a policy that differ from the default, in words.
fn policy_line(rule: &Rule) -> String {
    let default = OfferPolicy::default().fields();
    let fields = rule.policy().fields().into_iter().filter(|field| !default.contains(field));
    fields.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join("; ")
}

/// Lists the version schemes of patterns, and the policies that differ from the default.
async fn list(context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = service.snapshot();
    let book = snapshot.book();
    let mut schemes = Vec::new();
    let mut list = List::new("policies", "every rule has the default policy", ["RULES", "POLICY"]);
    for entry in &book.settings().schemes {
        let value = pattern_scheme::scheme_json(entry, book);
        schemes.push(value.clone());
        list.row(value, [&entry.rules, &pattern_scheme::scheme_text(entry, book)]);
    }
    for rule in book.rules().filter(|rule| *rule.policy() != OfferPolicy::default()) {
        list.row(policy_json(rule, book), [rule.key(), &policy_line(rule)]);
    }
    let policies = list.values().get(schemes.len()..).unwrap_or_default();
    context.output.both(&json!({ "schemes": schemes, "policies": policies }), &list)
}

/// Returns the policy of a rule as text, with one field on each line.
fn policy_text(rule: &Rule, book: &RuleBook) -> String {
    let fields = rule.policy().fields();
    let from = |name: &str| match (name, followed(rule, book)) {
        ("scheme", Some(rules)) => format!("  (of {rules})"),
        _ => String::new(),
    };
    let fields = fields.into_iter().map(|(name, value)| format!("\n  {name:<12}  {value}{}", from(name)));
    format!("{}{}", rule.key(), fields.collect::<String>())
}

/// The largest number of tries to change a policy that others change at the same time.
const MAX_TRIES: usize = 64;

/// Returns the result of `take` for a rule. Fails when the rule does not exist.
fn found<T>(book: &RuleBook, key: &RuleKey, take: impl FnOnce(&Rule) -> T) -> Result<T, Failure> {
    let rule = book.rule(key).ok_or_else(|| no_rule(key, book))?;
    Ok(take(rule))
}

/// Changes the policies of all rules that match a pattern.
async fn set_in_all(rules: &RulePattern, args: &SetArgs, context: &mut Context) -> Result<(), Failure> {
    if args.scheme.is_some() {
        // The scheme of a pattern also applies to later rules. Other fields do not.
        args.scheme_only()?;
    }
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let keys = seen.book().rules().map(Rule::key).filter(|rule| rules.holds(rule)).cloned();
    let keys: Vec<RuleKey> = keys.collect();
    if keys.is_empty() {
        let advice = "a policy needs existing rules, and `ucupdate rules` lists them";
        return Err(no_match(rules, advice, seen.book()));
    }
    set_in(&keys, args, context).await
}

/// Changes the policies of these rules.
async fn set_in(keys: &[RuleKey], args: &SetArgs, context: &mut Context) -> Result<(), Failure> {
    if let Some(OrNone(Some(window))) = &args.window {
        window.report_missing_zone(context);
    }
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let mut commands = Vec::new();
    for rule in keys {
        let mut policy = found(seen.book(), rule, |rule| rule.policy().clone())?;
        args.apply(&mut policy)?;
        commands.push(BookCommand::SetPolicy(rule.clone(), policy));
    }
    make_all(&commands, &args.how, context).await
}

pub(crate) async fn run(command: PolicyCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        PolicyCommand::List => list(context).await,
        PolicyCommand::Remove(args) => pattern_scheme::remove(args, context).await,
        PolicyCommand::DeployAtIngest(args) => deploy_at_ingest::run(args, context).await,
        PolicyCommand::Show(args) => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let book = snapshot.book();
            let rule = match args.rules.in_book(book)? {
                RulesArg::Rule(rule) => rule,
                RulesArg::Pattern(rules) => return pattern_scheme::show(&rules, context).await,
            };
            let both = |rule: &Rule| (policy_json(rule, book), policy_text(rule, book));
            let (value, text) = found(book, &rule, both)?;
            context.output.both(&value, text)
        }
        PolicyCommand::Set(args) => {
            let seen = context.administer(IfMissing::Refuse).await?.snapshot();
            let Some(rules) = args.rules.clone() else {
                let package =
                    args.all_of.as_ref().ok_or_else(|| Failure::usage("expected a rule or --all-of"))?;
                let keys: Vec<RuleKey> =
                    package.rules(seen.book())?.into_iter().map(|(rule, _)| rule).collect();
                return set_in(&keys, &args, context).await;
            };
            let rule = match rules.in_book(seen.book())? {
                RulesArg::Rule(rule) => rule,
                RulesArg::Pattern(rules) if args.is_scheme_only() => {
                    let scheme = args.scheme_only()?;
                    return pattern_scheme::set(rules, scheme, &args.how, context).await;
                }
                RulesArg::Pattern(rules) => return set_in_all(&rules, &args, context).await,
            };
            if let Some(OrNone(Some(window))) = &args.window {
                window.report_missing_zone(context);
            }
            for _ in 0..MAX_TRIES {
                let seen = context.administer(IfMissing::Refuse).await?.snapshot();
                let mut policy = found(seen.book(), &rule, |rule| rule.policy().clone())?;
                args.apply(&mut policy)?;
                let command = BookCommand::SetPolicy(rule.clone(), policy);
                if make_if_unchanged(&command, &args.how, seen.book(), context).await? {
                    return Ok(());
                }
            }
            Err(Failure::new(format_args!(
                "the policy of {rule} was changed by another command at every attempt; try again later"
            )))
        }
    }
}
