//! Makes the table of VERSIONS.md from each order of versions, and compares the orders with independent
//! implementations.
//!
//! After a change, `UCUPDATE_BLESS=1 cargo test -p ucupdate-core versions_page` writes the page again.

use proptest::prelude::*;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use ucupdate_core::version::*;

const PAIRS: [(&str, &str); 22] = [
    ("1.0.522", "1.0.522.0"),
    ("1.0", "1.0.0.0"),
    ("1.0.522", "1.0.522.1"),
    ("1.0.522", "1.0.521.9"),
    ("01000334", "1000334"),
    ("1.01000334", "1.1000334"),
    ("01.0.522", "1.0.522"),
    ("1.0.98", "1.0.103"),
    ("1.0.522.98", "1.0.522.103"),
    ("0.0.0.0", "1.0.522.34"),
    ("3.5.6907.9", "3.5.6907.35"),
    ("7", "7.0"),
    ("4.1.0.82", "4.1.0.82b"),
    ("4.1.0.82b", "4.1.0.82B"),
    ("5.5.1.1.4", "5.5.1.2.0"),
    ("1.0.0-rc1", "1.0.0"),
    ("1.0.0~rc1", "1.0.0"),
    ("1.0.0-9", "1.0.0-rc1"),
    ("1.0.0+5", "1.0.0+6"),
    ("1.2147483647", "1.2147483648"),
    ("1.4294967295", "1.4294967296"),
    ("1.0.18446744073709551615", "1.0.18446744073709551616"),
];

#[test]
fn the_table_of_the_page_is_what_each_order_answers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/VERSIONS.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- table: begin -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- table: end -->\n").unwrap();
    let now = format!("{before}<!-- table: begin -->\n{}<!-- table: end -->\n{after}", table());
    if now == page {
        return;
    }
    if std::env::var_os("UCUPDATE_BLESS").is_some() {
        std::fs::write(path, now).unwrap();
        return;
    }
    for (number, (said, is)) in page.lines().zip(now.lines()).enumerate() {
        assert_eq!(
            said,
            is,
            "line {} of VERSIONS.md; the head of this test says how to write it anew",
            number + 1
        );
    }
    panic!("VERSIONS.md has {} lines, expected {}", page.lines().count(), now.lines().count());
}

fn table() -> String {
    let mut table =
        String::from("\n| A | B | same release | order here | .NET | dpkg | Omaha | semver |\n|---|---|");
    table.push_str(&":-:|".repeat(6));
    for (a, b) in PAIRS {
        let same = ReportedVersion::new(a).is_same_release(&ReportedVersion::new(b));
        write!(table, "\n| `{a}` | `{b}` | {} |", if same { "yes" } else { "no" }).unwrap();
        // A text that other orders refuse is a value without order here.
        write!(table, " {} |", here(a, b).map_or("unreadable", sign)).unwrap();
        for order in [net(a, b), Some(dpkg(a, b)), omaha(a, b), semver(a, b)] {
            write!(table, " {} |", order.map_or("refused", sign)).unwrap();
        }
    }
    table + "\n\n"
}

fn sign(order: Ordering) -> &'static str {
    match order {
        Ordering::Less => "`<`",
        Ordering::Equal => "`=`",
        Ordering::Greater => "`>`",
    }
}

fn here(a: &str, b: &str) -> Option<Ordering> {
    let read = |text: &str| text.parse::<FirmwareVersion>().ok();
    Some(read(a)?.cmp(&read(b)?))
}

/// Compares two versions as `System.Version` is documented: major, minor, build and revision. The last two may be
/// undefined.
fn net(a: &str, b: &str) -> Option<Ordering> {
    let read = |text: &str| -> Option<Vec<i32>> {
        let parts: Option<Vec<i32>> = text.split('.').map(|part| digits(part)?.parse().ok()).collect();
        parts.filter(|parts| (2..=4).contains(&parts.len()))
    };
    let (a, b) = (read(a)?, read(b)?);
    // A shorter version is less than a longer one that begins with it, because undefined is less than any number.
    Some(a.cmp(&b))
}

