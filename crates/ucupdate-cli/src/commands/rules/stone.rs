//! `ucupdate stone`: versions that devices must pass through on their way.

use crate::args::change::{ChangeArgs, make};
use crate::args::kind::KindPatternArgs;
use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::table::Table;
use serde::Serialize;
use std::fmt;
use ucupdate::book::{BookCommand, SteppingStone, StoneImage, StoneName};
use ucupdate::device::KindWords;
use ucupdate::version::FirmwareVersion;

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
    #[arg(long, value_name = "VERSION")]
    below: FirmwareVersion,
    /// The version they step to
    #[arg(long, value_name = "VERSION")]
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

#[derive(Debug, Serialize)]
struct Report {
    /// By threshold, in the order in which they are looked at.
    stones: Vec<StoneReport>,
}

#[derive(Debug, Serialize)]
struct StoneReport {
    name: String,
    /// `null` for a word that may be any. Several alternatives are a list.
    #[serde(flatten)]
    kind: KindWords<Option<Alternatives>>,
    #[serde(skip)]
    devices: String,
    below: String,
    by: String,
    /// `interim` or `release`.
    image: &'static str,
}

impl StoneReport {
    fn of(stone: &SteppingStone) -> Self {
        Self {
            name: stone.name.to_string(),
            kind: stone.kind.texts().into_array().map(|words| Alternatives::of(&words)).into(),
            devices: stone.kind.to_string(),
            below: stone.below.to_string(),
            by: stone.by.to_string(),
            image: match stone.image {
                StoneImage::Release => "release",
                _ => "interim",
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Alternatives {
    One(String),
    Several(Vec<String>),
}

impl Alternatives {
    fn of(words: &[&str]) -> Option<Self> {
        match words {
            [] => None,
            [one] => Some(Self::One((*one).to_owned())),
            several => Some(Self::Several(several.iter().map(|word| (*word).to_owned()).collect())),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stones.is_empty() {
            return f.write_str("no stepping stones");
        }
        let mut table = Table::new(["NAME", "DEVICES", "BELOW", "BY", "IMAGE"]);
        for stone in &self.stones {
            table.row([&stone.name, &stone.devices, &stone.below, &stone.by, &stone.image]);
        }
        table.fmt(f)
    }
}

pub(crate) async fn run(command: StoneCommand, context: &mut Context) -> Result<(), Failure> {
    match command {
        StoneCommand::List => {
            let service = context.administer(IfMissing::Refuse).await?;
            let snapshot = service.snapshot();
            let stones = snapshot.book().settings().stones.iter().map(StoneReport::of).collect();
            context.output.result(&Report { stones })
        }
        StoneCommand::Add(args) => {
            let (stone, how) = args.stone();
            make(&BookCommand::AddStone(stone), &how, context).await
        }
        StoneCommand::Remove(args) => make(&BookCommand::RemoveStone(args.name), &args.how, context).await,
    }
}
