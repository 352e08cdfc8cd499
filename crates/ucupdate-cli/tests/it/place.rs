//! A folder in which the command runs, and the result of a run.

use crate::advice;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;
use ucupdate::book::RuleKey;
use ucupdate::value::FieldTime;
use ucupdate::version::ReportedVersion;
use ucupdate_cab::package::{NewRelease, PackageBuilder, sample};

pub(crate) const IP8540: &str = "UCPhone/LG-Nortel/IP8540/A/ENU/CPE";
pub(crate) const CX700: &str = "UCPhone/Polycom/CX700/A/ENU/CPE";
/// A rule that no store has.
pub(crate) const ABSENT: &str = "UCPhone/LG-Nortel/IP9999/A/ENU/CPE";

/// A temporary folder that is removed after the test.
pub(crate) struct Place {
    folder: TempDir,
}

#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Creates a place in which the package of two phones is ingested.
    pub(crate) fn with_package() -> Self {
        let place = Self::new();
        place.file("uc.cab", &sample::uc_updates(500));
        place.run(&["ingest", "uc.cab"]).done();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn secret_file(&self, name: &str, bytes: &[u8]) {
        self.file(name, bytes);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// Returns the command, run in this folder by the user `ann`.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ucupdate"));
        command.args(args).current_dir(self.folder.path()).env("USER", "ann");
        let others = std::env::vars_os().map(|(name, _)| name);
        others.filter(|name| name.to_string_lossy().starts_with("UCUPDATE_")).for_each(|name| {
            command.env_remove(name);
        });
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let ran = Ran::of(self.command(args).output().unwrap());
        advice::check(self, args, &ran);
        ran
    }

    /// Runs the command with the words of a line.
    #[track_caller]
    pub(crate) fn call(&self, line: &str) -> Ran {
        let words = words(line);
        self.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the output of a successful run. Panics after another result.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Returns the reason of a run that was refused, not found or not understood.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert!(matches!(self.code, Some(1 | 3)), "{self:?}");
        assert!(self.stderr.lines().all(|line| line.starts_with("ucupdate: ")), "{self:?}");
        self.stderr.lines().last().and_then(|line| line.strip_prefix("ucupdate: ")).unwrap().to_owned()
    }

    /// Returns the text of a failure under `--json`.
    #[track_caller]
    pub(crate) fn failure(&self) -> String {
        let line = self.stderr.lines().last().unwrap_or_default();
        let failure: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        failure["error"]["text"].as_str().unwrap().to_owned()
    }

    /// Returns the result as JSON of format 1.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(value["format"], 1);
        assert_eq!(self.stdout.lines().count(), 1);
        value
    }
}

/// Returns the words of a line: a part in quotes is one word, and `$IP8540`, `$CX700` and `$ABSENT` stand for the rules of
/// these names.
pub(crate) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => (quote, _) = (Some(c), word.get_or_insert_default()),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    for (name, rule) in [("$IP8540", IP8540), ("$CX700", CX700), ("$ABSENT", ABSENT)] {
        words.iter_mut().filter(|word| *word == name).for_each(|word| rule.clone_into(word));
    }
    words
}

/// Returns the modification time of images.
pub(crate) fn time() -> FieldTime {
    sample::time_stamp()
}

pub(crate) fn package(rule: &str, version: &str, image: &[u8]) -> Vec<u8> {
    let rule: RuleKey = rule.parse().unwrap();
    let release = NewRelease::new(rule, ReportedVersion::new(version), image, time());
    PackageBuilder::new().with_release(release).build().unwrap()
}

/// Returns the reason of a command that needs a store where none is.
pub(crate) fn no_store(place: &str) -> String {
    format!("no store at {place}: name one by --store or UCUPDATE_STORE, or make one by `ucupdate ingest`")
}
