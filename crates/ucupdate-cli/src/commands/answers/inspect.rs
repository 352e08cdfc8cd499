//! `ucupdate inspect`: what a captured body holds and what a dialect makes of it.

use crate::args::dialect::DialectArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use serde_json::{Value, json};
use std::io::Read as _;
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

/// Returns an inspection as a JSON object. `at` counts bytes from the start, and `module` counts modules from 1.
fn inspection_json(found: &Inspection) -> Value {
    let recognised = found.recognised().iter().map(|item| {
        json!({
            "item": item.item.to_string(), "name": item.name, "module": item.module, "path": item.path, "at": item.at,
            "value": item.value, "twice": item.twice,
        })
    });
    let unknown = found.unknown().iter();
    let unknown = unknown.map(|item| json!({ "path": item.path, "at": item.at, "value": item.value }));
    let missing = found.missing().iter().map(|item| {
        json!({
            "item": item.item.to_string(), "name": item.name, "module": item.module, "required": item.required,
        })
    });
    let namespaces = found.namespaces().map(|(prefix, name)| json!({ "prefix": prefix, "name": name }));
    json!({
        "kind": found.kind().map(|kind| kind.to_string()),
        "root": found.root(),
        "root_is_known": found.root_is_known(),
        "namespaces": namespaces.collect::<Vec<_>>(),
        "modules": found.modules(),
        "recognised": recognised.collect::<Vec<_>>(),
        "unknown": unknown.collect::<Vec<_>>(),
        "unknown_count": found.unknown_count(),
        "missing": missing.collect::<Vec<_>>(),
        "refused": found.error().map(ToString::to_string),
    })
}

pub(crate) async fn run(args: InspectArgs, context: &mut Context) -> Result<(), Failure> {
    let found = files::blocking(move || {
        let codec = args.dialect.codec()?;
        let mut begin = [0; 4];
        let length = files::open(&args.body)?.read(&mut begin).unwrap_or(0);
        if [&b"MSCF"[..], b"MZ"].iter().any(|start| begin[..length].starts_with(start)) {
            return Err(Failure::not_understood(format_args!(
                "{}: found a cabinet or a program, expected the XML body of a request or a response; `ucupdate package \
                 show` reads packages",
                args.body.display()
            )));
        }
        let body = files::read(&args.body, codec.limits().xml().bytes())?;
        Ok(codec.inspect(&body))
    });
    let found = found.await?;
    context.output.both(&inspection_json(&found), &found)?;
    match found.error() {
        None => Ok(()),
        Some(reason) => Err(Failure::not_understood(reason)),
    }
}
