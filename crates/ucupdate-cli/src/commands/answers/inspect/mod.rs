//! `ucupdate inspect`: shows the content of a captured message, and how a dialect reads it. It can
//! also propose a dialect.

mod capture_file;
mod exports;
mod har;
mod http_message;
mod messages;
mod packets;
mod suggest;

use crate::args::dialect::DialectArgs;
use crate::context::{Context, IfMissing};
use crate::failure::{Failure, FailureKind};
use crate::files;
use crate::files::new::write_file;
use flate2::read::MultiGzDecoder;
use messages::Message;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use suggest::{KnownValues, Suggestion};
use ucupdate::audit::{AuditRow, FileKind};
use ucupdate::device::KindWord;
use ucupdate::upx::{Codec, Dialect, Inspection, Item};
use ucupdate::{AuditLogs, CaptureId, Logged};

/// The largest size of a file that is read, in bytes.
const MAX_FILE_BYTES: usize = 8 * 1024 * 1024;

/// The number of bytes at the start of a file by which its kind is recognised.
const LOOK_BYTES: usize = 4 * 1024;

/// The largest number of rows of the audit logs whose values are collected.
const MAX_ROWS: usize = 100_000;

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// A body of a request or a response, an HTTP message with its head, an HTTP archive (HAR) of a debugging proxy, or packets: a
    /// capture file (pcap, pcapng), or an export of Wireshark, tshark or tcpdump as text. The file may be compressed by gzip
    #[arg(value_name = "FILE", required_unless_present = "capture")]
    file: Option<PathBuf>,
    /// Inspect a body that the store keeps, by its id from `ucupdate captures`
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    capture: Option<CaptureId>,
    /// Write a proposal for a dialect that can read the request to this new file
    #[arg(long, value_name = "OUT.toml")]
    suggest: Option<PathBuf>,
    #[command(flatten)]
    dialect: DialectArgs,
}

/// Returns an inspection as a JSON object. In it, `at` is a byte offset, and `module` is a number
/// that counts modules from 1.
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
        "root_is_known": found.is_root_known(),
        "namespaces": namespaces.collect::<Vec<_>>(),
        "modules": found.modules(),
        "recognised": recognised.collect::<Vec<_>>(),
        "unknown": unknown.collect::<Vec<_>>(),
        "unknown_count": found.unknown_count(),
        "missing": missing.collect::<Vec<_>>(),
        "refused": found.error().map(ToString::to_string),
    })
}

/// A message, and what the codec found in it.
struct Inspected {
    message: Message,
    found: Inspection,
}

pub(crate) async fn run(args: InspectArgs, context: &mut Context) -> Result<(), Failure> {
    let InspectArgs { file, capture, suggest, dialect } = args;
    let (bytes, host) = match (file, capture) {
        (Some(file), _) => {
            let reading = files::blocking(move || files::read(&file, MAX_FILE_BYTES));
            (reading.await?, None)
        }
        (None, Some(id)) => {
            let (bytes, host) = captured(&id, context).await?;
            (bytes, Some(host))
        }
        (None, None) => return Err(Failure::usage("neither a file nor a capture is given")),
    };
    let inspecting = files::blocking(move || {
        let codec = dialect.codec()?;
        let (bytes, is_gzip) = unzipped(bytes)?;
        let mut inspected = inspect(&bytes, &codec);
        if is_gzip {
            inspected.iter_mut().for_each(|one| one.message.undone.push("gzip of the file"));
        }
        let is_understood = inspected.iter().any(|one| one.found.error().is_none());
        let reason = if is_understood { None } else { not_a_capture(&bytes) };
        Ok((inspected, codec, reason))
    });
    let (inspected, codec, not_a_capture) = inspecting.await?;
    let suggestion = match &suggest {
        Some(_) => Some(propose(&inspected, &codec, host.as_deref(), context).await?),
        None => None,
    };
    context
        .output
        .both(&json_of(&inspected, suggestion.as_ref()), text_of(&inspected, suggestion.as_ref()))?;
    if let (Some(out), Some(suggestion)) = (&suggest, &suggestion) {
        return write_dialect(out, suggestion, &inspected, &codec);
    }
    match inspected.iter().find(|one| one.found.error().is_none()) {
        Some(_accepted) => Ok(()),
        None => Err(not_a_capture.map_or_else(|| refused(&inspected), Failure::not_understood)),
    }
}

