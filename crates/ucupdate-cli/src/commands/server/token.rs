//! `ucupdate token`: the tokens of administrators, in a file that `serve --admin` reads.

use crate::args::moment::{DAY, units};
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::output::list::List;
use crate::output::time::iso;
use crate::suggest::{nearest, with_meant};
use serde_json::json;
use std::path::PathBuf;
use ucupdate::value::UnixTime;
use ucupdate::{Clock as _, SystemClock};
use ucupdate_admin::{AdminRole, TokenFile, TokenFileError};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it once, because the file holds only its hash
    Add(AddArgs),
    /// List the names, roles and expiry dates of the tokens
    List(ListArgs),
    /// Revoke a token; a running server refuses it from the next request
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
struct FileArgs {
    /// The file of tokens
    #[arg(long, value_name = "FILE", default_value = "ucupdate-tokens.json")]
    token_file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The name of the administrator, which is the author of changes. Each person needs a name of their own
    name: String,
    /// The role: viewer (reads), operator (also test devices, holds, pauses, kill) or approver (everything)
    #[arg(long)]
    role: AdminRole,
    /// The number of days until the token expires, 1 to 3650
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = |text: &str| units::<u32>(text, DAY, 1..=3650))]
    days: u32,
    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The name of the token
    name: String,
    #[command(flatten)]
    file: FileArgs,
}

pub(crate) async fn run(command: TokenCommand, context: &mut Context) -> Result<(), Failure> {
    let now = SystemClock.now();
    match command {
        TokenCommand::Add(AddArgs { name, role, days, file }) => {
            let expires = UnixTime::from_seconds(now.as_seconds() + i64::from(days) * 24 * 60 * 60);
            let path = file.token_file.display().to_string();
            let add = move || {
                let tokens = TokenFile::open_or_new(file.token_file)?;
                let token = tokens.add(&name, role, Some(expires), now)?;
                Ok::<_, Failure>((name, token))
            };
            let (name, token) = files::blocking(add).await?;
            let name = name.trim();
            context.output.message(format_args!(
                "{path} has a token of {name} with the role {role}, which expires at {}; it is shown only now",
                iso(expires)
            ));
            let value =
                json!({ "name": name, "role": role, "expires": iso(expires), "token": token.reveal() });
            context.output.both(&value, token.reveal())
        }
        TokenCommand::List(ListArgs { file }) => {
            let found = files::blocking(move || opened(file.token_file)?.tokens().map_err(failure)).await?;
            let mut list = List::new("tokens", "no tokens", ["NAME", "ROLE", "EXPIRES", "ADDED"]);
            for token in found.iter() {
                let (expires, added) = (token.expires.map(iso), iso(token.added));
                let is_over = token.expires.is_some_and(|expires| expires <= now);
                let value = json!({
                    "name": token.name, "role": token.role, "expires": expires, "expired": is_over, "added": added,
                });
                let shown = expires.unwrap_or_else(|| "never".to_owned());
                let shown = if is_over { format!("{shown}, over") } else { shown };
                list.row(value, [&token.name, &token.role, &shown, &added]);
            }
            context.output.result(&list)
        }
        TokenCommand::Revoke(RevokeArgs { name, file }) => {
            let revoke = move || {
                let tokens = opened(file.token_file)?;
                tokens.revoke(&name).map_err(|error| {
                    let known =
                        tokens.tokens().ok().filter(|_| matches!(error, TokenFileError::NoToken { .. }));
                    let meant = known.and_then(|known| nearest(&name, known.iter().map(|token| &token.name)));
                    with_meant(failure(error), meant)
                })
            };
            let revoked = files::blocking(revoke).await?;
            let value = json!({ "name": revoked.name, "role": revoked.role });
            context.output.both(&value, format_args!("the token of {} is revoked", revoked.name))
        }
    }
}

fn opened(path: PathBuf) -> Result<TokenFile, Failure> {
    TokenFile::open(path).map_err(failure)
}

/// Converts an error of the token file to a failure. A token that does not exist is a failure of
/// the kind `NotFound`.
pub(crate) fn failure(error: TokenFileError) -> Failure {
    match error {
        error @ TokenFileError::NoToken { .. } => Failure::not_found(error),
        error => error.into(),
    }
}
