//! `ucupdate ask`: sends a request to a server as a phone does, and downloads the offer.

use crate::args::devices::kind::KindArgs;
use crate::args::dialect::DialectArgs;
use crate::commands::rules::rollout::report::stop_warning;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::output::shown::Shown;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;
use ucupdate::device::{Device, DeviceKind};
use ucupdate::request::{InstalledModule, OfferedModule, Side, UpdateRequest, simulated_user};
use ucupdate::value::{FieldTime, Reported};
use ucupdate::version::ReportedVersion;
use ucupdate::{Clock as _, SystemClock};
use ucupdate_client::{
    Client, ClientError, ClientOptions, DeviceCode, Download, DownloadedFile, Progress, Retry, UpdateFile,
    Verification,
};
use ucupdate_http::HANDLER_PATHS;

#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    /// The URL of the request handler, such as http://127.0.0.1:8080/RequestHandler/ucdevice.upx. Without a path, the
    /// handler for internal devices
    #[arg(long, required_unless_present = "print_request")]
    url: Option<String>,
    #[command(flatten)]
    kind: KindArgs,
    /// The MAC address of the device
    #[arg(long, default_value = "", hide_default_value = true, requires = "known")]
    mac: String,
    /// The serial number of the device
    #[arg(long, default_value = "", hide_default_value = true, requires = "known")]
    serial: String,
    /// The user who signed in last
    #[arg(long, default_value = "", hide_default_value = true)]
    user: String,
    /// The version that the device reports. A device with a MAC address or serial number needs this or
    /// --installed-unknown
    #[arg(long = "installed", value_name = "VERSION", visible_alias = "version", group = "known")]
    version: Option<String>,
    /// Report 0.0.0.0, as a phone does that knows no version. The default for a device without MAC address and serial
    /// number
    #[arg(long, group = "known")]
    installed_unknown: bool,
    /// Send the request without the mark of a simulated request, so that `fleet`, `loops` and guards count it as a
    /// real one
    #[arg(long)]
    as_the_device: bool,
    /// The time stamp that the device reports of its image, such as 16-12-2008 04:43:58
    #[arg(long, value_name = "TIME", default_value = "01-01-1601 00:00:00")]
    time_stamp: String,
    /// The file that the device asks for
    #[arg(long, default_value = "cpe.nbt")]
    file: String,
    /// The time of the device's clock, such as 06-03-2009 17:10:39 [default: now, in UTC]
    #[arg(long, value_name = "TIME")]
    date_time: Option<String>,
    /// Download the offered files into this folder, and check them
    #[arg(long, value_name = "DIR", conflicts_with = "print_request")]
    download: Option<PathBuf>,
    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// Print the exact bytes of the request instead of sending it
    #[arg(long)]
    print_request: bool,
    #[command(flatten)]
    dialect: DialectArgs,
}

/// An offer, and its download.
struct ReceivedOffer<'a> {
    module: &'a OfferedModule,
    /// The URL of the folder for the side of the device.
    folder: &'a str,
    /// `None` if the offer was not downloaded.
    downloaded: Option<Download>,
}

impl ReceivedOffer<'_> {
    fn json(&self) -> Value {
        let offered = self.module;
        let downloaded = self.downloaded.as_ref().map(|Download { image, signature, .. }| {
            json!({ "image": file_json(image), "signature": file_json(signature) })
        });
        json!({
            "version": offered.version,
            "time_stamp": offered.time_stamp.to_string(),
            "image": offered.file_name,
            "signature": offered.signature_file_name,
            "base_url": offered.base_url,
            "external_base_url": offered.external_base_url,
            "downloaded": downloaded,
        })
    }
}

impl fmt::Display for ReceivedOffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OfferedModule { version, time_stamp, file_name, signature_file_name, .. } = self.module;
        let folder = Shown(self.folder);
        write!(f, "offered {} of {}", Shown(version), Shown(time_stamp))?;
        write!(f, "\n  image      {folder}/{}", Shown(file_name))?;
        write!(f, "\n  signature  {folder}/{}", Shown(signature_file_name))?;
        let Some(Download { image, signature, .. }) = &self.downloaded else { return Ok(()) };
        write!(f, "\n  fetched    {}\n  fetched    {}", file_text(image), file_text(signature))
    }
}

