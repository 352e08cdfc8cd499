//! Against the `cab` crate on cabinets of any make, and against other tools where they are installed.

use std::io::{Cursor, Read};

use proptest::prelude::*;
use ucupdate_cab::Compression;

use super::fixture::{Raw, firmware, lzx, read_all};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_cab_crate_reads_the_same_from_valid_cabinets(
        folders in proptest::collection::vec(
            (0_u8..4, proptest::collection::vec((any::<u64>(), 1_usize..50_000), 1..4)),
            1..3,
        ),
        reserve in 0_usize..40,
        folder_reserve in 0_u8..9,
    ) {
        let mut raw = Raw::empty();
        raw.reserve = vec![1; reserve];
        raw.folder_reserve = folder_reserve;
        for (number, (kind, files)) in folders.iter().enumerate() {
            let kind = [Compression::None, Compression::Mszip, lzx(15), lzx(18)][usize::from(*kind)];
            let files: Vec<_> = files.iter().enumerate()
                .map(|(index, (seed, length))| (format!("{number}\\{index}"), firmware(*seed, *length)))
                .collect();
            let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
            raw.add_folder(kind, &files);
        }
        let bytes = raw.to_bytes();
        let (ours, _) = read_all(&bytes).unwrap();
        let mut theirs = cab::Cabinet::new(Cursor::new(&bytes)).unwrap();
        for (name, content) in ours {
            let mut found = Vec::new();
            theirs.read_file(&name).unwrap().read_to_end(&mut found).unwrap();
            prop_assert!(found == content);
        }
    }
}
