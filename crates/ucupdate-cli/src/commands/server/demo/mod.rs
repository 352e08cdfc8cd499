//! `ucupdate demo`: runs a whole update on this machine, from the package to a simulated phone, in
//! a temporary folder.

mod steps;
mod story;
mod to_try;

use super::serve::{self, ConnectionLimits, Endpoint, Intake, LiveNetworks, Prefixes, Server, Stopping};
use crate::context::Context;
use crate::failure::Failure;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use steps::DemoOutput;
use story::Story;
use tempfile::TempDir;
use ucupdate::local::LocalStore;
use ucupdate::{BaseUrls, LogOptions, Options, UpdateService};
use ucupdate_http::{DeviceUpdates, HttpOptions};

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Leave the server running at the end, and print commands to try. Ctrl-C ends it and removes its store
    #[arg(long)]
    stay: bool,
}

/// The time limit of the demo. It normally takes a second or two.
const STORY_TIME: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: DemoArgs, context: &mut Context) -> Result<(), Failure> {
    let mut stopping = Stopping::listen()?.with_hangup();
    let folder = tempfile::Builder::new().prefix("ucupdate-demo-").tempdir()?;
    // The folder is removed when this function ends, also after an error.
    let story = tokio::select! {
        story = tokio::time::timeout(STORY_TIME, run_story(&folder, args.stay, context)) => story,
        () = stopping.signal() => return Err(Failure::new("the demo was ended early")),
    };
    let Ok(story) = story else {
        return Err(Failure::new(format_args!("the demo did not end within {STORY_TIME:?}")));
    };
    let running = story?;
    if args.stay {
        context.output.message("the server stays until Ctrl-C, which removes its store");
        stopping.signal().await;
    }
    serve::end(running.server, &running.service, stopping, context).await?;
    folder.close().map_err(|error| Failure::in_doing("removing the temporary folder", &error))
}

struct Running {
    server: Server,
    service: UpdateService,
    /// The URL of the server, such as `http://127.0.0.1:40001`.
    url: String,
}

/// Starts a server with a store in the folder, and runs the demo. `stays` adds the commands to try.
async fn run_story(folder: &TempDir, stays: bool, context: &mut Context) -> Result<Running, Failure> {
    let store_folder = folder.path().join("store");
    let running = start(&store_folder).await?;
    let mut printer = DemoOutput::new(&mut context.output);
    printer.step(format_args!("A server starts at {}, with an empty store.", running.url))?;
    Story::new(&running.service, &running.url, folder.path(), &mut printer)?.run().await?;
    if stays {
        printer.commands(to_try::commands(&running.url, &store_folder, folder.path())?)?;
    }
    printer.end()?;
    Ok(running)
}

/// Starts a server on the loopback address, at a port that the system chooses.
async fn start(store_folder: &Path) -> Result<Running, Failure> {
    let endpoint = Endpoint::bind(([127, 0, 0, 1], 0).into(), None).await?;
    let url = endpoint.url();
    let store = {
        let folder = store_folder.to_owned();
        tokio::task::spawn_blocking(move || LocalStore::open(&folder)).await??
    };
    let urls = BaseUrls::new(url.parse()?).with_external(url.parse()?);
    let options = Options::serving(urls).with_logs(LogOptions::new("demo".parse()?));
    let service = UpdateService::open(Arc::new(store), options).await?;
    let intake = Intake {
        updates: DeviceUpdates::with_options(service.clone(), HttpOptions::default())?,
        prefixes: Prefixes::default(),
        networks: LiveNetworks::default(),
        limits: ConnectionLimits::default(),
    };
    Ok(Running { server: Server::start(vec![endpoint], intake), service, url })
}
