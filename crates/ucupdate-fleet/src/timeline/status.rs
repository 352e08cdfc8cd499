//! Explains the status codes of IIS that devices of this service can get.

/// Returns the meaning of a status and substatus of IIS. `None` if the code is not in the table.
pub(super) fn meaning(status: u16, sub_status: u16) -> Option<&'static str> {
    TABLE.iter().find(|(code, _, _)| *code == (status, sub_status)).map(|(_, meaning, _)| *meaning)
}

/// Returns the remedy for a status and substatus of IIS. If the substatus is not in the table,
/// returns the remedy for the status alone.
pub(super) fn remedy(status: u16, sub_status: u16) -> &'static str {
    let exact = TABLE.iter().find(|(code, _, _)| *code == (status, sub_status));
    let any = || TABLE.iter().find(|((of, _), _, _)| *of == status);
    exact
        .or_else(any)
        .map_or("look for the code in the documentation of the web server", |(_, _, remedy)| *remedy)
}

/// The status and substatus, the meaning, and the remedy of each known code. A substatus that is not in this table
/// gets the remedy of the first entry with the same status.
const TABLE: &[((u16, u16), &str, &str)] = &[
    (
        (400, 0),
        "the request cannot be read",
        "capture the body of one request and read it with `ucupdate inspect`",
    ),
    ((401, 0), "the phone is not signed in", "check the account that is signed in on the phone"),
    ((401, 1), "the user name or the password is wrong", "check the account that is signed in on the phone"),
    (
        (401, 2),
        "the server offers no way to sign in that the phone knows",
        "enable NTLM for the external path, and do not require a client certificate",
    ),
    ((401, 3), "the account may not read the file", "let authenticated users read the folder with the files"),
    (
        (401, 4),
        "a filter of the web server refuses the phone",
        "look for an ISAPI filter of the site, and let phones pass it",
    ),
    (
        (401, 5),
        "the handler refuses the phone",
        "check the authentication of the handler, and the account of its application pool",
    ),
    (
        (403, 0),
        "the server refuses the path",
        "let phones read the folder, and look for a rule of the web server or of a proxy that refuses them",
    ),
    ((403, 1), "the folder may not be executed", "allow scripts in the folder of the handler"),
    ((403, 2), "the file may not be read", "allow reading in the folder with the files"),
    ((403, 4), "the path requires TLS", "let phones ask without TLS, or send them the https address"),
    (
        (403, 6),
        "the address of the phone is refused",
        "add the network of the phones to the allowed addresses",
    ),
    ((403, 7), "the path requires a client certificate", "do not require a client certificate on this path"),
    ((403, 8), "the name of the phone is refused", "remove the restriction to domain names from the path"),
    (
        (403, 9),
        "too many clients are connected",
        "raise the number of connections of the site, or update fewer phones at once",
    ),
    (
        (403, 13),
        "the client certificate was revoked, or this cannot be checked",
        "do not require a client certificate on this path",
    ),
    (
        (403, 14),
        "the folder may not be listed",
        "the phone asked for a folder: check the URLs in the answers",
    ),
    (
        (404, 0),
        "the file or the path does not exist",
        "check that the virtual folder exists and that the file is in it",
    ),
    ((404, 2), "the handler is locked", "allow the handler in the list of ISAPI and CGI restrictions"),
    (
        (404, 3),
        "the server does not serve this kind of file",
        "add the MIME type of .nbt and .cat files (application/octet-stream)",
    ),
    (
        (404, 4),
        "no handler takes the path",
        "map the path to the request handler, or enable static files for the folder",
    ),
    ((404, 5), "request filtering refuses the URL", "allow the characters of the URL in request filtering"),
    (
        (404, 6),
        "request filtering refuses the method",
        "allow POST for the handler, and GET and HEAD for the files",
    ),
    (
        (404, 7),
        "request filtering refuses the extension",
        "allow .upx, .nbt, .cat and .cab in request filtering",
    ),
    ((404, 8), "the path is hidden by request filtering", "allow the path in request filtering"),
    (
        (404, 11),
        "request filtering refuses the URL because it is escaped twice",
        "allow double escaping in request filtering for the folder with the files",
    ),
    (
        (404, 12),
        "request filtering refuses characters of the URL",
        "allow high-bit characters in request filtering",
    ),
    ((404, 13), "the body is larger than allowed", "raise the maximum size of a request"),
    ((404, 14), "the URL is longer than allowed", "raise the maximum length of a URL in request filtering"),
    (
        (404, 15),
        "the query is longer than allowed",
        "raise the maximum length of a query in request filtering",
    ),
    (
        (404, 17),
        "the file would be run in place of being sent",
        "map the extension of the file to static files",
    ),
    (
        (405, 0),
        "no handler takes a POST at this path",
        "map the path to the request handler, not to a folder with files",
    ),
    ((411, 0), "the request does not name its length", "let proxies pass the header Content-Length"),
    ((413, 0), "the body is larger than allowed", "raise the maximum size of a request"),
    (
        (416, 0),
        "the phone asked for a part that the file does not have",
        "check that all servers have the same file",
    ),
    ((500, 0), "the server failed", "look into the event log of the server"),
    ((500, 12), "the application restarts", "wait, and look for what restarts it if it happens again"),
    ((500, 13), "the web server is too busy", "update fewer phones at once, or add a server"),
    ((500, 15), "the path may not be asked for directly", "ask at the path of the request handler"),
    (
        (500, 19),
        "the configuration of the folder cannot be read",
        "let the account of the web server read the folder with the files: on a file share, the share and the folder",
    ),
    (
        (500, 21),
        "a module of the handler is missing",
        "install ASP.NET for the web server, or register it again",
    ),
    (
        (500, 22),
        "the configuration of modules does not fit the pipeline of the application pool",
        "set the application pool to the classic pipeline",
    ),
    (
        (500, 23),
        "the configuration of handlers does not fit the pipeline of the application pool",
        "set the application pool to the classic pipeline",
    ),
    (
        (500, 24),
        "the configuration of impersonation does not fit the pipeline of the application pool",
        "set the application pool to the classic pipeline",
    ),
    ((500, 100), "the handler failed", "look into the event log of the server"),
    (
        (502, 0),
        "the proxy got no answer from the server",
        "check the connection from the proxy to the server",
    ),
    (
        (502, 3),
        "the server ended the connection to the proxy, or did not answer in time",
        "raise the timeout of the proxy: an image takes minutes",
    ),
    (
        (503, 0),
        "the server does not accept requests",
        "start the application pool, and look for the reason why it stopped",
    ),
    (
        (503, 2),
        "too many requests run at once",
        "raise the limit of concurrent requests, or update fewer phones at once",
    ),
    ((503, 3), "the queue of the application is full", "update fewer phones at once, or add a server"),
    (
        (503, 4),
        "the queue of the application pool is full",
        "update fewer phones at once, or raise the length of the queue",
    ),
    (
        (504, 0),
        "the proxy waited too long for the server",
        "raise the timeout of the proxy: an image takes minutes",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_has_one_entry_and_the_first_entry_of_a_status_fits_its_other_codes() {
        let codes: BTreeSet<(u16, u16)> = TABLE.iter().map(|(code, _, _)| *code).collect();
        assert_eq!(codes.len(), TABLE.len());
        assert!(TABLE.is_sorted_by_key(|(code, _, _)| *code));
        for (status, first) in TABLE.chunk_by(|a, b| a.0.0 == b.0.0).map(|of| (of[0].0.0, of[0].0.1)) {
            assert_eq!(first, 0, "{status}");
        }
        assert_eq!(remedy(500, 77), remedy(500, 0));
        assert_eq!(remedy(500, 77), "look into the event log of the server");
        assert_eq!(meaning(500, 77), None);
        assert!(remedy(418, 0).starts_with("look for the code"));
    }
}
