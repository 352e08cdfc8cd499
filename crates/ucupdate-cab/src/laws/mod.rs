//! Laws that hold for any bytes. The fuzz targets and tests call these functions, which panic if a
//! law does not hold.

#![allow(clippy::missing_panics_doc, reason = "a law panics when it does not hold")]

mod set;

pub use set::cabinet_set;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use ucupdate_core::value::{Sha256Hasher, check_path_part};

use crate::cabinet::{Cabinet, Compression, FileEntry, Finished};
use crate::error::CabError;
use crate::limits::CabinetLimits;
use crate::options::CabinetOptions;

/// Returns limits under which one input costs little time and memory.
fn small() -> CabinetLimits {
    let megabyte = 1024 * 1024;
    CabinetLimits {
        cabinet_bytes: megabyte,
        total_output_bytes: 4 * megabyte,
        stub_bytes: megabyte,
        ..CabinetLimits::default()
    }
}

/// Returns options under which all blocks after the first one are read ahead and decompressed on other threads.
fn ahead() -> CabinetOptions {
    CabinetOptions { single_thread_bytes: 1, ..small().into() }
}

/// Opens any bytes as a cabinet. If this succeeds, reads the files in three ways: skipped, in
/// chunks with other threads, and in small pieces without other threads. Checks that all ways fail
/// with the same error, or that all return the same files with the sizes in the tables.
pub fn cabinet(bytes: &[u8]) {
    ways_agree(&[bytes]);
}

/// Reads the parts of a set in several ways. Checks that all ways fail with the same error, or that
/// all return the same files.
fn ways_agree(parts: &[&[u8]]) {
    let Ok(cabinet) = Cabinet::open_set(parts.to_vec(), small()) else { return };
    let limits = small();
    assert!(cabinet.entries().len() as u64 <= limits.files);
    let is_read = |entry: &&FileEntry| {
        !matches!(cabinet.compression(entry.folder()), Some(Compression::Unsupported { .. }))
    };
    let claimed: u64 = cabinet.entries().iter().filter(is_read).map(FileEntry::size).sum();
    assert!(claimed <= limits.total_output_bytes);
    names_are_safe(&cabinet);

    let skipped = cabinet.finish();
    let mut contents = Sha256Hasher::default();
    let by_chunks = read(parts, ahead(), |cabinet| {
        let mut read = 0;
        while let Some(mut file) = cabinet.next_file()? {
            let expected = read + file.entry().size();
            loop {
                let chunk = file.read_chunk()?;
                if chunk.is_empty() {
                    break;
                }
                contents.update(chunk);
                read += chunk.len() as u64;
            }
            assert_eq!(read, expected, "a file of another length than its entry says");
        }
        assert_eq!(read, claimed);
        Ok(())
    });
    let mut piecewise = Sha256Hasher::default();
    let by_pieces = read(parts, small().with_ahead_bytes(0), |cabinet| {
        while let Some(mut file) = cabinet.next_file()? {
            let mut piece = [0; 1000];
            loop {
                let count = file.read(&mut piece).map_err(cabinet_error)?;
                if count == 0 {
                    break;
                }
                piecewise.update(piece.get(..count).unwrap_or_default());
            }
        }
        Ok(())
    });
    assert_eq!(contents.digest(), piecewise.digest(), "the bytes before an error count too");
    match (skipped, by_chunks, by_pieces) {
        (Ok(skipped), Ok(chunks), Ok(pieces)) => {
            assert_eq!(skipped, chunks);
            assert_eq!(skipped, pieces);
            assert_eq!(skipped.output_bytes, claimed);
        }
        (Err(skipped), Err(chunks), Err(pieces)) => {
            assert_eq!(skipped.to_string(), chunks.to_string());
            assert_eq!(skipped.to_string(), pieces.to_string());
            assert!(!skipped.to_string().contains(char::is_control));
        }
        other => panic!("one way of reading succeeds and another fails: {other:?}"),
    }
}