fn digits(part: &str) -> Option<&str> {
    Some(part).filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Compares two versions as Chromium's `base::Version` does: unsigned 32-bit numbers, missing ones are zero, and the
/// first has no leading zeros.
fn omaha(a: &str, b: &str) -> Option<Ordering> {
    let read = |text: &str| -> Option<Vec<u32>> {
        let parts: Option<Vec<u32>> = text.split('.').map(|part| digits(part)?.parse().ok()).collect();
        let first = text.split('.').next()?;
        parts.filter(|_| first == "0" || !first.starts_with('0'))
    };
    let (mut a, mut b) = (read(a)?, read(b)?);
    let length = a.len().max(b.len());
    a.resize(length, 0);
    b.resize(length, 0);
    Some(a.cmp(&b))
}

fn semver(a: &str, b: &str) -> Option<Ordering> {
    let read = |text: &str| semver::Version::parse(text).ok();
    Some(read(a)?.cmp_precedence(&read(b)?))
}

/// Compares two versions by Debian Policy 5.6.12, without epochs.
fn dpkg(a: &str, b: &str) -> Ordering {
    fn split(text: &str) -> (&str, &str) {
        text.rsplit_once('-').unwrap_or((text, ""))
    }
    let ((a, a_revision), (b, b_revision)) = (split(a), split(b));
    debian_part(a, b).then_with(|| debian_part(a_revision, b_revision))
}

fn debian_part(mut a: &str, mut b: &str) -> Ordering {
    fn cut<'a>(text: &mut &'a str, belongs: impl Fn(char) -> bool) -> &'a str {
        let (cut, rest) = text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()));
        *text = rest;
        cut
    }
    while !(a.is_empty() && b.is_empty()) {
        let [words, numbers] = [false, true].map(|numbers| {
            let belongs = |c: char| c.is_ascii_digit() == numbers;
            (cut(&mut a, belongs), cut(&mut b, belongs))
        });
        // `~` sorts before the end, the end before letters, and letters before other characters.
        let rank = |word: &str| -> Vec<u32> {
            let of = |c: char| match c {
                '~' => 0,
                'a'..='z' | 'A'..='Z' => u32::from(c),
                _ => 256 + u32::from(c),
            };
            word.chars().map(of).chain([1]).collect()
        };
        let number = |text: &str| {
            let text = text.trim_start_matches('0');
            (text.len(), text.to_owned())
        };
        let order = rank(words.0).cmp(&rank(words.1)).then_with(|| number(numbers.0).cmp(&number(numbers.1)));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
fn the_order_of_dpkg_is_what_dpkg_itself_says() {
    let says = |a: &str, b: &str, operator: &str| {
        let mut dpkg = Command::new("dpkg");
        dpkg.args(["--compare-versions", a, operator, b])
            .stderr(Stdio::null())
            .status()
            .map(|status| status.success())
    };
    if says("1", "1", "eq").is_err() {
        eprintln!("skipped: there is no dpkg here");
        return;
    }
    for (a, b) in
        PAIRS.into_iter().chain([("1.0a~", "1.0a"), ("1.0a", "1.0+"), ("1.00-0", "1.0"), ("1..2", "1.2")])
    {
        let operator = match dpkg(a, b) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert!(says(a, b, operator).unwrap(), "{a} {operator} {b}");
    }
}

fn version() -> impl Strategy<Value = String> {
    let part = prop_oneof![4 => (0..3_u32).prop_map(|part| part.to_string()), 1 => "0?[0-9]{1,10}"];
    prop::collection::vec(part, 1..=5).prop_map(|parts| parts.join("."))
}

proptest! {
    #[test]
    fn the_order_here_is_that_of_system_version(a in version(), b in version()) {
        prop_assert_eq!(here(&a, &b), net(&a, &b));
    }

    #[test]
    fn the_order_of_releases_is_that_of_omaha_where_both_read_a_version(a in version(), b in version()) {
        let read = |text: &str| text.parse::<FirmwareVersion>().ok();
        if let (Some(one), Some(two), Some(order)) = (read(&a), read(&b), omaha(&a, &b)) {
            prop_assert_eq!(one.release_order(&two), order);
            prop_assert_eq!(one.is_same_release(&two), order == Ordering::Equal);
        }
    }
}
