//! `ucupdate stone`: manages stepping stones, which devices must install before their target version.

use crate::args::change::{ChangeArgs, make, make_if_unchanged, report_nothing};
use crate::args::devices::kind::{KindPatternArgs, scheme_of};
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::list::List;
use crate::suggest::refused;
use serde_json::{Value, json};
use ucupdate::Snapshot;
use ucupdate::book::{BookCommand, Refusal, RuleBook, SteppingStone, StoneImage, StoneName};
use ucupdate::device::{KindPattern, KindWord};
use ucupdate::value::ParseError;
use ucupdate::version::{FirmwareVersion, VersionScheme};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum StoneCommand {
    /// List the stepping stones
    List,
    /// Create a stepping stone: devices below one version install another version first
    Add(Box<AddArgs>),
    /// Remove a stepping stone
    Remove(RemoveArgs),
    /// Limit an interim stone to the device models that its image was made for
    ///
    /// Stores that were made before stones named single models have a stone that sends the interim image of the first
    /// phones to every UCPhone below 1.0.522.98, and a phone that reports 0.0.0.0 is below it, whatever model it is. This
    /// puts one stone for each model in its place, in one step: LG-Nortel IP8540, Microsoft CPE and Polycom CX700 for the image
    /// 1.0.522.103, and the models of the package that carries the image for any other. Other devices go straight to their
    /// target. `ucupdate verify` names the stones to narrow, and --dry-run lists the devices whose answer would change
    Narrow(RemoveArgs),
    /// Change the given parts of a stepping stone: its versions, or its devices
    ///
    /// The stone is replaced in one step, so at no time a device can skip it
    Set(Box<SetArgs>),
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)
    .args(["below", "by"]).args(KindWord::ALL.map(KindWord::field))))]
pub(crate) struct SetArgs {
    /// The name of the stepping stone
    name: StoneName,
    #[command(flatten, next_help_heading = "Devices of the stone")]
    kind: KindPatternArgs,
    /// Devices below this version must install the version of --by first
    #[arg(long, value_name = "VERSION")]
    below: Option<String>,
    /// The version that these devices install first
    #[arg(long, value_name = "VERSION")]
    by: Option<String>,
    #[command(flatten)]
    how: ChangeArgs,
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("device_type", |argument| argument.required(true)))]
pub(crate) struct AddArgs {
    /// The name of the stepping stone, which you choose
    name: StoneName,
    #[command(flatten, next_help_heading = "Devices of the stone")]
    kind: KindPatternArgs,
    /// Devices below this version must install the version of --by first
    #[arg(long, value_name = "VERSION")]
    below: String,
    /// The version that these devices install first
    #[arg(long, value_name = "VERSION")]
    by: String,
    /// The source of the image
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
    /// The name of the stepping stone
    name: StoneName,
    #[command(flatten)]
    how: ChangeArgs,
}

impl AddArgs {
    fn stone(self, book: &RuleBook) -> Result<(SteppingStone, ChangeArgs), Failure> {
        let kind = self.kind.pattern();
        let (below, by) = (threshold(&self.below, &kind, book)?, threshold(&self.by, &kind, book)?);
        let mut stone = SteppingStone::new(self.name, kind, below, by);
        stone.image = match self.image {
            ImageName::Interim => StoneImage::Interim,
            ImageName::Release => StoneImage::Release,
        };
        Ok((stone, self.how))
    }
}

/// Parses a version of a stone. It may be a version for .NET, one to eight numbers, or a version in
/// the scheme of the rules that `kind` matches.
fn threshold(text: &str, kind: &KindPattern, book: &RuleBook) -> Result<FirmwareVersion, Failure> {
    let plain =
        text.parse().or_else(|error: ParseError| VersionScheme::Numeric.read(text).map_err(|_| error));
    plain.or_else(|error| {
        let read = scheme_of(kind, book)?.map(|scheme| scheme.read(text));
        let numbers = || Failure::usage(format_args!("{error}, or 1 to 8 for rules in other schemes"));
        read.ok_or_else(numbers)?.map_err(Failure::usage)
    })
}

/// Returns a stone as a JSON object. A word of the device kind without restriction is `null`, and
/// several alternatives are a list.
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
            let seen = context.administer(IfMissing::Refuse).await?.snapshot();
            let (stone, how) = args.stone(seen.book())?;
            make(&BookCommand::AddStone(stone), &how, context).await
        }
        StoneCommand::Remove(args) => make(&BookCommand::RemoveStone(args.name), &args.how, context).await,
        StoneCommand::Narrow(args) => narrow(args, context).await,
        StoneCommand::Set(args) => set(*args, context).await,
    }
}

async fn narrow(args: RemoveArgs, context: &mut Context) -> Result<(), Failure> {
    let RemoveArgs { name, how } = args;
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let wide = seen.book().wide_stones().into_iter().find(|wide| wide.stone.name == name);
    let stones = match wide {
        Some(wide) if wide.is_covered => {
            return Err(Failure::new(format_args!(
                "each kind of device that the image of {name} was made for has a stepping stone of its own; type `{}`",
                wide.narrow_command()
            )));
        }
        Some(wide) if wide.narrowed.is_empty() => {
            return Err(Failure::new(format_args!(
                "no package of the store says which devices the image of {name} was made for; ingest the package with it, name \
                 the devices with `stone set --vendor --model`, or type `{}` if no device needs it",
                wide.narrow_command()
            )));
        }
        Some(wide) => wide.narrowed,
        None => {
            let there = format!("stepping stone {} is for single models already", find(&name, &seen)?);
            return report_nothing(there, how.dry_run, context);
        }
    };
    replace(name, stones, &how, &seen, context).await
}

async fn set(args: SetArgs, context: &mut Context) -> Result<(), Failure> {
    let SetArgs { name, kind, below, by, how } = args;
    let seen = context.administer(IfMissing::Refuse).await?.snapshot();
    let mut stone = find(&name, &seen)?.clone();
    stone.kind = kind.in_place_of(stone.kind);
    if let Some(below) = below {
        stone.below = threshold(&below, &stone.kind, seen.book())?;
    }
    if let Some(by) = by {
        stone.by = threshold(&by, &stone.kind, seen.book())?;
    }
    replace(name, vec![stone], &how, &seen, context).await
}

fn find<'a>(name: &StoneName, seen: &'a Snapshot) -> Result<&'a SteppingStone, Failure> {
    let mut stones = seen.book().settings().stones.iter();
    let unknown = || refused(Refusal::NoStone { name: name.clone() }.into(), seen.book());
    stones.find(|stone| stone.name == *name).ok_or_else(unknown)
}

async fn replace(
    name: StoneName,
    stones: Vec<SteppingStone>,
    how: &ChangeArgs,
    seen: &Snapshot,
    context: &mut Context,
) -> Result<(), Failure> {
    let shown = name.clone();
    let command = BookCommand::ReplaceStone { name, stones };
    match make_if_unchanged(&command, how, seen.book(), context).await? {
        true => Ok(()),
        false => Err(Failure::new(format_args!(
            "conflict: the stepping stone {shown} changed since it was read; look at it and try again"
        ))),
    }
}