/// Reads any bytes with this crate and with its peer, the `cab` crate. If both can read a file,
/// checks that the content is the same.
pub fn cabinet_peer(bytes: &[u8]) {
    let mut ours: Vec<(String, Vec<u8>, bool)> = Vec::new();
    let read = read(&[bytes], small(), |cabinet| {
        let is_lzx = |folder: &u16| matches!(cabinet.compression(*folder), Some(Compression::Lzx { .. }));
        let lzx: BTreeSet<u16> = cabinet.entries().iter().map(FileEntry::folder).filter(is_lzx).collect();
        while let Some(mut file) = cabinet.next_file()? {
            let mut contents = Vec::new();
            let name = file.entry().name_as_given().into_owned();
            let is_lzx = lzx.contains(&file.entry().folder());
            file.read_to_end(&mut contents).map_err(cabinet_error)?;
            ours.push((name, contents, is_lzx));
        }
        Ok(())
    });
    // The peer, `cab`, allocates the sizes that a header claims. So it gets only cabinets that this
    // crate accepted within the limits.
    if read.is_err() {
        return;
    }
    let Ok(mut theirs) = cab::Cabinet::new(std::io::Cursor::new(bytes)) else { return };
    for (name, contents, is_lzx) in &ours {
        // The peer finds a file by its name, and knows no code pages. It panics on an empty file
        // after the data of its folder.
        let is_only = ours.iter().filter(|(other, ..)| other == name).count() == 1;
        if !is_only || !name.is_ascii() || contents.is_empty() {
            continue;
        }
        let mut found = Vec::new();
        if theirs.read_file(name).and_then(|mut file| file.read_to_end(&mut found)).is_ok() {
            if *is_lzx {
                call_the_begin(&mut found, contents);
            }
            assert!(found == *contents, "{name:?} has {} bytes here, {} there", contents.len(), found.len());
        }
    }
}

/// Corrects the output of the `cab` crate where the target of an x86 `CALL` instruction is byte 0
/// of the stream: copies the target from `ours` to `theirs`. The `cab` crate uses `lzxd`, which
/// treats 0 like a negative target, counted from the end of the file.
///
/// A `CALL` instruction can begin in the file before this one, or continue in the file after it.
/// Therefore the first four bytes, and a target that the end of the file cuts off, are always
/// copied.
fn call_the_begin(theirs: &mut [u8], ours: &[u8]) {
    let behind_calls = ours.iter().enumerate().filter(|(_, byte)| **byte == 0xE8).map(|(at, _)| at + 1);
    for start in std::iter::once(0).chain(behind_calls) {
        let end = ours.len().min(start + 4);
        let (Some(ours), Some(theirs)) = (ours.get(start..end), theirs.get_mut(start..end)) else { continue };
        let calls_byte_0 = match <[u8; 4]>::try_from(ours) {
            // The target says how far the call is from byte 0. The call is at least as far from
            // byte 0 as the start of the file is.
            Ok(bytes) if start > 0 => i64::from(i32::from_le_bytes(bytes)) < 2 - start as i64,
            _ => true,
        };
        if calls_byte_0 {
            theirs.copy_from_slice(ours);
        }
    }
}

/// Reads a set of cabinets. Returns the contents of all files by name.
fn whole(parts: &[Vec<u8>]) -> Result<BTreeMap<String, Vec<u8>>, CabError> {
    let mut files = BTreeMap::new();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    read(&parts, ahead(), |cabinet| {
        while let Some(mut file) = cabinet.next_file()? {
            let mut contents = Vec::new();
            let name = file.entry().name_as_given().into_owned();
            file.read_to_end(&mut contents).map_err(cabinet_error)?;
            files.insert(name, contents);
        }
        Ok(())
    })?;
    Ok(files)
}

fn read(
    parts: &[&[u8]],
    options: impl Into<CabinetOptions>,
    read: impl FnOnce(&mut Cabinet<&[u8]>) -> Result<(), CabError>,
) -> Result<Finished, CabError> {
    let mut cabinet = Cabinet::open_set(parts.to_vec(), options)?;
    read(&mut cabinet)?;
    cabinet.finish()
}

/// Returns the error of the cabinet inside an I/O error. A reader over a slice has no other errors.
fn cabinet_error(error: std::io::Error) -> CabError {
    error.downcast().unwrap_or(CabError::GivenUp)
}

fn names_are_safe(cabinet: &Cabinet<&[u8]>) {
    let mut names = BTreeSet::new();
    for entry in cabinet.entries() {
        let Ok(path) = entry.path() else { continue };
        assert!(path.parts().all(|part| check_path_part(part).is_ok()), "{path}");
        assert!(names.insert(path.as_str().to_lowercase()), "{path} twice");
    }
    for name in &names {
        let folders = name.match_indices('/').map(|(at, _)| name.get(..at).unwrap_or_default());
        assert!(folders.into_iter().all(|folder| !names.contains(folder)), "a folder of {name} is a file");
    }
}
