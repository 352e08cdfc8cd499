//! Room for `ask`, which comes with its own branch.

use crate::context::Context;
use crate::failure::Failure;

/// How it is called.
#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {}

pub(crate) async fn run(_args: AskArgs, _context: &mut Context) -> Result<(), Failure> {
    Err(Failure::new("not in this build"))
}
