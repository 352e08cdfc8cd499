//! Writes numbered files without a store, and checks that each of them is whole.

use std::io::{self, Read as _, Write as _};
use ucupdate_folder::Folder;
use ucupdate_store::error_chain;

const FILES_OF_A_FOLDER: usize = 10;

fn path(number: usize) -> String {
    format!("{}/{number:06}", number / FILES_OF_A_FOLDER)
}

fn content(number: usize) -> Vec<u8> {
    format!("{number:06}\n").repeat(500).into_bytes()
}

/// The content of a file before it is replaced.
fn draft(number: usize) -> Vec<u8> {
    format!("draft of {number:06}\n").repeat(200).into_bytes()
}

/// Writes file number `number` in one of three ways. Each third file is created as a draft and then
/// replaced, like an export that replaces an older one. Of the other files, those with an even
/// number are created, like a new export. Those with an odd number are written with the ending
/// `.part` and then renamed, like a download.
pub(crate) fn write(folder: &Folder, number: usize) -> io::Result<()> {
    let path = path(number);
    let stage = |content: Vec<u8>| {
        let mut staged = folder.stage("")?;
        staged.write_all(&content)?;
        Ok::<_, io::Error>(staged)
    };
    if number.is_multiple_of(3) {
        // The draft exists if an earlier process was killed before it was replaced.
        if folder.find(&path)?.is_none() {
            stage(draft(number))?.create(&path)?;
        }
        return stage(content(number))?.replace(&path);
    }
    if number.is_multiple_of(2) {
        return stage(content(number))?.create(&path);
    }
    let part = format!("{path}.part");
    let mut file = folder.open_unstaged(&part)?;
    file.set_len(0)?;
    file.write_all(&content(number))?;
    file.sync_all()?;
    folder.rename(&part, &path)?;
    folder.sync(path.split('/').next().unwrap_or_default())
}

/// Returns the number of files in a folder. The last file does not count while it is a draft. Fails
/// if the files are not numbered from 0 without a gap, or if one is not whole.
pub(crate) fn in_order(folder: &Folder) -> Result<usize, String> {
    let mut found = Vec::new();
    let listed = folder.visit_files("", &mut |path| found.push(path.to_owned()));
    listed.map_err(|error| format!("listing the files: {}", error_chain(&error)))?;
    found.retain(|path| !path.ends_with(".part") && !path.ends_with(".partial"));
    for number in 0..found.len() {
        let path = path(number);
        let mut bytes = Vec::new();
        let read = folder.read(&path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(|error| format!("`{path}` of {} files: {}", found.len(), error_chain(&error)))?;
        if number + 1 == found.len() && number.is_multiple_of(3) && bytes == draft(number) {
            return Ok(number);
        }
        if bytes != content(number) {
            return Err(format!("`{path}` has {} bytes that are not its own", bytes.len()));
        }
    }
    Ok(found.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_not_whole_or_not_replaced_is_found() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        (0..25).for_each(|number| write(&folder, number).unwrap());
        assert_eq!(in_order(&folder), Ok(25));
        std::fs::write(place.path().join(path(24)), draft(24)).unwrap();
        assert_eq!(in_order(&folder), Ok(24), "it was not replaced yet");
        write(&folder, 24).unwrap();
        assert_eq!(in_order(&folder), Ok(25));
        std::fs::write(place.path().join(path(6)), draft(6)).unwrap();
        assert_eq!(in_order(&folder), Err("`0/000006` has 3200 bytes that are not its own".to_owned()));
        write(&folder, 6).unwrap();
        std::fs::write(place.path().join(path(3)), "").unwrap();
        assert_eq!(in_order(&folder), Err("`0/000003` has 0 bytes that are not its own".to_owned()));
        std::fs::remove_file(place.path().join(path(3))).unwrap();
        assert!(in_order(&folder).unwrap_err().starts_with("`0/000003` of 24 files: "));
    }
}
