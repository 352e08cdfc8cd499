//! One exchange with a device, from the request to the end of the response. It writes the access row.

use crate::request::connection::Connection;
use crate::request::paths;
use http::{Method, StatusCode, header, request};
use std::borrow::Cow;
use tokio::time::Instant;
use ucupdate::audit::{AccessRow, AccessText};
use ucupdate::{Event, FetchOutcome, ServedFile, UpdateService};

/// Largest number of bytes of a path, query, user agent or method in a row. A longer value is cut and ends in `...`.
const MAX_LOGGED_BYTES: usize = 512;

/// The Windows error of a lost connection: `ERROR_NETNAME_DELETED`. The access log has it in the
/// column `sc-win32-status`, as the log of OCS does. There, `405 0 64` is a status, a substatus and
/// this error.
const CONNECTION_GONE: u32 = 64;

/// The data of the access row, collected during the exchange.
///
/// [`finish`](Self::finish) sets the time of the row and writes it.
#[derive(Debug)]
pub(crate) struct Exchange {
    service: UpdateService,
    started: Instant,
    method: Method,
    uri_stem: AccessText,
    uri_query: AccessText,
    user_agent: AccessText,
    user_name: AccessText,
    connection: Connection,
    /// The file that the answer sends or redirects to. `None` if the answer is not a file.
    fetched: Option<ServedFile>,
}

impl Exchange {
    pub(crate) fn begin(service: UpdateService, request: &request::Parts, connection: &Connection) -> Self {
        let user_agent =
            request.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Self {
            service,
            started: Instant::now(),
            method: request.method.clone(),
            uri_stem: AccessText::new(&cut(&paths::decoded(request.uri.path()))),
            uri_query: AccessText::from_logged(&cut(request.uri.query().unwrap_or_default())),
            user_agent: AccessText::new(&cut(&user_agent.unwrap_or_default())),
            user_name: AccessText::new(&cut(connection.user().unwrap_or_default())),
            connection: connection.clone(),
            fetched: None,
        }
    }

    /// Remembers the file that the answer sends, in whole or in part, or redirects to. Emits
    /// [`Event::FetchStarted`] now. [`finish`](Self::finish) will emit [`Event::FileFetched`] with
    /// this file.
    pub(crate) fn fetch(&mut self, file: ServedFile) {
        self.service.emit(&Event::FetchStarted { file: &file, host: self.connection.host() });
        self.fetched = Some(file);
    }

    /// Emits [`Event::RequestRefused`].
    pub(crate) fn refuse(&self, path: &str, status: StatusCode, reason: &str) {
        let (host, method) = (self.connection.host(), self.method.as_str());
        self.service.emit(&Event::RequestRefused { host, method, path, status: status.as_u16(), reason });
    }

    pub(crate) fn set_user(&mut self, user: &str) {
        self.user_name = AccessText::new(&cut(user));
    }

    /// Writes the access row with this status, and emits [`Event::ExchangeFinished`]. Emits
    /// [`Event::FileFetched`] if the answer is a file. `whole` says whether the whole answer was
    /// sent. `sent` is the number of bytes of its body that were sent.
    pub(crate) fn finish(self, status: StatusCode, whole: bool, sent: u64) {
        let taken = self.started.elapsed();
        if let Some(file) = &self.fetched {
            let outcome = match status {
                _ if !whole => FetchOutcome::Failed,
                StatusCode::PARTIAL_CONTENT => FetchOutcome::Part,
                StatusCode::FOUND => FetchOutcome::Redirected,
                _ => FetchOutcome::Whole,
            };
            let host = self.connection.host();
            self.service.emit(&Event::FileFetched { file, host, outcome, bytes: sent, taken });
        }
        let row =
            AccessRow::finished(&cut(self.method.as_str()), "", status.as_u16(), taken, self.service.now());
        let row = AccessRow {
            uri_stem: self.uri_stem,
            uri_query: self.uri_query,
            user_agent: self.user_agent,
            user_name: self.user_name,
            client_ip: AccessText::new(self.connection.host()),
            server_ip: AccessText::new(self.connection.server()),
            server_port: self.connection.local().map(|local| local.port()),
            win32_status: if whole { row.win32_status } else { Some(CONNECTION_GONE) },
            ..row
        };
        self.service.emit(&Event::ExchangeFinished { row: &row, sent, taken });
        self.service.log_access(&row);
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_LOGGED_BYTES {
        return text.into();
    }
    let end = (0..=MAX_LOGGED_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", &text[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("/a"), "/a");
        let long = format!("a{}", "\u{e4}".repeat(MAX_LOGGED_BYTES));
        let shown = cut(&long);
        assert_eq!(shown.len(), MAX_LOGGED_BYTES - 1 + 3);
        assert!(shown.ends_with("\u{e4}..."));
    }
}
