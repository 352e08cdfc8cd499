//! Finds unknown names in a manifest that look like a restriction of an update.
//!
//! Ignoring such a name would offer the update to more devices than intended. The original names of
//! the manifest are not published, so a name is judged by the words in it.

/// The words that indicate a restriction, in lower case, with spaces between them.
const RESTRICTING: &str = "allow allowed allows applicability applicable applies apply architecture arch audience base before below board \
    boards bootloader brand brands carrier channel chipset class client compat compatibility compatible \
    condition conditional conditions constraint constraints country countries culture cultures customer \
    denied deny depends dependency device devices domain edition eligible eligibility except excluded \
    excludes exclude excluding expires expiry family filter filters firmware for forbidden from group groups \
    hardware hw if include included includes installed lang language languages lcid limit limits locale \
    locales mac macs make manufacturer market match matches max maximum memory min minimum model models not obsolete \
    oem only os part phone phones platform platforms pool prereq prerequisite prerequisites product products range \
    ranges region regions require required requirement requirements requires restrict restricted restriction \
    restrictions rev revision revisions revs ring rollout scope selector serial serials series since site \
    sites sku skus stage start stepping subset subnet supported supports target targets tenant to unless \
    until upgrade upgrades user users valid variant variants vendor vendors when where while";

/// Returns whether an unknown name contains a word that indicates a restriction.
pub(super) fn looks_like_narrowing(name: &str) -> bool {
    words(name).chain([name]).any(|word| RESTRICTING.split(' ').any(|known| known.eq_ignore_ascii_case(word)))
}

/// Returns the words of a name. The name is divided at changes of case, at digits and at characters
/// such as `-`. `HardwareRange`, `HWRange`, `hardware-range` and `hardware_range2` have two words
/// each.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphabetic());
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        let mut before = None;
        for (at, now) in rest.char_indices() {
            let after = rest[at + now.len_utf8()..].chars().next();
            let begins = now.is_uppercase()
                && before.is_some_and(|before: char| {
                    before.is_lowercase() || after.is_some_and(char::is_lowercase)
                });
            if at > 0 && (begins || !now.is_alphabetic()) {
                end = at;
                break;
            }
            before = Some(now);
        }
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_divided_at_case_digits_and_signs() {
        let split = |name| words(name).collect::<Vec<_>>();
        assert_eq!(split("HardwareRange"), ["Hardware", "Range"]);
        assert_eq!(split("HWRange"), ["HW", "Range"]);
        assert_eq!(split("hardware-range_2b"), ["hardware", "range", "b"]);
        assert_eq!(split("minVersion"), ["min", "Version"]);
        assert_eq!(split("-"), [""; 0]);
    }

    #[test]
    fn names_that_restrict_are_told_apart_from_those_that_describe() {
        for name in [
            "HardwareRange",
            "MinVersion",
            "onlyFor",
            "REGION",
            "SerialRange",
            "applies-to",
            "OSVersion",
            "BaseVersion",
            "PartNumber",
            "MemorySize",
            "hw",
        ] {
            assert!(looks_like_narrowing(name), "{name}");
        }
        for name in
            ["Size", "Description", "Comment", "Colour", "Files", "ReleaseDate", "SHA256", "schemaLocation"]
        {
            assert!(!looks_like_narrowing(name), "{name}");
        }
    }
}
