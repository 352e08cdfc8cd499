//! Tests the exit codes of every verb: done, refused, not understood, not found, and wrong call.

use crate::place::{ABSENT, CX700, IP8540, Place, package};
use crate::store::packages::one_bad_file;

/// An exit code, and what it means in a row of the table.
type Outcome = (i32, &'static str);

const DONE: Outcome = (0, "done");
const REFUSED: Outcome = (1, "refused");
const NOT_UNDERSTOOD: Outcome = (1, "not understood");
const WRONG_CALL: Outcome = (2, "wrong call");
const NOT_FOUND: Outcome = (3, "not found");

fn place() -> Place {
    let place = Place::with_package();
    place.file("other.cab", &package(IP8540, "3.5.6907.0", b"other bytes"));
    place.file("noise", b"this is neither a cabinet nor a request nor a log\n");
    place.file("audit.log", include_bytes!("../../../../../vectors/RequestHandlerAuditLog_2009-03-06.log"));
    let request = include_bytes!("../../../../../vectors/canonical-request.xml");
    place.file(
        "followed.txt",
        &[&b"POST /RequestHandler/ucdevice.upx HTTP/1.1\r\n\r\n"[..], request].concat(),
    );
    place.file("request.xml", include_bytes!("../../../../../vectors/canonical-request.xml"));
    place.file("ucupdate.toml", b"author = 'ops'\n[serve]\nlisten = ['127.0.0.1:0']\n");
    place.file("unknown.txt", format!("1d approve {ABSENT}\n").as_bytes());
    place.file("damaged.cab", &one_bad_file());
    place.run(&["approve", IP8540]).done();
    place.run(&["--store", "file:images-only", "ingest", "uc.cab"]).done();
    std::fs::remove_dir_all(place.path("images-only/state")).unwrap();
    place
}

/// Calls in order, each with its exit code.
const ROWS: &[(Outcome, &str)] = &[
    // Lists of what is there.
    (DONE, "rules"),
    (DONE, "tree"),
    (DONE, "history"),
    (DONE, "history --since 2h --until 2036-12-01T08:00Z --last 1"),
    (DONE, "captures --since 3d"),
    (DONE, "status"),
    (DONE, "status --quick"),
    (DONE, "package list"),
    (DONE, "rules"),
    (DONE, "group list"),
    (DONE, "test-device list"),
    (DONE, "rollout list"),
    (DONE, "rollout status"),
    (DONE, "hold list"),
    (DONE, "pin list"),
    (DONE, "ban list"),
    (DONE, "alias list"),
    (DONE, "stone list"),
    (DONE, "policy list"),
    (DONE, "policy show $IP8540"),
    (DONE, "fleet"),
    (DONE, "fleet --audit audit.log --behind --state silent --sort last-asked"),
    (DONE, "report --html report.html"),
    (DONE, "loops"),
    (DONE, "interim list"),
    (DONE, "ingest --dry-run uc.cab"),
    (DONE, "policy deploy-at-ingest RoundTable yes"),
    (DONE, "device --audit audit.log -- 0021630F207B"),
    (DONE, "captures"),
    // Tokens of administrators.
    (NOT_FOUND, "token list --token-file tokens.json"),
    (NOT_FOUND, "token revoke ann --token-file tokens.json"),
    (DONE, "token add ann --role approver --token-file tokens.json"),
    (REFUSED, "token add ANN --role viewer --token-file tokens.json"),
    (WRONG_CALL, "token add bob --role king --token-file tokens.json"),
    (NOT_UNDERSTOOD, "token add bob --role viewer --token-file noise"),
    (NOT_FOUND, "token add bob --role viewer --token-file absent/tokens.json"),
    (DONE, "token list --token-file tokens.json"),
    (NOT_UNDERSTOOD, "token list --token-file noise"),
    (WRONG_CALL, "token list ann"),
    (DONE, "token revoke Ann --token-file tokens.json"),
    (NOT_FOUND, "token revoke ann --token-file tokens.json"),
    (NOT_UNDERSTOOD, "token revoke ann --token-file noise"),
    (WRONG_CALL, "token revoke"),
    (NOT_FOUND, "serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --token-file absent.json"),
    (WRONG_CALL, "serve --listen 127.0.0.1:0 --admin 127.0.0.1:0"),
    (WRONG_CALL, "serve --listen 127.0.0.1:0 --admin 0.0.0.0:0 --token-file tokens.json"),
    (DONE, "timeline"),
    (DONE, "timeline --audit audit.log --mac 0021630F207B"),
    (DONE, "verify"),
    (DONE, "doctor --quick"),
    (DONE, "client-filter check OCPhone/1.0.452.0 --allow 'OCPhone >= 1.0.199'"),
    (REFUSED, "client-filter check OCPhone/1.0.100.0 --block OCPhone"),
    (NOT_UNDERSTOOD, "client-filter check '(no client)'"),
    (WRONG_CALL, "client-filter check OCPhone/1.0 --allow 'OCPhone >= x'"),
    (DONE, "provisioning --internal-url http://a --domain contoso.com"),
    (WRONG_CALL, "provisioning --internal-url http://a --domain a..b"),
    (REFUSED, "doctor --quick --internal-url http://127.0.0.1:1"),
    (NOT_FOUND, "--store file:nowhere doctor"),
    (NOT_FOUND, "doctor --ca-cert nowhere.pem"),
    (NOT_UNDERSTOOD, "doctor --ca-cert noise"),
    (DONE, "gc --dry-run"),
    (DONE, "diff --from 0"),
    (DONE, "inspect request.xml"),
    (DONE, "inspect followed.txt"),
    (DONE, "explain request.xml"),
    (DONE, "explain --device UCPhone/LG-Nortel/IP8540/A/ENU --installed 1.0.522.103"),
    (DONE, "plan request.xml"),
    (DONE, "version 1.0.522.98 1.0.522.103"),
    (DONE, "version --scheme numeric 3.0.0.459.1 3.0.0.500.9"),
    (DONE, "simulate --devices 5 --days 1"),
    (DONE, "package show uc.cab"),
    (DONE, "package extract uc.cab --to folder"),
    (DONE, "package build folder new.cab"),
    (DONE, "sample things"),
    (
        DONE,
        "ask --print-request --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    (DONE, "demo"),
    // Settings and what a shell needs.
    (DONE, "config check"),
    (DONE, "config check ucupdate.toml"),
    (DONE, "--config ucupdate.toml rules"),
    (NOT_FOUND, "config check absent.toml"),
    (NOT_FOUND, "--config absent.toml rules"),
    (NOT_UNDERSTOOD, "config check noise"),
    (NOT_UNDERSTOOD, "--config noise rules"),
    (DONE, "config example"),
    (DONE, "completions bash"),
    (DONE, "completions zsh"),
    (DONE, "completions fish"),
    (DONE, "completions powershell"),
    (WRONG_CALL, "completions cmd"),
    (DONE, "man man-pages"),
    (REFUSED, "man noise"),
    (DONE, "ingest uc.cab"),
    (DONE, "export file:copy"),
    (DONE, "import file:copy"),
    (DONE, "--store file:taken-over import-ocs folder --dry-run"),
    (DONE, "--store file:taken-over import-ocs folder"),
    (REFUSED, "--store file:taken-over import-ocs folder"),
    (NOT_UNDERSTOOD, "import-ocs folder --rules noise"),
    (NOT_FOUND, "import-ocs nowhere"),
    (DONE, "--store file:images-only rebuild"),
    // Refused by the state of the rule book, before changes.
    (REFUSED, "report --html audit.log"),
    (REFUSED, "approve $IP8540"),
    (REFUSED, "reject $IP8540"),
    (DONE, "unreject $IP8540 3.5.6907.0"),
    (REFUSED, "reject $IP8540 3.5.6907.0"),
    (DONE, "approve $IP8540 3.5.6907.0"),
    (DONE, "approve $IP8540 --expect 3.5.6907.0"),
    (DONE, "rollback $IP8540 --expect 3.5.6907.0"),
    (REFUSED, "rollback $IP8540"),
    (REFUSED, "rollback $IP8540 --expect 1.0"),
    (REFUSED, "ingest other.cab"),
    (REFUSED, "ingest --dry-run other.cab"),
    (REFUSED, "interim approve ENU"),
    (REFUSED, "interim reject ENU"),
    (NOT_FOUND, "interim reject DEU"),
    (REFUSED, "stone set ocs-interim --by 1.0"),
    (DONE, "stone narrow ocs-interim"),
    (REFUSED, "rebuild"),
    (DONE, "rollout restart"),
    (DONE, "rollout restart --approve"),
    (REFUSED, "stone add s --device-type UCPhone --below 2.0 --by 1.0"),
    (REFUSED, "package extract uc.cab --to noise"),
    (REFUSED, "package build folder new.cab"),
    (REFUSED, "package show damaged.cab"),
    (REFUSED, "sample things"),
    (REFUSED, "simulate"),
    (REFUSED, "import file:images-only"),
    (REFUSED, "export file:images-only"),
    (REFUSED, "serve --listen 203.0.113.1:9 --internal-url http://a --external-url http://a"),
    (
        REFUSED,
        "storm --url http://127.0.0.1:1 --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU --devices 1",
    ),
    (
        REFUSED,
        "ask --url http://127.0.0.1:1 --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    (REFUSED, "policy set $IP8540 --window 'daily 22:00-05:00 Europe/Atlantis'"),
    // Changes of every kind, and what is refused after them.
    (DONE, "test-device add lab --serial 1"),
    (DONE, "test-device add lab --serial 1"),
    (REFUSED, "test-device add lab --serial 2"),
    (DONE, "test-device remove lab"),
    (DONE, "group add pilots"),
    (DONE, "group show pilots"),
    (DONE, "group add pilots"),
    (DONE, "group add-member pilots --serial 1"),
    (DONE, "group add-member pilots --serial 1"),
    (REFUSED, "group add pilots --vendor A"),
    (DONE, "group add inside --side internal"),
    (REFUSED, "group add-member inside --serial 1"),
    (REFUSED, "group remove-member inside --serial 1"),
    (DONE, "group remove-member pilots --serial 1"),
    (DONE, "hold add fair --group pilots"),
    (DONE, "hold add fair --group pilots"),
    (REFUSED, "hold add fair --serial 1"),
    (REFUSED, "group remove pilots"),
    (DONE, "hold remove fair"),
    (DONE, "group remove pilots"),
    (DONE, "pin set $IP8540 3.5.6907.0 --serial 1"),
    (DONE, "pin set $IP8540 3.5.6907.0 --serial 1"),
    (DONE, "pin remove $IP8540 --serial 1"),
    (DONE, "rollout start $IP8540 3.5.6907.0 --name wave --percent 10"),
    (DONE, "rollout start $IP8540 3.5.6907.0 --name wave --percent 10"),
    (REFUSED, "rollout start $IP8540 3.5.6907.0 --name wave --percent 11"),
    (DONE, "rollout percent $IP8540 wave 20"),
    (DONE, "rollout edit $IP8540 wave --percent 20"),
    (NOT_FOUND, "rollout edit $IP8540 absent --percent 20"),
    (DONE, "rollout percent $IP8540 wave 20"),
    (DONE, "rollout resume $IP8540 wave"),
    (DONE, "rollout pause $IP8540 wave"),
    (DONE, "rollout pause $IP8540 wave"),
    (REFUSED, "rollout finish $IP8540 wave"),
    (DONE, "rollout resume $IP8540 wave"),
    (DONE, "rollout stop $IP8540 wave"),
    (DONE, "rollout start $IP8540 3.5.6907.0 --name wave --percent 10"),
    (DONE, "rollout finish $IP8540 wave"),
    (DONE, "rollout kill"),
    (DONE, "rollout kill"),
    (REFUSED, "rollout restart --approve"),
    (DONE, "rollout restart"),
    (DONE, "rollout restart"),
    (DONE, "ban add UCPhone/HP 1.0 --reason 'it hangs'"),
    (DONE, "ban add UCPhone/HP 1.0 --reason 'it hangs'"),
    (DONE, "ban lift UCPhone/HP 1.0"),
    (DONE, "ban add $IP8540 3.5.6907.0 --reason 'it hangs'"),
    (REFUSED, "pin set $IP8540 3.5.6907.0 --serial 1"),
    (DONE, "ban lift $IP8540 3.5.6907.0"),
    (DONE, "alias set model 'IP 8540' --stands-for IP8540"),
    (REFUSED, "alias set model A --stands-for A"),
    (DONE, "alias set model 'IP 8540' --stands-for IP8540"),
    (DONE, "alias remove model 'IP 8540'"),
    (DONE, "policy set $IP8540 --offer newer"),
    (DONE, "policy set $IP8540 --offer newer"),
    (DONE, "policy set UCPhone/HP --scheme numeric"),
    (DONE, "policy set UCPhone/HP --scheme numeric"),
    (DONE, "policy remove UCPhone/HP"),
    (
        DONE,
        "stone add first --device-type UCPhone --vendor LG-Nortel --model IP8540 --below 1.0.1 --by 1.0.522.103 --image interim",
    ),
    (
        DONE,
        "stone add first --device-type UCPhone --vendor LG-Nortel --model IP8540 --below 1.0.1 --by 1.0.522.103 --image interim",
    ),
    (DONE, "stone set first --below 1.0.1"),
    (DONE, "stone remove first"),
    (DONE, "reject $CX700 3.5.6907.9"),
    (DONE, "reject $CX700 3.5.6907.9"),
    (DONE, "unreject $CX700 3.5.6907.9"),
    (DONE, "unreject $CX700 3.5.6907.9"),
    (DONE, "approve $CX700"),
    (DONE, "rollback $CX700 --to-nothing"),
    (DONE, "rollback $CX700 --to-nothing"),
    (DONE, "rollback --to 2"),
    (DONE, "remove $CX700"),
    (DONE, "gc"),
    // Nothing understood.
    (NOT_UNDERSTOOD, "inspect noise"),
    (NOT_UNDERSTOOD, "explain noise"),
    (NOT_UNDERSTOOD, "plan noise"),
    (NOT_UNDERSTOOD, "ingest noise"),
    (NOT_UNDERSTOOD, "package show noise"),
    (NOT_UNDERSTOOD, "package extract noise --to out"),
    (NOT_UNDERSTOOD, "fleet --audit noise"),
    (NOT_UNDERSTOOD, "loops --audit noise"),
    (NOT_UNDERSTOOD, "report --html page.html --audit noise"),
    (NOT_UNDERSTOOD, "device 0021630F207B --audit noise"),
    (NOT_UNDERSTOOD, "timeline --access noise"),
    (NOT_UNDERSTOOD, "timeline --audit audit.log noise --mac 0021630F207B"),
    (NOT_UNDERSTOOD, "diff --from 0 --devices noise"),
    (NOT_UNDERSTOOD, "simulate --audit noise"),
    (NOT_UNDERSTOOD, "simulate --devices 1 --timetable noise"),
    (NOT_UNDERSTOOD, "version 4.1b"),
    (NOT_UNDERSTOOD, "version 1.0 4.1b"),
    (NOT_UNDERSTOOD, "explain --replay noise"),
    (NOT_UNDERSTOOD, "serve --listen 127.0.0.1:0 --dialect noise"),
    (
        NOT_UNDERSTOOD,
        "storm --url http://127.0.0.1:1 --dialect noise --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    (
        NOT_UNDERSTOOD,
        "ask --print-request --dialect noise --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    // Nothing found.
    (NOT_FOUND, "approve $ABSENT"),
    (NOT_FOUND, "approve $IP8540 9.9.9.9"),
    (NOT_FOUND, "approve --all-of 0123456789ab"),
    (NOT_FOUND, "reject $ABSENT"),
    (NOT_FOUND, "reject $IP8540 9.9.9.9"),
    (NOT_FOUND, "unreject $IP8540 9.9.9.9"),
    (NOT_FOUND, "rollback $ABSENT"),
    (NOT_FOUND, "rollback --to 999"),
    (NOT_FOUND, "remove $ABSENT"),
    (NOT_FOUND, "policy show $ABSENT"),
    (NOT_FOUND, "policy show UCPhone/*"),
    (NOT_FOUND, "policy set $ABSENT --offer newer"),
    (NOT_FOUND, "policy remove UCPhone/*"),
    (NOT_FOUND, "group show absent"),
    (NOT_FOUND, "group remove absent"),
    (NOT_FOUND, "group add-member absent --serial 1"),
    (NOT_FOUND, "group remove-member absent --serial 1"),
    (NOT_FOUND, "hold add x --group absent"),
    (NOT_FOUND, "hold remove absent"),
    (NOT_FOUND, "ban lift UCPhone 1.0"),
    (NOT_FOUND, "ban lift $IP8540 9.9"),
    (NOT_FOUND, "alias remove model absent"),
    (NOT_FOUND, "stone remove absent"),
    (NOT_FOUND, "stone narrow absent"),
    (NOT_FOUND, "stone set absent --by 1.0"),
    (NOT_FOUND, "interim approve ENU 9.9"),
    (NOT_FOUND, "ingest --dry-run absent.cab"),
    (NOT_FOUND, "stone add s --device-type UCPhone --below 2.0 --by 9.9"),
    (NOT_FOUND, "unreject $ABSENT 1.0"),
    (NOT_FOUND, "test-device remove absent"),
    (NOT_FOUND, "pin set $IP8540 9.9.9.9 --serial 1"),
    (NOT_FOUND, "pin remove $IP8540 --serial 1"),
    (NOT_FOUND, "rollout start $IP8540 9.9.9.9 --percent 10"),
    (NOT_FOUND, "rollout status absent"),
    (NOT_FOUND, "rollout pause $IP8540 absent"),
    (NOT_FOUND, "rollout resume $IP8540 absent"),
    (NOT_FOUND, "rollout finish $IP8540 absent"),
    (NOT_FOUND, "rollout stop $IP8540 absent"),
    (NOT_FOUND, "rollout percent $IP8540 absent 10"),
    (NOT_FOUND, "rollout kill $ABSENT"),
    (NOT_FOUND, "rollout restart $ABSENT"),
    (NOT_FOUND, "diff --from 999"),
    (NOT_FOUND, "explain request.xml --revision 999"),
    (NOT_FOUND, "ingest absent.cab"),
    (NOT_FOUND, "inspect absent.xml"),
    (NOT_FOUND, "plan absent.xml"),
    (NOT_FOUND, "package show absent.cab"),
    (NOT_FOUND, "package extract absent.cab --to out"),
    (NOT_FOUND, "package build absent out.cab"),
    (NOT_FOUND, "fleet --audit absent.log"),
    (NOT_FOUND, "report --html page.html --audit absent.log"),
    (NOT_FOUND, "fleet --group absent"),
    (NOT_FOUND, "fleet --audit absent/*.log"),
    (NOT_FOUND, "loops --audit absent.log"),
    (NOT_FOUND, "device 0004F2000176 --audit audit.log"),
    (NOT_FOUND, "timeline --access absent.log"),
    (NOT_FOUND, "timeline --audit audit.log --mac 0004F2000176"),
    (NOT_FOUND, "simulate --audit absent.log"),
    (NOT_FOUND, "simulate --devices 1 --timetable unknown.txt"),
    (NOT_FOUND, "import absent"),
    (
        NOT_FOUND,
        "storm --url http://127.0.0.1:1 --ca-cert absent.pem --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    (
        NOT_FOUND,
        "ask --url http://127.0.0.1:1 --ca-cert absent.pem --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    // What is undone, and what is not.
    (DONE, "test-device add undone --serial 77 --author zoe"),
    (DONE, "undo --author zoe --dry-run"),
    (WRONG_CALL, "undo --author zoe"),
    (DONE, "undo --author zoe --yes"),
    (DONE, "policy deploy-at-ingest Other yes --author zoe"),
    (DONE, "test-device add later --serial 78 --author yan"),
    (REFUSED, "undo --author zoe --yes"),
    (NOT_FOUND, "undo --author xaver --yes"),
    // Wrong calls beside an unknown option, which every verb is tried with.
    (WRONG_CALL, "approve"),
    (NOT_FOUND, "approve 1.0"),
    (WRONG_CALL, "rollback"),
    (WRONG_CALL, "inspect"),
    (WRONG_CALL, "version"),
    (WRONG_CALL, "explain"),
    (WRONG_CALL, "group show"),
    (WRONG_CALL, "policy set UCPhone/* --offer newer --scheme numeric"),
    (NOT_FOUND, "policy set UCPhone/HP/* --offer newer"),
    (DONE, "policy set UCPhone/* --unreadable yes"),
    (WRONG_CALL, "rollout"),
    (WRONG_CALL, "rollout status a b"),
    (WRONG_CALL, "interim approve"),
    (WRONG_CALL, "stone set ocs-interim"),
    (WRONG_CALL, "timeline --mac 0021630F207B --host 10.1.1.123"),
    (WRONG_CALL, "rollout start $IP8540 3.5.6907.0"),
    (WRONG_CALL, "serve --listen 203.0.113.1:9"),
    (
        WRONG_CALL,
        "ask --url ftp://a --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    (
        WRONG_CALL,
        "storm --url http://192.0.2.1 --device-type UCPhone --vendor A --model B --hardware-revision A --locale ENU",
    ),
    (WRONG_CALL, "fleet --keep --since 1d"),
    (WRONG_CALL, "fleet --since 1d --until 2d"),
    (WRONG_CALL, "history --since 1d --until 1d"),
    (WRONG_CALL, "report"),
    (WRONG_CALL, "fly"),
];

/// The verbs that open a store first. Each returns "not found" if there is no store.
const ON_A_STORE: &str = "rules, status, package list, undo --yes, tree, history, captures, interim list, interim reject ENU, policy deploy-at-ingest \
     RoundTable yes, fleet, report --html page.html, loops, verify, gc, export file:x, rebuild, \
     group list, test-device list, rollout list, rollout status, hold list, pin list, ban list, alias \
     list, stone list, policy list, serve --listen 127.0.0.1:0, test-device add a --serial 1, group \
     add a, alias set model A --stands-for B, ban add UCPhone 1.0 --reason a, diff --from 0";

/// The exit codes that a verb cannot return, with the reasons.
const NEVER: &[(Outcome, &str, &str)] = &[
    (
        REFUSED,
        "it only reads, and an empty list is a result; only a failure of the system refuses it",
        "rules, status, package list, tree, history, fleet, loops, timeline, device, captures, token list, group list, \
         group show, test-device list, rollout list, rollout status, hold list, pin list, ban list, \
         alias list, stone list, policy list, policy show, diff, inspect, explain, plan, version",
    ),
    (
        REFUSED,
        "a missing or damaged file of a store refuses it, which tests/it/rules/ways.rs shows",
        "verify",
    ),
    (REFUSED, "garbage that changes meanwhile is left alone", "gc"),
    (REFUSED, "its own store and server are made for it", "demo"),
    (
        REFUSED,
        "a stone whose devices no package names refuses it, which tests/it/rules/interim.rs shows",
        "stone narrow",
    ),
    (
        REFUSED,
        "what exists already is no failure",
        "unreject, rollout pause, rollout resume, rollout kill, ban add",
    ),
    (
        REFUSED,
        "what is named is there or not found",
        "remove, token revoke, test-device remove, hold remove, alias remove, ban lift, stone remove, \
         pin remove, policy remove, rollout percent, rollout edit, rollout stop",
    ),
    (
        NOT_UNDERSTOOD,
        "it reads no foreign input, only the store and its own arguments",
        "status, undo, package list, rollout edit, captures, rules, tree, history, approve, reject, unreject, rollback, remove, gc, verify, \
         export, import, rebuild, test-device list, test-device add, test-device remove, group list, \
         group show, group add, group remove, group remove-member, group add-member, rollout list, \
         rollout status, rollout start, rollout percent, rollout pause, rollout resume, rollout \
         finish, rollout stop, rollout kill, rollout restart, hold list, hold add, hold remove, pin \
         list, pin set, pin remove, ban list, ban add, ban lift, alias list, alias set, alias remove, \
         policy list, policy show, policy set, policy remove, stone list, stone add, stone remove, \
         demo, sample",
    ),
    (NOT_UNDERSTOOD, "a folder that is no package is refused, as a package would be", "package build"),
    (
        NOT_FOUND,
        "it needs nothing that could be missing",
        "demo, sample, version, client-filter check, provisioning",
    ),
    (REFUSED, "it only reads a file and variables", "config check"),
    (REFUSED, "it prints what the program contains", "config example, completions"),
    (NOT_FOUND, "it needs nothing that could be missing", "config example, completions, man"),
    (NOT_UNDERSTOOD, "it reads only its own arguments", "config example, completions, man"),
    (REFUSED, "it prints what is known of the field", "provisioning"),
    (NOT_UNDERSTOOD, "it reads only its own arguments", "provisioning"),
    (
        DONE,
        "the tests of interim images and of stones show it, in stores that have a pending image or a wide stone",
        "interim approve, interim reject",
    ),
    (
        REFUSED,
        "it only reads, or what is set already stays as it is",
        "interim list, policy deploy-at-ingest",
    ),
    (
        NOT_UNDERSTOOD,
        "it reads only the store and its own arguments",
        "interim list, interim approve, interim reject, stone set, stone narrow, policy deploy-at-ingest",
    ),
    (DONE, "it needs a server, with which tests/it/server/storming.rs runs it", "storm"),
    (DONE, "it runs until it is told to end, which tests/it/server/ending.rs shows", "serve"),
];

/// Returns the verbs that `ucupdate --help` and the help of each verb list.
fn verbs(place: &Place, above: &[&str]) -> Vec<String> {
    let help = place.run(&[above, &["--help"]].concat()).done();
    let listed = match (above, help.split_once("\nCommands:\n")) {
        // The verbs stand in groups, each under its heading.
        ([], _) => help.split("\nOptions of every verb:").next().unwrap(),
        (_, Some((_, listed))) => listed.split("\n\n").next().unwrap(),
        (_, None) => return vec![above.join(" ")],
    };
    let names = listed.lines().filter_map(|line| {
        let name =
            line.strip_prefix("  ").filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))?;
        name.split(' ').next().filter(|name| *name != "help")
    });
    names.flat_map(|name| verbs(place, &[above, &[name]].concat())).collect()
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn every_verb_ends_with_the_code_of_what_came_of_it() {
    let place = place();
    for (code, call) in ROWS {
        let ran = place.call(call);
        assert_eq!(ran.code, Some(code.0), "{call}: {ran:?}");
    }
    for call in ON_A_STORE.split(", ") {
        let ran = place.call(&format!("--store file:absent {call}"));
        assert_eq!(ran.code, Some(NOT_FOUND.0), "{call}: {ran:?}");
    }
}

/// Changes, each of which is asked for a second time. Some of them need the ones before.
const TWICE: &[&str] = &[
    "approve $IP8540 3.5.6907.0",
    "approve $CX700 --expect 3.5.6907.9",
    "interim approve ENU 1.0.522.103",
    "rollback $CX700 --to-nothing",
    "test-device add lab --serial 1",
    "group add pilots",
    "group add-member pilots --serial 1",
    "hold add fair --group pilots --until 2999-01-01 --reason 'a fair'",
    "pin set $IP8540 3.5.6907.0 --serial 1",
    "rollout start $CX700 3.5.6907.9 --name ramp --ramp 10%@0d,100%@7d",
    "rollout percent $CX700 ramp 20",
    "rollout pause $CX700 ramp --reason 'it is late'",
    "rollout resume $CX700 ramp",
    "rollout kill --reason 'phones ring'",
    "rollout restart",
    "rollout restart --approve --author bob",
    "ban add UCPhone/HP 1.0 --reason 'it hangs'",
    "alias set model 'IP 8540' --stands-for IP8540",
    "policy set $IP8540 --offer newer",
    "policy set UCPhone/HP --scheme numeric",
    "policy deploy-at-ingest UCPhone yes",
    "stone set ocs-interim --below 1.0.522.90",
    "stone add s --device-type UCPhone --model CX700 --below 3.0 --by 3.5.6907.9",
];

#[test]
#[ignore = "slow; .ci/run runs it"]
fn what_is_there_already_is_done_and_said_to_be_nothing_to_do() {
    let place = Place::with_package();
    for call in TWICE {
        place.call(call).done();
        let tried = place.call(&format!("{call} --dry-run"));
        let again = place.call(call);
        assert_eq!(again.code, Some(DONE.0), "{call}: {again:?}");
        assert!(again.stdout.starts_with("nothing to do"), "{call}: {again:?}");
        if tried.code != Some(WRONG_CALL.0) {
            assert_eq!(tried.code, Some(DONE.0), "{call}: {tried:?}");
        }
        let json = place.call(&format!("{call} --json")).json();
        assert_eq!((&json["changed"], &json["revision"]), (&false.into(), &().into()), "{call}: {json}");
    }
    let kept = place.run(&["ban", "add", "UCPhone/HP", "1.0", "--reason", "another"]).done();
    assert_eq!(kept, "nothing to do: UCPhone/HP/*/*/*/* 1.0 is banned already (it hangs)\n");
    let changed = place.run(&["ban", "lift", "UCPhone/HP", "1.0", "--json"]).json();
    assert_eq!(changed["changed"], true, "{changed}");
}

#[test]
fn a_name_that_is_taken_by_something_else_is_refused() {
    let place = Place::with_package();
    place.run(&["hold", "add", "fair", "--serial", "1"]).done();
    place.run(&["hold", "add", "fair", "--serial", "1", "--until", "2999-01-01"]).refused();
    place.run(&["rollout", "start", CX700, "3.5.6907.9", "--name", "wave", "--percent", "10"]).done();
    place.run(&["rollout", "start", CX700, "3.5.6907.9", "--name", "wave", "--percent", "11"]).refused();
    place.run(&["rollout", "pause", CX700, "wave"]).done();
    place.run(&["rollout", "start", CX700, "3.5.6907.9", "--name", "wave", "--percent", "10"]).refused();
    let pending = place.run(&["reject", CX700, "3.5.6907.8"]);
    assert_eq!(pending.code, Some(NOT_FOUND.0), "{pending:?}");
    assert_eq!(
        place.run(&["reject", CX700, "3.5.6907.9"]).done(),
        format!("{CX700}: 3.5.6907.9 is rejected\n"),
        "a paused rollout offers nothing"
    );
}

#[test]
#[ignore = "slow; .ci/run runs it"]
fn every_verb_has_a_row_for_every_code_or_a_reason_why_it_cannot_end_so() {
    let place = Place::new();
    let verbs = verbs(&place, &[]);
    assert!(verbs.len() > 60, "{verbs:?}");
    let calls = |verb: &str, call: &str| {
        let call = call.strip_prefix("--store ").map_or(call, |rest| rest.split_once(' ').unwrap().1);
        format!("{call} ").starts_with(&format!("{verb} "))
    };
    let mut missing = Vec::new();
    for verb in &verbs {
        let words: Vec<&str> = verb.split(' ').collect();
        let ran = place.run(&[&words[..], &["--no-such-option"]].concat());
        assert_eq!(ran.code, Some(WRONG_CALL.0), "{verb}: {ran:?}");
        for code in [DONE, REFUSED, NOT_UNDERSTOOD, NOT_FOUND] {
            let is_row = ROWS.iter().any(|(of, call)| *of == code && calls(verb, call));
            let is_on_a_store = code == NOT_FOUND && ON_A_STORE.split(", ").any(|call| calls(verb, call));
            let is_never =
                NEVER.iter().any(|(of, _, verbs)| *of == code && verbs.split(", ").any(|of| of == verb));
            if !(is_row || is_on_a_store || is_never) {
                missing.push(format!("{verb}: {}", code.1));
            }
            assert!(!(is_row && is_never), "{verb} ends with {code:?} in a row, and is said never to");
        }
    }
    assert!(missing.is_empty(), "no row and no reason: {missing:?}");
    for (_, _, named) in NEVER {
        assert!(named.split(", ").all(|verb| verbs.iter().any(|known| known == verb)), "{named}");
    }
}

#[test]
fn a_failure_under_json_is_one_object_and_the_last_line() {
    let place = place();
    for (args, kind) in [
        (&["approve", IP8540, "--json"][..], "refused"),
        (&["approve", ABSENT, "--json"], "not-found"),
        (&["inspect", "noise", "--json"], "not-understood"),
        (&["ingest", "noise", "--json"], "not-understood"),
        (&["approve", "--json"], "usage"),
        (&["--json", "fly"], "usage"),
    ] {
        let ran = place.run(args);
        let last = ran.stderr.lines().last().unwrap_or_default();
        let failure: serde_json::Value =
            serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {args:?}: {ran:?}"));
        assert_eq!((&failure["format"], &failure["error"]["kind"]), (&1.into(), &kind.into()), "{args:?}");
        assert!(failure["error"]["text"].is_string(), "{args:?}");
    }
}

#[test]
fn a_change_is_an_object_with_its_rule_and_the_values_before_and_after() {
    let place = Place::with_package();
    let approved = place.run(&["approve", IP8540, "--json"]).json();
    let change = serde_json::json!({
        "kind": "approved", "rule": IP8540, "name": null, "from": null, "to": "3.5.6907.0",
    });
    let interim = serde_json::json!({
        "kind": "interim-approved", "rule": IP8540, "name": "ENU", "from": null, "to": "1.0.522.103",
    });
    assert_eq!(approved["changes"], serde_json::json!([change, interim]));
    let set = place.run(&["policy", "set", IP8540, "--offer", "newer", "--json"]).json();
    let change = &set["changes"][0];
    assert_eq!((&change["kind"], &change["name"]), (&"policy-changed".into(), &"offer".into()));
    assert_eq!((&change["from"], &change["to"]), (&"different".into(), &"newer".into()));
}

#[test]
fn a_rule_is_rolled_back_to_nothing_only_where_that_is_said() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    let refused = place.run(&["rollback", IP8540]).refused();
    let why =
        "no version earlier than 3.5.6907.0 is kept, so nothing would be offered; --to-nothing does that";
    assert!(refused.contains(why), "{refused}");
    let report = place.run(&["rollback", IP8540, "--to-nothing"]).done();
    assert!(report.contains("rolled back from 3.5.6907.0 to nothing: nothing is offered"), "{report}");
    let again = place.run(&["approve", IP8540, "3.5.6907.0"]).done();
    assert_eq!(again, format!("{IP8540}: 3.5.6907.0 is approved\n"));
}

#[test]
fn an_approval_or_roll_back_of_another_version_than_expected_is_refused() {
    let place = Place::with_package();
    let refused = place.run(&["approve", IP8540, "--expect", "4.0"]).refused();
    assert_eq!(refused, format!("{IP8540}: 3.5.6907.0 is pending, expected 4.0"));
    place.run(&["approve", IP8540, "--expect", "3.5.6907"]).done();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"new"));
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    let refused = place.run(&["rollback", IP8540, "--expect", "3.0"]).refused();
    assert_eq!(refused, format!("{IP8540}: 3.5.6907.0 is kept for roll back, expected 3.0"));
    place.run(&["rollback", IP8540, "--expect", "3.5.6907.0"]).done();
}

#[test]
fn a_roll_back_under_a_policy_of_newer_versions_says_that_no_device_moves() {
    let place = Place::with_package();
    place.run(&["approve", IP8540]).done();
    place.file("new.cab", &package(IP8540, "4.0.7577.0", b"new"));
    place.run(&["ingest", "new.cab"]).done();
    place.run(&["approve", IP8540]).done();
    place.run(&["policy", "set", IP8540, "--offer", "newer"]).done();
    let report = place.run(&["rollback", IP8540]).done();
    assert!(report.contains("devices that have 4.0.7577.0 keep it"), "{report}");
}
