//! Replays the corpora of the fuzz targets on a stable toolchain. An input that once broke a law must not break it
//! again.

#![allow(clippy::unwrap_used, reason = "a corpus that cannot be read has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A law of a fuzz target. It panics if the law does not hold for the input.
type Law = fn(&[u8]);

const LAWS: [(&str, Law); 19] = [
    ("access_row", ucupdate_audit::laws::access_row),
    ("any_log", ucupdate_audit::laws::any_log),
    ("audit_row", ucupdate_audit::laws::audit_row),
    ("cabinet", ucupdate_cab::laws::cabinet),
    ("catalogue", ucupdate_cab::package::laws::catalogue),
    ("checkpoint", ucupdate::laws::checkpoint),
    ("decide", ucupdate_core::laws::decision),
    ("dialect", ucupdate_upx::laws::dialect),
    ("manifest", ucupdate_cab::package::laws::manifest),
    ("package", ucupdate_cab::package::laws::package),
    ("revision", ucupdate::laws::revision),
    ("rolling_log", ucupdate_audit::laws::rolling_log),
    ("rule_text", ucupdate_core::laws::rule_text),
    ("store_key", ucupdate_store::laws::store_key),
    ("trace_record", ucupdate::laws::trace_record),
    ("upx_request", ucupdate_upx::laws::request),
    ("upx_response", ucupdate_upx::laws::response),
    ("version", ucupdate_core::laws::version),
    ("xml", ucupdate_xml::laws::document),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Returns the names of the files in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
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
}

#[test]
fn every_input_of_the_corpora_keeps_its_law() {
    for (target, law) in LAWS {
        let folder = fuzz().join("corpus").join(target);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "the corpus of {target} is empty");
        for input in inputs {
            law(&std::fs::read(folder.join(&input)).unwrap());
        }
    }
}
