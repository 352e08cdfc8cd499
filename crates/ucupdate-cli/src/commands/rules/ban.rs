//! `ucupdate ban`: manages bans. A banned version or image is never offered.

use crate::args::change::reason::reason;
use crate::args::change::{ChangeArgs, make};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::suggest::{pattern_meant, without_rule};
use ucupdate::book::{Ban, BanScope, BookCommand, RulePattern};
use ucupdate::value::Sha256Digest;
use ucupdate::version::ReportedVersion;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum BanCommand {
    /// List the bans
    List,
    /// Offer a version or an image to no device
    Add(AddArgs),
    /// Lift a ban
    Lift(LiftArgs),
}

/// The version or the image of a ban.
#[derive(Debug, clap::Args)]
pub(crate) struct ScopeArgs {
    /// The rules: one rule, a pattern with * for any text, such as 'UCPhone/Polycom/CX*', or a short name, such as CX700
    #[arg(required_unless_present = "image", requires = "version")]
    rules: Option<RulePattern>,
    /// The version that the ban is for
    version: Option<String>,
    /// The SHA-256 of an image, which is banned in all rules and under all versions
    #[arg(long, value_name = "SHA256", conflicts_with = "rules")]
    image: Option<Sha256Digest>,
}

impl ScopeArgs {
    async fn scope(self, context: &Context) -> Result<BanScope, Failure> {
        match (self.image, self.rules, self.version) {
            (Some(image), ..) => Ok(BanScope::Image(image)),
            (None, Some(rules), Some(version)) => {
                let seen = context.administer(IfMissing::Refuse).await?.snapshot();
                let rules = pattern_meant(rules, seen.book())?;
                Ok(BanScope::Version { rules, version: ReportedVersion::new(&version) })
            }
            _ => Err(Failure::usage("expected rules and a version, or --image")),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// The reason, which the history and lists show
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LiftArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

pub(crate) async fn run(command: BanCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        BanCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let mut list = List::new("bans", "no bans", ["BANNED", "REASON"]);
            for ban in service.snapshot().book().bans() {
                list.row(ban, [&ban.scope, &ban.reason]);
            }
            context.output.result(&list)
        }
        BanCommand::Add(AddArgs { scope, reason, how }) => {
            let scope = scope.scope(context).await?;
            let rules = match &scope {
                BanScope::Version { rules, .. } => Some(rules.clone()),
                _ => None,
            };
            make(&BookCommand::Ban(Ban::new(scope, &reason)), &how, context).await?;
            if let Some(rules) = rules {
                context.warn(|book| without_rule(&rules, book)).await;
            }
            Ok(())
        }
        BanCommand::Lift(LiftArgs { scope, how }) => {
            let scope = scope.scope(context).await?;
            make(&BookCommand::LiftBan(scope), &how, context).await
        }
    }
}
