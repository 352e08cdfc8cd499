//! `ucupdate alias`: manages aliases of words that devices report.

use crate::args::change::{ChangeArgs, make};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::suggest::{pattern_meant, without_word};
use ucupdate::book::{Alias, AliasField, AliasWord, BookCommand, RulePattern};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AliasCommand {
    /// List the aliases
    List,
    /// Create an alias: a word that devices report stands for a word of a rule
    Set(SetArgs),
    /// Remove an alias
    Remove(RemoveArgs),
}

/// The word that devices report.
#[derive(Debug, clap::Args)]
pub(crate) struct WordArgs {
    /// The kind of word: vendor, model, hardware-revision or locale
    field: AliasField,
    /// The word that devices report
    word: AliasWord,
    /// The device kinds for which the alias holds, with * for any text, or a short name, such as CX700 [default: all
    /// devices]
    #[arg(long, value_name = "PATTERN")]
    within: Option<RulePattern>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    word: WordArgs,
    /// The word in the rule
    #[arg(long, value_name = "WORD")]
    stands_for: AliasWord,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    word: WordArgs,
    #[command(flatten)]
    how: ChangeArgs,
}

impl WordArgs {
    async fn alias(self, stands_for: AliasWord, context: &Context) -> Result<Alias, Failure> {
        let alias = Alias::new(self.field, self.word, stands_for);
        let Some(within) = self.within else { return Ok(alias) };
        let seen = context.administer(IfMissing::Refuse).await?.snapshot();
        Ok(alias.within(pattern_meant(within, seen.book())?))
    }
}

pub(crate) async fn run(command: AliasCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        AliasCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let heading = ["WORD", "REPORTED", "STANDS FOR", "WITHIN"];
            let mut list = List::new("aliases", "no aliases", heading);
            for alias in service.snapshot().book().aliases() {
                let Alias { reported, stands_for, .. } = &alias;
                list.row(&alias, [&reported.field, &reported.word, stands_for, &reported.within]);
            }
            context.output.result(&list)
        }
        AliasCommand::Set(SetArgs { word, stands_for, how }) => {
            let alias = word.alias(stands_for, context).await?;
            make(&BookCommand::PutAlias(alias.clone()), &how, context).await?;
            context.warn(|book| without_word(&alias, book)).await;
            Ok(())
        }
        AliasCommand::Remove(RemoveArgs { word, how }) => {
            let key = word.alias(AliasWord::from_static("removed"), context).await?.reported;
            make(&BookCommand::RemoveAlias(key), &how, context).await
        }
    }
}
