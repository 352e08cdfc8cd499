//! Explains the status codes of IIS that matter to this service.

/// Returns the meaning of a status and substatus of IIS. `None` if the code is not in the table.
pub(super) fn meaning(status: u16, sub_status: u16) -> Option<&'static str> {
    TABLE.iter().find(|(code, _, _)| *code == (status, sub_status)).map(|(_, meaning, _)| *meaning)
}

/// Returns the remedy for a status and substatus, or for the status alone if the substatus is not in the table.
pub(super) fn remedy(status: u16, sub_status: u16) -> &'static str {
    let exact = TABLE.iter().find(|(code, _, _)| *code == (status, sub_status));
    let any = || TABLE.iter().find(|((of, _), _, _)| *of == status);
    exact
        .or_else(any)
        .map_or("look for the code in the documentation of the web server", |(_, _, remedy)| *remedy)
}

const TABLE: [((u16, u16), &str, &str); 20] = [
    (
        (400, 0),
        "the request cannot be read",
        "capture the body of one request and read it with `ucupdate inspect`",
    ),
    ((401, 1), "the user name or the password is wrong", "check the account that is signed in on the phone"),
    (
        (401, 2),
        "the server offers no way to sign in that the phone knows",
        "enable NTLM for the external path, and do not require a client certificate",
    ),
    ((401, 3), "the account may not read the file", "let authenticated users read the folder with the files"),
    ((403, 1), "the folder may not be executed", "allow scripts in the folder of the handler"),
    ((403, 4), "the path requires TLS", "let phones ask without TLS, or send them the https address"),
    (
        (403, 6),
        "the address of the phone is refused",
        "add the network of the phones to the allowed addresses",
    ),
    ((403, 7), "the path requires a client certificate", "do not require a client certificate on this path"),
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
    ((404, 8), "the path is hidden by request filtering", "allow the path in request filtering"),
    ((404, 13), "the body is larger than allowed", "raise the maximum size of a request"),
    (
        (405, 0),
        "no handler takes a POST at this path",
        "map the path to the request handler, not to a folder with files",
    ),
    (
        (500, 19),
        "the configuration of the folder cannot be read",
        "let the account of the web server read the folder with the files: on a file share, the share and the folder",
    ),
    ((500, 0), "the server failed", "look into the event log of the server"),
    (
        (502, 0),
        "the proxy got no answer from the server",
        "check the connection from the proxy to the server",
    ),
    (
        (503, 0),
        "the server does not accept requests",
        "start the application pool, and look for the reason why it stopped",
    ),
    (
        (504, 0),
        "the proxy waited too long for the server",
        "raise the timeout of the proxy: an image takes minutes",
    ),
];