/// Unpacks a file that is compressed by gzip, and returns whether it was. If the compressed file is
/// damaged, returns the part before the damage. Fails when nothing can be unpacked, or when the
/// unpacked file is too large.
fn unzipped(file: Vec<u8>) -> Result<(Vec<u8>, bool), Failure> {
    if !file.starts_with(&[0x1F, 0x8B]) {
        return Ok((file, false));
    }
    let mut bytes = Vec::new();
    let read = MultiGzDecoder::new(&*file).take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes);
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Failure::new(format_args!(
            "the unpacked file has more than {MAX_FILE_BYTES} bytes; unpack it, and cut out the packets of one device"
        )));
    }
    match read {
        Err(error) if bytes.is_empty() => {
            Err(Failure::not_understood(format_args!("the file is damaged gzip: {error}")))
        }
        _ => Ok((bytes, true)),
    }
}

/// Returns a text that says what the file is instead of a message. `None` if the kind of file is
/// not known, or could contain a message.
fn not_a_capture(file: &[u8]) -> Option<String> {
    if exports::has_no_bytes(file) {
        let text = "the file has packets in words without their bytes, expected an export with bytes, such as that of `tshark -x`, \
                    or a capture file (pcap, pcapng)";
        return Some(text.to_owned());
    }
    let expected = "expected a body, an HTTP message, an HTTP archive, or packets with their bytes";
    match FileKind::of(&file[..file.len().min(LOOK_BYTES)]) {
        FileKind::Other("an XML document") | FileKind::Text | FileKind::Binary | FileKind::Empty => None,
        look if har::bodies(file).is_some() => Some(format!(
            "the file is {look}: an HTTP archive without a body of an update request; save it with content"
        )),
        look => Some(format!("the file looks like {look}, {expected}")),
    }
}

/// Returns the body of a capture that the store keeps, and the address of the device that sent it.
async fn captured(id: &CaptureId, context: &mut Context) -> Result<(Vec<u8>, String), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    let found = service.capture(id).await?;
    let (capture, body) = found.ok_or_else(|| {
        Failure::not_found(format_args!("no capture {id}; `ucupdate captures` lists those of the store"))
    })?;
    if body.len() as u64 != capture.bytes {
        let (kept, sent) = (body.len(), capture.bytes);
        context.output.message(format_args!("warning: only the first {kept} of {sent} bytes were kept"));
    }
    Ok((body.to_vec(), capture.host.into()))
}

fn inspect(file: &[u8], codec: &Codec) -> Vec<Inspected> {
    let mut messages = messages::messages(file, codec.limits().xml().bytes().saturating_add(1));
    if messages.is_empty() {
        messages.push(Message { head: None, undone: Vec::new(), body: file.to_vec() });
    }
    let inspected = messages.into_iter().map(|message| {
        let found = codec.inspect(&message.body);
        Inspected { message, found }
    });
    inspected.collect()
}

/// Returns the failure for the first message that the codec refuses.
fn refused(inspected: &[Inspected]) -> Failure {
    let reason = inspected.iter().find_map(|one| one.found.error());
    reason.map_or_else(|| Failure::not_understood("the file holds no message"), Failure::not_understood)
}

/// Proposes a dialect for the first message for which this is possible, among those that the codec
/// cannot read. `host` is the address of the device, if it is known.
async fn propose(
    inspected: &[Inspected],
    codec: &Codec,
    host: Option<&str>,
    context: &mut Context,
) -> Result<Suggestion, Failure> {
    let known = known_values(host, context).await?;
    let refused = inspected.iter().filter(|one| one.found.error().is_some());
    let proposed = refused.filter_map(|one| suggest::suggest(&one.found, codec, &known)).next();
    proposed.ok_or_else(|| {
        if inspected.iter().any(|one| one.found.error().is_none()) {
            Failure::new("the request is read as it is, so it needs no other dialect")
        } else {
            Failure::not_understood("no unknown name of the body looks like an item of a request")
        }
    })
}

