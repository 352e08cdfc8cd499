//! `ucupdate client-filter`: says whether the client version filter of a sign-in server accepts a
//! phone.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde_json::json;
use ucupdate::device::{ClientAction, ClientFilter, ClientRule, UserAgent};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ClientFilterCommand {
    /// Say whether a client may sign in under the rules of a client version filter
    ///
    /// The filter belongs to the sign-in server, not to this one: enter its rules here. A phone that is too old for it can
    /// neither sign in nor be updated by the URLs that sign-in gives it. The rules of --allow come first, then those of
    /// --block. The first rule that holds decides.
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The user agent of the client, such as OCPhone/1.0.452.0
    user_agent: String,
    /// A rule that allows a client, such as "OCPhone >= 1.0.199"
    #[arg(long, value_name = "RULE")]
    allow: Vec<ClientRule>,
    /// A rule that blocks a client, such as "OCPhone" for all its versions
    #[arg(long, value_name = "RULE")]
    block: Vec<ClientRule>,
    /// The action for a client for which no rule holds
    #[arg(long, value_name = "ACTION", default_value = "allow")]
    default: DefaultAction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DefaultAction {
    Allow,
    Block,
}

pub(crate) async fn run(command: ClientFilterCommand, context: &mut Context) -> Result<(), Failure> {
    let ClientFilterCommand::Check(CheckArgs { user_agent, allow, block, default }) = command;
    let client = UserAgent::new(&user_agent);
    if client.products().is_empty() {
        return Err(Failure::not_understood(format_args!(
            "{user_agent:?} names no client, expected a name and a version, such as OCPhone/1.0.452.0"
        )));
    }
    let is_for =
        |rule: &ClientRule| client.products().iter().any(|product| product.client_type == rule.client_type);
    let has_allow = allow.iter().any(is_for);
    let text = |rule: &ClientRule, action: &str| match &rule.versions {
        Some(versions) => format!("{action} {} {versions}", rule.client_type),
        None => format!("{action} {}", rule.client_type),
    };
    let texts: Vec<String> = allow
        .iter()
        .map(|rule| text(rule, "allow"))
        .chain(block.iter().map(|rule| text(rule, "block")))
        .collect();
    let blocks = block.into_iter().map(|rule| rule.with_action(ClientAction::Block));
    let default_action =
        if default == DefaultAction::Allow { ClientAction::Allow } else { ClientAction::Block };
    let filter = ClientFilter { rules: allow.into_iter().chain(blocks).collect(), default_action };
    let verdict = filter.decide(&client);
    let allowed = verdict.action.allows();
    let rule = verdict.rule.and_then(|index| texts.get(index));
    // A rule of --allow is for the client's type, but not for its version.
    let by_default_only = allowed && verdict.rule.is_none() && has_allow;
    let value = json!({ "user_agent": user_agent, "allowed": allowed, "rule": rule, "by_default_only": by_default_only });
    let may = if allowed { "may" } else { "may not" };
    let decides = match rule {
        Some(rule) => format!("the rule {}", Shown(rule)),
        None => "no rule holds, so the default action decides".to_owned(),
    };
    let hint = match by_default_only {
        true => {
            "\n  --allow has a rule for this client that does not hold for its version; --block or --default block keeps such \
             versions out"
        }
        false => "",
    };
    context.output.both(&value, format_args!("{} {may} sign in: {decides}{hint}", Shown(&user_agent)))?;
    if allowed { Ok(()) } else { Err(Failure::new("the filter keeps this client out")) }
}
