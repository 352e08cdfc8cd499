//! `ucupdate sample`: writes generated packages and a request, for trying the program.

use crate::args::number::number;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::files::new::NewFiles;
use crate::output::shown::Shown;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::path::PathBuf;
use ucupdate::device::Device;
use ucupdate::request::{InstalledModule, UpdateRequest};
use ucupdate::upx::Codec;
use ucupdate::value::{FieldTime, Reported};
use ucupdate::version::ReportedVersion;
use ucupdate_cab::package::sample;

#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {
    /// The folder to write into. It is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The size of each image in KiB, 1 to 65535; real firmware has some ten thousand [default: 300]
    #[arg(long, value_name = "KIB", value_parser = |text: &str| number::<u16>(text, 1..=65_535))]
    image_kib: Option<u16>,
}

pub(crate) async fn run(args: SampleArgs, context: &mut Context) -> Result<(), Failure> {
    let bar = context.output.progress.of_things("making files", 4);
    let files = files::blocking(move || write(&args, &bar)).await?;
    let lines: Vec<String> =
        files.iter().map(|(path, _, what)| format!("{}  {what}", Shown(path.display()))).collect();
    let files: Vec<Value> = files
        .iter()
        .map(|(path, size, what)| json!({ "path": path.display().to_string(), "size": size, "what": what }))
        .collect();
    context.output.both(&json!({ "files": files }), lines.join("\n"))
}

/// Writes the sample files. Returns the path, the size in bytes and the purpose of each.
fn write(args: &SampleArgs, bar: &ProgressBar) -> Result<Vec<(PathBuf, u64, &'static str)>, Failure> {
    let path = args.folder.as_path();
    let image_bytes = args.image_kib.map_or(sample::IMAGE_BYTES, |kib| 1024 * usize::from(kib));
    let made = |bytes: Vec<u8>| {
        bar.inc(1);
        bytes
    };
    let samples = [
        (
            "UCUpdates.cab",
            "LG-Nortel IP8540 3.5.6907.0, Polycom CX700 3.5.6907.9, and the interim image 1.0.522.103",
            made(sample::uc_updates(image_bytes)),
        ),
        (
            "UCUpdates.exe",
            "the same cabinet in a program that would unpack it",
            made(sample::uc_updates_exe(image_bytes)),
        ),
        (
            "RoundTable.cab",
            "a conference camera's, in use as soon as it is ingested",
            made(sample::round_table(image_bytes)),
        ),
        ("request.xml", "what an LG-Nortel IP8540 asks that has 1.0.522.34", made(request()?)),
    ];
    let folder = NewFiles::open_or_make(path)?;
    folder.refuse_existing(samples.iter().map(|(name, ..)| *name))?;
    let mut files = Vec::new();
    for (name, what, bytes) in &samples {
        let size = folder.write(name, None, &mut &bytes[..])?;
        files.push((path.join(name), size, *what));
    }
    Ok(files)
}

/// Returns the body of a request, as the phone in an audit log of OCS of 2009 sent it.
fn request() -> Result<Vec<u8>, Failure> {
    let request = UpdateRequest {
        device: Device {
            kind: "UCPhone/LG-Nortel/IP8540/A/ENU".parse()?,
            mac_address: Reported::new("0021630F207B"),
            serial_number: Reported::new("C185H001209"),
        },
        user_name: "ruisilva@demo.local".into(),
        request_date_time: Reported::new("06-03-2009 17:10:39"),
        modules: vec![InstalledModule {
            file_name: "cpe.nbt".into(),
            version: ReportedVersion::new("1.0.522.34"),
            time_stamp: Reported::from(FieldTime::FILETIME_ZERO),
        }],
    };
    Ok(Codec::default().encode_request(&request))
}
