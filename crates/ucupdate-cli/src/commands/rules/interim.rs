//! `ucupdate interim`: manages interim images, which wait for approval as releases do.

use super::pin::version;
use crate::args::change::{ChangeArgs, make, make_if_unchanged};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use serde_json::json;
use ucupdate::book::{BookCommand, InterimImage, RuleBook, UpdateType};
use ucupdate::device::Locale;
use ucupdate::version::ReportedVersion;
use ucupdate_admin::report;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum InterimCommand {
    /// List the interim images that are approved, pending or rejected
    List(ListArgs),
    /// Approve an interim image: every device that needs it first is offered it
    ///
    /// Approving a release approves the pending interim images of the same package on its way too, so this is for an image
    /// that came with another package than the release, or that was rejected. Test devices are offered a pending image
    /// before its approval
    Approve(ApproveArgs),
    /// Reject the pending interim image. A later ingest does not make it pending again
    Reject(RejectArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// List only those that are pending
    #[arg(long)]
    pending: bool,
}

#[derive(Debug, clap::Args)]
struct InterimImageArgs {
    /// The locale of the image, such as ENU
    locale: Locale,
    /// The update type that the image replaces
    #[arg(long, default_value = "CPE", value_name = "TYPE")]
    update_type: UpdateType,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    which: InterimImageArgs,
    /// A version of the interim image that an ingested package contains [default: the pending one]
    #[arg(value_parser = version)]
    version: Option<ReportedVersion>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RejectArgs {
    #[command(flatten)]
    which: InterimImageArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

/// Returns a line for each pending interim image. The line names the command that approves it.
pub(crate) fn pending_lines(book: &RuleBook) -> impl Iterator<Item = String> {
    book.pending_interim_images().map(|(image, _)| {
        let InterimImage { locale, version, .. } = image;
        format!("interim image {version} for {locale} is pending: `{}` approves it", image.approve_command())
    })
}

pub(crate) async fn run(command: InterimCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        InterimCommand::List(args) => list(&args, context).await,
        InterimCommand::Approve(ApproveArgs {
            which: InterimImageArgs { locale, update_type },
            version,
            how,
        }) => {
            let seen = context.administer(IfMissing::Refuse).await?.snapshot();
            let shown = locale.clone();
            let command = BookCommand::ApproveInterim { locale, update_type, version };
            match make_if_unchanged(&command, &how, seen.book(), context).await? {
                true => Ok(()),
                false => Err(Failure::new(format_args!(
                    "conflict: the interim image for {shown} changed since it was read; look at it and try again"
                ))),
            }
        }
        InterimCommand::Reject(RejectArgs { which: InterimImageArgs { locale, update_type }, how }) => {
            make(&BookCommand::RejectInterim { locale, update_type }, &how, context).await
        }
    }
}

async fn list(args: &ListArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let snapshot = service.snapshot();
    let book = snapshot.book();
    let none = if args.pending { "no interim image is pending" } else { "no interim images" };
    let mut list = List::new("interim", none, ["LOCALE", "TYPE", "VERSION", "STATE", "PACKAGE"]);
    for (locale, update_type, rule) in book.interim_rules() {
        let states = [("approved", rule.approved), ("pending", rule.pending)];
        for (state, package) in states.into_iter().filter(|(state, _)| !args.pending || *state == "pending") {
            let Some(package) = package else { continue };
            let Some(image) = book.interim_image(locale, update_type, package) else { continue };
            let is_banned = book.ban_of_interim(image).is_some();
            let mut value = report::interim_image(image, package, state);
            value["banned"] = json!(is_banned);
            let state = if is_banned { format!("{state}, banned") } else { state.to_owned() };
            list.row(value, [locale, update_type, &image.version, &state, &package]);
        }
        for version in rule.rejected.iter().filter(|_| !args.pending) {
            let value = json!({
                "locale": locale, "update_type": update_type, "version": version, "state": "rejected", "package": null,
            });
            list.row(value, [locale, update_type, version, &"rejected", &"-"]);
        }
    }
    context.output.result(&list)
}
