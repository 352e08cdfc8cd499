//! Finds the messages in a saved file: single bodies, HTTP messages, HTTP archives, or packets.

use super::har;
use super::http_message;
use super::packets;

/// The largest number of messages that are read from one file.
pub(super) const MAX_MESSAGES: usize = 100;

/// A body in the file, with the first line of its HTTP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The first line of the HTTP message, such as `POST /RequestHandler/ucdevice.upx`. `None` for
    /// a body without an HTTP message.
    pub(super) head: Option<String>,
    /// The codings that were undone to get the body, such as `chunked` and `gzip`.
    pub(super) undone: Vec<&'static str>,
    pub(super) body: Vec<u8>,
}

/// Returns the messages in a file, at most [`MAX_MESSAGES`]. HTTP messages without a body are
/// skipped. `limit` is the largest size of an unpacked body in bytes.
pub(super) fn messages(file: &[u8], limit: usize) -> Vec<Message> {
    let text = decoded(file);
    let bytes = text.as_deref().unwrap_or(file);
    if let Some(archived) = har::bodies(bytes) {
        return of_archive(archived, limit);
    }
    let streams = packets::streams(bytes);
    let mut messages = Vec::new();
    if streams.is_empty() {
        add(bytes, limit, &mut messages);
    } else {
        for stream in &streams {
            // An unpacked body may be much larger than its stream.
            if messages.len() < MAX_MESSAGES {
                add(stream, limit, &mut messages);
            }
        }
    }
    if text.is_some() {
        // The body was in UTF-16 like the whole file, and its XML declaration may say so. So it is
        // converted back.
        messages.iter_mut().for_each(|message| message.body = utf_16(&message.body));
    }
    messages.truncate(MAX_MESSAGES);
    messages
}

fn add(bytes: &[u8], limit: usize, messages: &mut Vec<Message>) {
    for (head, body) in http_message::split(bytes, MAX_MESSAGES - messages.len()) {
        let (body, undone) = http_message::undo(head.as_ref(), body, limit);
        add_documents(head.map(|head| head.line), &undone, &body, messages);
    }
}

fn add_documents(head: Option<String>, undone: &[&'static str], body: &[u8], messages: &mut Vec<Message>) {
    for document in documents(body) {
        let body = document.to_vec();
        messages.push(Message { head: head.clone(), undone: undone.to_vec(), body });
    }
}

/// Returns the messages of an HTTP archive. Bodies in an archive have no transfer coding.
fn of_archive(archived: Vec<har::Archived>, limit: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    for har::Archived { line, body } in archived {
        let (body, undone) = http_message::undo(None, &body, limit);
        add_documents(Some(line), &undone, &body, &mut messages);
    }
    messages.truncate(MAX_MESSAGES);
    messages
}

/// Splits a body into its XML documents, without the white space around them. A body that is not a
/// sequence of XML documents is returned as one document.
fn documents(body: &[u8]) -> Vec<&[u8]> {
    let mut documents = Vec::new();
    let mut rest = body;
    while documents.len() < MAX_MESSAGES {
        match end_of_document(rest) {
            Some(end) if rest[end..].trim_ascii_start().starts_with(b"<") => {
                documents.push(&rest[..end]);
                rest = rest[end..].trim_ascii_start();
            }
            _ => break,
        }
    }
    if !rest.trim_ascii().is_empty() {
        documents.push(rest);
    }
    documents
}

/// Returns the offset after the end tag of the first document. `None` if there is no such tag.
fn end_of_document(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    let root = loop {
        at += body.get(at..)?.iter().position(|byte| *byte == b'<')? + 1;
        match body.get(at)? {
            b'?' | b'!' => {}
            _ => break &body[at..],
        }
    };
    let name = root.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
    let end_tag = [b"</", &root[..name]].concat();
    let mut found = at;
    loop {
        found += find(body.get(found..)?, &end_tag)? + end_tag.len();
        // This may be another element whose name begins with that of the root.
        if body.get(found).is_some_and(|byte| *byte == b'>' || byte.is_ascii_whitespace()) {
            break;
        }
    }
    Some(found + body[found..].iter().position(|byte| *byte == b'>')? + 1)
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Converts a file in UTF-16 to UTF-8. Returns `None` if the file is not UTF-16, or begins with
/// `<`: the codec reads XML in UTF-16 itself.
fn decoded(file: &[u8]) -> Option<Vec<u8>> {
    let unit = |pair: &[u8]| match (file, pair) {
        ([0xFF, 0xFE, ..], &[low, high]) => Some(u16::from_le_bytes([low, high])),
        ([0xFE, 0xFF, ..], &[high, low]) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    };
    let units: Option<Vec<u16>> = file.chunks_exact(2).map(unit).collect();
    let text = String::from_utf16(units.as_deref()?.get(1..)?).ok()?;
    (!text.trim_start().starts_with('<')).then(|| text.into_bytes())
}

fn utf_16(body: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "<?xml version=\"1.0\"?>\n<Request><RequestDateTime>1</RequestDateTime></Request>";

    fn bodies(file: &[u8]) -> Vec<String> {
        let found = messages(file, 1 << 16);
        found.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
    }

    #[test]
    fn a_body_alone_is_one_message_as_it_is() {
        for body in [BODY, "not xml", "<Request", "<a/>"] {
            let alone = Message { head: None, undone: Vec::new(), body: body.into() };
            assert_eq!(messages(body.as_bytes(), 1 << 16), [alone], "{body}");
        }
        assert_eq!(messages(b" \r\n", 1 << 16), []);
    }

    #[test]
    fn documents_one_after_another_are_messages() {
        let file = format!("{BODY}\r\n\r\n<Response><A/></Response>{BODY}\n");
        assert_eq!(bodies(file.as_bytes()), [BODY, "<Response><A/></Response>", &format!("{BODY}\n")]);
    }

    #[test]
    fn a_stream_that_was_followed_holds_requests_and_answers() {
        let length = BODY.len();
        let file = format!(
            "POST /RequestHandler/ucdevice.upx HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n\
             HTTP/1.1 100 Continue\r\n\r\n{BODY}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             6\r\n<Respo\r\n9;x=y\r\nnse><A/><\r\na\r\n/Response>\r\n0\r\n\r\n\
             GET /DeviceUpdateFiles_Int/a.nbt HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let found = messages(file.as_bytes(), 1 << 16);
        let heads: Vec<&str> = found.iter().map(|message| message.head.as_deref().unwrap()).collect();
        assert_eq!(heads, ["POST /RequestHandler/ucdevice.upx HTTP/1.1", "HTTP/1.1 200 OK"]);
        assert_eq!(found[1].undone, ["chunked"]);
        assert_eq!(bodies(file.as_bytes()), [BODY, "<Response><A/></Response>"]);
    }

    #[test]
    fn a_file_in_utf_16_with_a_head_gives_a_body_in_utf_16() {
        let file = utf_16(format!("POST /a HTTP/1.1\r\n\r\n{BODY}").as_bytes());
        let found = messages(&file, 1 << 16);
        assert_eq!(found[0].body, utf_16(BODY.as_bytes()));
        let alone = utf_16(BODY.as_bytes());
        assert_eq!(messages(&alone, 1 << 16)[0].body, alone, "the codec reads it as it is");
    }
}
