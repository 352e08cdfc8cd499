//! The corpora of the fuzz targets, replayed on a stable toolchain: an input that once broke a law never breaks it again.
//!
//! With the variable `WRITE_FUZZ_FILES`, the tests of seeds and dictionaries write the files instead of comparing them.

#![allow(clippy::unwrap_used, reason = "a corpus that cannot be read has failed")]

mod dictionaries;
mod mutations;
mod seeds;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A law panics if it is broken.
type Law = fn(&[u8]);

/// Makes the table of laws by target, and two tests for each target. So the lines that one corpus reaches can be counted.
macro_rules! laws {
    ($($target:ident: $law:path,)*) => {
        const LAWS: &[(&str, Law)] = &[$((stringify!($target), $law)),*];

        mod every_input_keeps_its_law {
            $(#[test]
            fn $target() {
                super::replay(stringify!($target), $law);
            })*
        }

        mod damaged_inputs_keep_their_law {
            $(#[test]
            fn $target() {
                super::mutations::try_damage(stringify!($target), $law);
            })*
        }
    };
}

laws! {
    access_row: ucupdate_audit::laws::access_row,
    any_log: ucupdate_audit::laws::any_log,
    audit_cells: ucupdate_audit::laws::audit_cells,
    audit_row: ucupdate_audit::laws::audit_row,
    cabinet: ucupdate_cab::laws::cabinet,
    cabinet_peer: ucupdate_cab::laws::cabinet_peer,
    cabinet_set: ucupdate_cab::laws::cabinet_set,
    capture: ucupdate_cli::laws::capture,
    catalogue: ucupdate_cab::package::laws::catalogue,
    checkpoint: ucupdate::laws::checkpoint,
    client_response: ucupdate_client::laws::response,
    decide: ucupdate_core::laws::decision,
    dialect: ucupdate_upx::laws::dialect,
    forwarded: ucupdate_cli::laws::forwarded,
    http_request: ucupdate_http::laws::connection,
    log_name: ucupdate_audit::laws::log_name,
    manifest: ucupdate_cab::package::laws::manifest,
    member_list: ucupdate_cli::laws::member_list,
    package: ucupdate_cab::package::laws::package,
    part_note: ucupdate_client::laws::part_note,
    revision: ucupdate::laws::revision,
    rolling_log: ucupdate_audit::laws::rolling_log,
    rule_book: ucupdate::laws::rule_book,
    rule_text: ucupdate_core::laws::rule_text,
    store_key: ucupdate_store::laws::store_key,
    stored_capture: ucupdate::laws::stored_capture,
    suggestion: ucupdate_cli::laws::suggestion,
    trace_record: ucupdate::laws::trace_record,
    upx_request: ucupdate_upx::laws::request,
    upx_response: ucupdate_upx::laws::response,
    version: ucupdate_core::laws::version,
    w3c_log: ucupdate_audit::laws::w3c_log,
    xml: ucupdate_xml::laws::document,
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn replay(target: &str, law: Law) {
    let folder = fuzz().join("corpus").join(target);
    let inputs = names(&folder);
    assert!(!inputs.is_empty(), "the corpus of {target} is empty");
    for input in inputs {
        law(&std::fs::read(folder.join(&input)).unwrap());
    }
}

/// Compares a file with what code makes, or writes it.
fn check_file(path: &Path, expected: &[u8]) {
    if std::env::var_os("WRITE_FUZZ_FILES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not current; run `WRITE_FUZZ_FILES=1 cargo test -p ucupdate-testkit --test corpus`",
        path.display()
    );
}

#[test]
fn every_target_has_a_law_and_a_corpus() {
    let laws: BTreeSet<String> = LAWS.iter().map(|(target, _)| (*target).to_owned()).collect();
    let targets: BTreeSet<String> = names(&fuzz().join("fuzz_targets"))
        .iter()
        .map(|file| file.trim_end_matches(".rs").to_owned())
        .collect();
    assert_eq!(targets, laws);
    assert_eq!(names(&fuzz().join("corpus")), laws);
    let readme = std::fs::read_to_string(fuzz().join("README.md")).unwrap();
    for target in targets {
        assert!(readme.contains(&format!("`{target}`")), "fuzz/README.md does not name {target}");
    }
}
