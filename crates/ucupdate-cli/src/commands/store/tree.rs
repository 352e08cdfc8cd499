//! `ucupdate tree`: shows the served files in the folder structure of OCS.

use crate::context::{Context, IfMissing};
use crate::failure::Failure;
use crate::output::shown::Shown;
use serde_json::{Value, json};
use ucupdate::ServedFile;

#[derive(Debug, clap::Args)]
pub(crate) struct TreeArgs {}

/// Returns a line for each folder and file, indented by two blanks for each folder above it. Each file is a path and a remark. The
/// paths are sorted, ignoring case.
fn tree_text<'a>(files: impl Iterator<Item = (&'a str, String)>) -> String {
    let (mut lines, mut above) = (Vec::new(), Vec::<&str>::new());
    for (path, remark) in files {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folders: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let shared = above.iter().zip(&folders).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        for (depth, part) in folders.iter().enumerate().skip(shared) {
            lines.push(format!("{:1$}{2}/", "", depth * 2, Shown(part)));
        }
        lines.push(format!("{:1$}{2}  {remark}", "", folders.len() * 2, Shown(name)));
        above = folders;
    }
    if lines.is_empty() { "nothing is ingested".to_owned() } else { lines.join("\n") }
}

pub(crate) async fn run(_args: TreeArgs, context: &mut Context) -> Result<(), Failure> {
    let snapshot = context.administer(IfMissing::Refuse).await?.snapshot();
    let files: Vec<ServedFile> = snapshot.files().iter().collect();
    let value = |file: &ServedFile| {
        let ServedFile { path, size, sha256, package, .. } = file;
        json!({ "path": path, "size": size, "sha256": sha256, "package": package })
    };
    let values: Vec<Value> = files.iter().map(value).collect();
    let lines =
        files.iter().map(|file| (&*file.path, format!("{} bytes, package {}", file.size, file.package)));
    context.output.both(&json!({ "revision": snapshot.revision(), "files": values }), tree_text(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_once_and_files_stand_below_them() {
        let files = ["OCInterim/ENU/CPE.cat", "OCInterim/enu/CPE.nbt", "UCPhone/A/CPE.nbt", "z.txt"];
        let text = "OCInterim/\n  ENU/\n    CPE.cat  7 bytes\n    CPE.nbt  7 bytes\nUCPhone/\n  A/\n    CPE.nbt  7 bytes\n\
                    z.txt  7 bytes";
        assert_eq!(tree_text(files.into_iter().map(|path| (path, "7 bytes".to_owned()))), text);
        assert_eq!(tree_text(std::iter::empty()), "nothing is ingested");
    }
}