/// Collects the words of the rules, and the values in the audit logs. With `host`, only rows of
/// this address are used. Without a store, the result is empty.
async fn known_values(host: Option<&str>, context: &Context) -> Result<KnownValues, Failure> {
    let mut known = KnownValues::default();
    let service = match context.administer(IfMissing::Refuse).await {
        Ok(service) => service,
        Err(Failure::Explained(FailureKind::NotFound, _)) => return Ok(known),
        Err(failure) => return Err(failure),
    };
    for rule in service.snapshot().book().rules() {
        for (word, text) in KindWord::ALL.into_iter().zip(rule.key().kind().words()) {
            known.add(Item::of_kind(word), text);
        }
    }
    let mut logs = AuditLogs::default();
    logs.add_store(service.store().clone()).await?;
    let mut rows = 0;
    while let Some(logged) = logs.next().await? {
        let Logged::Row(logged) = logged else { continue };
        if host.is_none_or(|host| *logged.row.user_host == *host) {
            add_row(&mut known, &logged.row);
        }
        rows += 1;
        if rows == MAX_ROWS {
            break;
        }
    }
    Ok(known)
}

fn add_row(known: &mut KnownValues, row: &AuditRow) {
    known.add(Item::MacAddress, row.mac_address.raw());
    known.add(Item::SerialNumber, row.serial_number.raw());
    known.add(Item::UserName, &row.user_name);
    for module in &row.requested {
        known.add(Item::FileName, &module.file_name);
        known.add(Item::Version, &module.version.to_string());
    }
}

/// Writes the proposed dialect to a new file. Then checks the dialect: it must read at least one of
/// the messages that the codec refused. Fails when it reads none, and when the file exists or
/// cannot be written.
fn write_dialect(
    out: &Path,
    suggestion: &Suggestion,
    inspected: &[Inspected],
    codec: &Codec,
) -> Result<(), Failure> {
    let text = suggestion.to_toml();
    write_file(out, text.as_bytes())?;
    let codec = Codec::new(Dialect::from_toml(&text)?, *codec.limits());
    let mut refusal = None;
    for one in inspected.iter().filter(|one| one.found.error().is_some()) {
        match codec.decode_request(&one.message.body) {
            Ok(_) => return Ok(()),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    let reason = refusal.map_or_else(String::new, |error| error.to_string());
    Err(Failure::not_understood(format_args!(
        "{} does not suffice to read the request: {reason}",
        out.display()
    )))
}

fn json_of(inspected: &[Inspected], suggestion: Option<&Suggestion>) -> Value {
    let of_message = |one: &Inspected| {
        let mut value = inspection_json(&one.found);
        value["head"] = json!(one.message.head);
        value["undone"] = json!(one.message.undone);
        value
    };
    let mut value = match inspected {
        [one] => of_message(one),
        several => json!({ "messages": several.iter().map(of_message).collect::<Vec<_>>() }),
    };
    if let Some(suggestion) = suggestion {
        let rows = suggestion.rows().map(|[item, name, certainty, because]| {
            json!({ "item": item, "name": name, "certainty": certainty, "because": because })
        });
        value["suggested"] = rows.collect();
    }
    value
}

fn text_of(inspected: &[Inspected], suggestion: Option<&Suggestion>) -> String {
    let mut text = String::new();
    for (number, one) in (1..).zip(inspected) {
        let Message { head, undone, .. } = &one.message;
        if inspected.len() > 1 || head.is_some() || !undone.is_empty() {
            let head = head.as_deref().unwrap_or("a body");
            let undone = if undone.is_empty() { String::new() } else { format!(" ({})", undone.join(", ")) };
            // Writing to a string does not fail.
            let _written = writeln!(text, "message {number} of {}: {head}{undone}", inspected.len());
        }
        let _written = writeln!(text, "{}", one.found);
    }
    if let Some(suggestion) = suggestion {
        let _written = writeln!(text, "{suggestion}");
    }
    text.truncate(text.trim_end().len());
    text
}