fn file_json(file: &DownloadedFile) -> Value {
    let checked = match file.verified {
        Verification::Sha256 => "sha256",
        Verification::SizeOnly => "size",
        _ => "nothing",
    };
    json!({ "path": file.path.display().to_string(), "size": file.bytes, "sha256": file.sha256, "checked": checked })
}

fn file_text(file: &DownloadedFile) -> String {
    let checked = match file.verified {
        Verification::Sha256 => "with the SHA-256 the server says",
        Verification::SizeOnly => "as many as the server says",
        _ => "and the server does not say how many there should be",
    };
    format!("{}, {} bytes, {checked}", Shown(file.path.display()), file.bytes)
}

fn answer_text(code: DeviceCode, offers: &[ReceivedOffer<'_>], asker: &DeviceKind) -> String {
    if offers.is_empty() {
        return format!(
            "nothing offered ({code}): the device has the approved version, or no version is approved, or no rule \
             matches exactly {}; `ucupdate explain` on the server says which",
            Shown(asker)
        );
    }
    offers.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl AskArgs {
    fn request(&self) -> UpdateRequest {
        let now = || Reported::from(SystemClock.now().civil_utc());
        UpdateRequest {
            device: Device {
                kind: self.kind.kind(),
                mac_address: Reported::new(&self.mac),
                serial_number: Reported::new(&self.serial),
            },
            user_name: match self.as_the_device {
                true => self.user.as_str().into(),
                false => simulated_user(&self.user).into(),
            },
            request_date_time: self.date_time.as_deref().map_or_else(now, Reported::<FieldTime>::new),
            modules: vec![InstalledModule {
                file_name: self.file.as_str().into(),
                version: ReportedVersion::new(self.version.as_deref().unwrap_or("0.0.0.0")),
                time_stamp: Reported::new(&self.time_stamp),
            }],
        }
    }

    fn options(&self) -> Result<ClientOptions, Failure> {
        let options = ClientOptions::default().with_codec(self.dialect.codec()?);
        let Some(path) = &self.ca_cert else { return Ok(options) };
        Ok(options.with_root_certificates(files::certificates(path)?))
    }
}

pub(crate) async fn run(args: AskArgs, context: &mut Context) -> Result<(), Failure> {
    let request = args.request();
    let (options, args) = files::blocking(move || Ok((args.options()?, args))).await?;
    if args.print_request {
        let body = options.codec().encode_request(&request);
        return print_request(body, &mut context.output);
    }
    let url = handler_url(args.url.as_deref().unwrap_or_default())?;
    let side = side(&url);
    // A request is not retried, because a person at a terminal can repeat it. A download that
    // breaks off is resumed.
    let asking = Client::new(options.clone().with_retry(Retry::never()))?;
    context.output.progress.waits_for(&format!("the answer of {url}"));
    let asked = asking.ask(&url, &request).await.map_err(failure)?;
    let fetching = Client::new(options)?;
    let mut offers = Vec::new();
    for module in &asked.response.modules {
        let downloaded = match &args.download {
            Some(folder) => {
                let bar = context.output.progress.of_bytes("", Some(0));
                let fetched = fetching.download(module, side, folder, |progress| show(&bar, progress)).await;
                bar.finish_and_clear();
                Some(fetched.map_err(failure)?)
            }
            None => None,
        };
        offers.push(ReceivedOffer { module, folder: module.base_url_for(side), downloaded });
    }
    if offers.is_empty() {
        // The store of this command may be the store of the server.
        context.warn(|book| stop_warning(book).map(|stopped| format!("in the store here {stopped}"))).await;
    }
    let (code, unknown) = (asked.device_code(), asked.unknown.iter().map(|item| item.path.to_string()));
    let value = json!({
        "url": url,
        "code": code.to_string(),
        "offered": offers.iter().map(ReceivedOffer::json).collect::<Vec<_>>(),
        "unknown": unknown.collect::<Vec<_>>(),
    });
    context.output.both(&value, answer_text(code, &offers, &request.device.kind))
}

/// Converts an error of the client to a failure. The message contains the code that a phone would
/// show.
fn failure(error: ClientError) -> Failure {
    match error.device_code() {
        Some(code) => Failure::new(format_args!("{} ({code})", crate::failure::chain(&error))),
        None => error.into(),
    }
}

fn print_request(body: Vec<u8>, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json_result(&json!({ "request": String::from_utf8(body)? }));
    }
    output.exactly(&body)
}

/// Returns the URL of the request handler for the value of `--url`. If the value has no path, the
/// path of the handler for internal devices is added. Fails when it is not an http or https URL.
pub(crate) fn handler_url(given: &str) -> Result<String, Failure> {
    let refused = |found: &dyn std::fmt::Display| {
        Failure::usage(format_args!("--url is {given:?}{found}, expected http://… or https://…"))
    };
    if !["http://", "https://"].iter().any(|scheme| given.to_ascii_lowercase().starts_with(scheme)) {
        return Err(refused(&""));
    }
    reqwest::Url::parse(given).map_err(|error| refused(&format_args!(" ({error})")))?;
    let (handler, _) = HANDLER_PATHS[0];
    let bare = given.strip_suffix('/').unwrap_or(given);
    Ok(match bare.split_once("://") {
        Some((_, host)) if !host.contains(['/', '?', '#']) => format!("{bare}{handler}"),
        _ => given.to_owned(),
    })
}

/// Returns the side of the request handler with this URL. Paths that are not known count as
/// internal.
pub(crate) fn side(url: &str) -> Side {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let is_asked = |handler: &str| {
        let start = path.len().checked_sub(handler.len());
        start.and_then(|start| path.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(handler))
    };
    HANDLER_PATHS.into_iter().find(|(handler, _)| is_asked(handler)).map_or(Side::Internal, |(_, side)| side)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_prefix(match progress.file {
        UpdateFile::Image => "image",
        UpdateFile::Signature => "signature",
    });
    match progress.total {
        Some(total) => bar.set_length(total),
        None => bar.unset_length(),
    }
    bar.set_position(progress.bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_stands_for_the_handler_inside() {
        for (given, url) in [
            ("http://a", "http://a/RequestHandler/ucdevice.upx"),
            ("https://a:8443/", "https://a:8443/RequestHandler/ucdevice.upx"),
            ("http://a/p/ucdevice.upx", "http://a/p/ucdevice.upx"),
            ("http://a?x", "http://a?x"),
        ] {
            assert_eq!(handler_url(given).unwrap(), url);
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        for (given, reason) in [
            ("a:8080", ""),
            ("ftp://a", ""),
            ("http://a:99999", " (invalid port number)"),
            ("http://", " (empty host)"),
            ("http://[::1", " (invalid IPv6 address)"),
        ] {
            let Err(Failure::Explained(_, found)) = handler_url(given) else { panic!("{given} is refused") };
            assert_eq!(found, format!("--url is {given:?}{reason}, expected http://… or https://…"));
        }
    }

    #[test]
    fn the_side_follows_from_the_end_of_the_path() {
        for (url, expected) in [
            ("http://a/RequestHandler/ucdevice.upx", Side::Internal),
            ("https://a/requesthandlerext/UCDevice.upx", Side::External),
            ("https://a/prefix/RequestHandlerExt/ucdevice.upx?x=y", Side::External),
            ("http://a/UCDeviceUpdates/ucdevice.upx", Side::Internal),
            ("http://a/x", Side::Internal),
            ("", Side::Internal),
        ] {
            assert_eq!(side(url), expected, "{url}");
        }
    }

    #[test]
    fn nothing_offered_says_for_whom() {
        let kind = "UCPhone/Polycom/CX700/A/ENU".parse().unwrap();
        let text = answer_text(DeviceCode::answered(200), &[], &kind);
        assert!(text.starts_with("nothing offered (0x0/200): "), "{text}");
        assert!(text.contains("exactly UCPhone/Polycom/CX700/A/ENU;"), "{text}");
    }
}
