//! `ucupdate inspect`: what a captured body holds and what a dialect makes of it.

use crate::args::dialect::DialectArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use ucupdate::upx::Inspection;

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// The body of a request or a response, in a file
    #[arg(value_name = "BODY.xml")]
    body: PathBuf,
    #[command(flatten)]
    dialect: DialectArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    /// `request` or `response`; none when it looks like neither.
    kind: Option<String>,
    /// The outermost element.
    root: String,
    root_is_known: bool,
    namespaces: Vec<NamespaceReport>,
    modules: usize,
    recognised: Vec<RecognisedReport>,
    unknown: Vec<UnknownReport>,
    /// How many are unknown; not all of them may be listed.
    unknown_count: usize,
    missing: Vec<MissingReport>,
    /// Why the body is refused; none when it is taken.
    refused: Option<String>,
    #[serde(skip)]
    text: String,
}

#[derive(Debug, Serialize)]
struct NamespaceReport {
    prefix: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct RecognisedReport {
    /// Its key in a dialect file: `request.vendor`.
    item: String,
    name: String,
    /// The number of the module, from 1, or `None` for an item directly in the message.
    module: Option<usize>,
    path: String,
    /// Where it begins, in bytes from the start.
    at: usize,
    value: String,
    /// Whether it is given again at the same depth.
    twice: bool,
}

#[derive(Debug, Serialize)]
struct UnknownReport {
    path: String,
    at: usize,
    value: String,
}

#[derive(Debug, Serialize)]
struct MissingReport {
    item: String,
    name: String,
    module: Option<usize>,
    /// Whether the message, or the module, is refused without it.
    required: bool,
}

impl Report {
    fn of(found: &Inspection) -> Self {
        let recognised = found.recognised().iter().map(|item| RecognisedReport {
            item: item.item.to_string(),
            name: item.name.to_string(),
            module: item.module,
            path: item.path.to_string(),
            at: item.at,
            value: item.value.to_string(),
            twice: item.twice,
        });
        let unknown = found.unknown().iter().map(|item| UnknownReport {
            path: item.path.to_string(),
            at: item.at,
            value: item.value.to_string(),
        });
        let missing = found.missing().iter().map(|item| MissingReport {
            item: item.item.to_string(),
            name: item.name.to_string(),
            module: item.module,
            required: item.required,
        });
        let namespaces = found.namespaces();
        Self {
            kind: found.kind().map(|kind| kind.to_string()),
            root: found.root().to_owned(),
            root_is_known: found.root_is_known(),
            namespaces: namespaces
                .map(|(prefix, name)| NamespaceReport { prefix: prefix.to_owned(), name: name.to_owned() })
                .collect(),
            modules: found.modules(),
            recognised: recognised.collect(),
            unknown: unknown.collect(),
            unknown_count: found.unknown_count(),
            missing: missing.collect(),
            refused: found.error().map(ToString::to_string),
            text: found.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(crate) async fn run(args: InspectArgs, context: &mut Context) -> Result<(), Failure> {
    let found = files::blocking(move || {
        let codec = args.dialect.codec()?;
        let body = files::read(&args.body, codec.limits().xml().bytes())?;
        Ok(codec.inspect(&body))
    });
    let report = Report::of(&found.await?);
    context.output.result(&report)?;
    match report.refused {
        None => Ok(()),
        Some(reason) => Err(Failure::not_understood(reason)),
    }
}
