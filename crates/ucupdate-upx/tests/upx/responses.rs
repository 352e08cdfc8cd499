//! Tests which bodies are read as a response, and which are refused.

use crate::{asking, response_refused};
use ucupdate_upx::Codec;

fn offering(count: &str, modules: &str) -> String {
    format!("<Response><NumOfFiles>{count}</NumOfFiles><Modules>{modules}</Modules></Response>")
}

const MODULE: &str =
    "<Module><FileName>CPE.nbt</FileName><SignatureFileName>CPE.cat</SignatureFileName></Module>";

#[track_caller]
fn refused(body: &str, message: &str) {
    assert_eq!(response_refused(body).to_string(), message);
}

#[test]
fn a_module_needs_two_safe_file_names_and_keeps_its_urls_as_sent() {
    let body = offering(" 1 ", &MODULE.replace("</Module>", "<BaseURL>http://a/b/ </BaseURL></Module>"));
    let module = Codec::default().decode_response(body.as_bytes()).unwrap().value.modules.remove(0);
    assert_eq!((&*module.base_url, &*module.external_base_url), ("http://a/b/ ", ""));
    for unsafe_name in ["..\\CPE.nbt", "../CPE.nbt", "boot/CPE.nbt", ".."] {
        let error = response_refused(&offering("1", &MODULE.replace("CPE.nbt", unsafe_name))).to_string();
        assert!(error.starts_with("response: FileName of module 1 at byte 53 "), "{error}");
    }
    refused(
        &offering("1", &MODULE.replace("CPE.cat", "")),
        "response: SignatureFileName of module 1 at byte 81 is blank",
    );
    refused(
        &offering("2", &format!("{MODULE}<Module FileName='NUL.nbt'/>")),
        "response: FileName of module 2 at byte 144 is reserved on Windows, expected another name; \
         SignatureFileName of module 2 at byte 136 is absent",
    );
    refused(
        &offering(
            "1",
            &MODULE.replace("<FileName>", "<Version>1.0</Version><Version>1.1</Version><FileName>"),
        ),
        "response: Version of module 1 at byte 53 is given twice",
    );
}

#[test]
fn the_count_is_the_number_of_modules() {
    refused(&offering("0", MODULE), "`NumOfFiles` at byte 10 is 0, expected 1, the number of modules");
    refused(&offering("2", MODULE), "`NumOfFiles` at byte 10 is 2, expected 1, the number of modules");
    refused(&offering("", MODULE), "response: NumOfFiles at byte 10 is blank");
    for count in ["+1", "-1", "one", "1.0", "99999999999"] {
        refused(&offering(count, MODULE), "response: NumOfFiles at byte 10 is not a number");
    }
    refused(&format!("<Response>{MODULE}</Response>"), "response: NumOfFiles is absent");
    refused(
        "<Response NumOfFiles='0'><NumOfFiles>0</NumOfFiles></Response>",
        "response: NumOfFiles at byte 10 is given twice",
    );
}

#[test]
fn a_body_that_is_not_a_response_is_never_nothing_to_do() {
    refused(&asking(""), "body with root `Request` is a request, expected a response");
    refused(
        &asking("").replace("Request>", "Ask>"),
        "body with root `Ask` has no item of the dialect, expected root `Response` with NumOfFiles",
    );
    refused(
        "<Response/>",
        "body with root `Response` has no item of the dialect, expected root `Response` with NumOfFiles",
    );
    refused(
        "<Response><NumOfFiles>0</NumOfFiles><File><FileName>a</FileName></File></Response>",
        "`FileName` at byte 42 is outside a module, expected it inside `Module`",
    );
}
