//! `ucupdate stone`: versions that devices must pass through on their way.

use crate::args::change::{ChangeArgs, make};
use crate::args::kind::KindPatternArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use serde_json::{Value, json};
use ucupdate::book::{BookCommand, SteppingStone, StoneImage, StoneName};
use ucupdate::device::KindWord;
use ucupdate::value::ParseError;
use ucupdate::version::{FirmwareVersion, VersionScheme};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum StoneCommand {
    /// List the stepping stones
    List,
    /// Make devices below a version go by another first
    Add(Box<AddArgs>),
    /// Remove a stepping stone
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("device_type", |argument| argument.required(true)))]
pub(crate) struct AddArgs {
    /// A name for it, for people
    name: StoneName,
    #[command(flatten, next_help_heading = "Which devices it is for")]
    kind: KindPatternArgs,
    /// Devices below this version, on their way to it or beyond, have to step
    #[arg(long, value_name = "VERSION", value_parser = threshold)]
    below: FirmwareVersion,
    /// The version they step to
    #[arg(long, value_name = "VERSION", value_parser = threshold)]
    by: FirmwareVersion,
    /// Where its image comes from
    #[arg(long, default_value = "release")]
    image: ImageName,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ImageName {
    /// The interim image of the device's locale
    Interim,
    /// The release of that version for the device's own rule
    Release,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: StoneName,
    #[command(flatten)]
    how: ChangeArgs,
}

impl AddArgs {
    fn stone(self) -> (SteppingStone, ChangeArgs) {
        let mut stone = SteppingStone::new(self.name, self.kind.pattern(), self.below, self.by);
        stone.image = match self.image {
            ImageName::Interim => StoneImage::Interim,
            ImageName::Release => StoneImage::Release,
        };
        (stone, self.how)
    }
}

/// Reads a version of a stone: one that .NET reads, else one of one to eight numbers, which rules of other schemes compare.
fn threshold(text: &str) -> Result<FirmwareVersion, String> {
    text.parse().or_else(|error: ParseError| {
        VersionScheme::Numeric
            .read(text)
            .map_err(|_| format!("{error}, or 1 to 8 for rules in other schemes"))
    })
}

/// Returns a stone as a JSON object. A word that may be any is `null`, and several alternatives are a list.
fn stone_json(stone: &SteppingStone) -> Value {
    let mut fields = serde_json::Map::new();
    fields.insert("name".to_owned(), json!(stone.name));
    for (word, texts) in KindWord::ALL.into_iter().zip(stone.kind.texts().into_array()) {
        let value = match &texts[..] {
            [] => Value::Null,
            [one] => json!(one),
            several => json!(several),
        };
        fields.insert(word.field().to_owned(), value);
    }
    fields.insert("below".to_owned(), json!(stone.below));
    fields.insert("by".to_owned(), json!(stone.by));
    fields.insert("image".to_owned(), json!(stone.image));
    Value::Object(fields)
}

pub(crate) async fn run(command: StoneCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        StoneCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let heading = ["NAME", "DEVICES", "BELOW", "BY", "IMAGE"];
            let mut list = List::new("stones", "no stepping stones", heading);
            for stone in &snapshot.book().settings().stones {
                let image = if stone.image == StoneImage::Release { "release" } else { "interim" };
                list.row(stone_json(stone), [&stone.name, &stone.kind, &stone.below, &stone.by, &image]);
            }
            context.output.result(&list)
        }
        StoneCommand::Add(args) => {
            let (stone, how) = args.stone();
            make(&BookCommand::AddStone(stone), &how, context).await
        }
        StoneCommand::Remove(args) => make(&BookCommand::RemoveStone(args.name), &args.how, context).await,
    }
}
