//! The shell commands that a person can try on the server of the demo.

use super::steps::CommandToTry;
use super::story::device;
use crate::failure::Failure;
use std::path::Path;
use ucupdate::device::KindWord;
use ucupdate::upx::Codec;
use ucupdate::value::shell_word;
use ucupdate::{Clock as _, SystemClock};
use ucupdate_cab::package::sample;
use ucupdate_client::SimulatedDevice;

/// The MAC address of another phone. The new firmware of its model is still pending.
const MAC: &str = "0021630F207C";
const SERIAL: &str = "C185H001210";

/// Writes a request of the phone to a file in `folder`. Returns the commands that use it. Fails when the file
/// cannot be written, or the path of this program is not known.
pub(crate) fn commands(url: &str, store: &Path, folder: &Path) -> Result<Vec<CommandToTry>, Failure> {
    let rule = sample::ip8540();
    let device = device(&rule, MAC, SERIAL);
    let program =
        std::env::current_exe().map_err(|error| Failure::in_doing("finding this program", &error))?;
    let program = shell_word(&program.display().to_string());
    let words = KindWord::ALL.into_iter().zip(device.kind.words());
    let kind = words.map(|(word, text)| format!("--{} {text}", word.field().replace('_', "-")));
    let kind = kind.collect::<Vec<_>>().join(" ");
    let ask = format!("{program} ask --url {url} {kind} --mac {MAC} --serial {SERIAL} --installed 0.0.0.0");
    let request = folder.join("request.xml");
    let body = Codec::default()
        .encode_request(&SimulatedDevice::new(device).next_request(SystemClock.now().civil_utc()));
    std::fs::write(&request, body).map_err(|error| Failure::in_doing(request.display(), &error))?;
    let on_store = format!("{program} --store {}", shell_word(&format!("file:{}", store.display())));
    let path = |path: &Path| shell_word(&path.display().to_string());
    let command = |what, command| CommandToTry { what, command };
    Ok(vec![
        command("another phone of the model that is pending asks, and is offered nothing", ask.clone()),
        command("why not: the same request, in a file", format!("{on_store} explain {}", path(&request))),
        command("approve it for all devices", format!("{on_store} approve {rule}")),
        command(
            "a second later the phone is offered it",
            format!("{ask} --download {}", path(&folder.join("download"))),
        ),
    ])
}
