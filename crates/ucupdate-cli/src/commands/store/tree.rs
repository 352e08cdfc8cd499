//! `ucupdate tree`: shows the served files in the folder structure of OCS.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde::Serialize;
use std::fmt;
use ucupdate::Snapshot;

#[derive(Debug, clap::Args)]
pub(crate) struct TreeArgs {}

#[derive(Debug, Serialize)]
struct Report {
    revision: u64,
    files: Vec<FileReport>,
}

#[derive(Debug, Serialize)]
struct FileReport {
    /// The path below the root of a URL, with `/` between its parts.
    path: String,
    size: u64,
    sha256: String,
    package: String,
}

impl Report {
    fn of(snapshot: &Snapshot) -> Self {
        let files = snapshot.files().iter().map(|file| FileReport {
            path: file.path.to_string(),
            size: file.size,
            sha256: file.sha256.to_string(),
            package: file.package.to_string(),
        });
        Self { revision: snapshot.revision(), files: files.collect() }
    }
}

impl fmt::Display for Report {
    /// Writes a line for each folder and file, indented by two blanks for each parent folder. Case
    /// is ignored when folder names are compared.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() {
            return f.write_str("nothing is ingested");
        }
        let mut above: Vec<&str> = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            let folders: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
            let shared = above.iter().zip(&folders).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
            for (depth, part) in folders.iter().enumerate().skip(shared) {
                let end = if index == 0 && depth == 0 { "" } else { "\n" };
                write!(f, "{end}{:1$}{2}/", "", depth * 2, Shown(part))?;
            }
            let end = if index == 0 && folders.is_empty() { "" } else { "\n" };
            let indent = folders.len() * 2;
            write!(f, "{end}{:indent$}{}  {} bytes, package {}", "", Shown(name), file.size, file.package)?;
            above = folders;
        }
        Ok(())
    }
}

pub(crate) async fn run(_args: TreeArgs, context: &mut Context) -> Result<(), Failure> {
    let service = context.administer(IfMissing::Refuse).await?;
    context.output.result(&Report::of(&service.snapshot()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_once_and_files_stand_below_them() {
        let file = |path: &str| FileReport {
            path: path.to_owned(),
            size: 7,
            sha256: String::new(),
            package: "abababababab".to_owned(),
        };
        let files = ["OCInterim/ENU/CPE.cat", "OCInterim/enu/CPE.nbt", "UCPhone/A/CPE.nbt", "z.txt"];
        let report = Report { revision: 1, files: files.map(file).into() };
        let text = "OCInterim/\n  ENU/\n    CPE.cat  7 bytes, package abababababab\n    CPE.nbt  7 bytes, package \
                    abababababab\nUCPhone/\n  A/\n    CPE.nbt  7 bytes, package abababababab\nz.txt  7 bytes, package \
                    abababababab";
        assert_eq!(report.to_string(), text);
        let empty = Report { revision: 0, files: Vec::new() };
        assert_eq!(empty.to_string(), "nothing is ingested");
    }
}
