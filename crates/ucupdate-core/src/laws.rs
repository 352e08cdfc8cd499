//! Laws that hold for any input: what the fuzz targets and their replayed corpora call.
//!
//! Each function panics where a law is broken.

use crate::{
    Audience, Command, Decision, Device, EligibilityIndex, FieldTime, FileName, FirmwareVersion, IngestId,
    IngestedPackage, InstalledModule, InterimImage, Release, ReleaseFiles, ReportedVersion, Rule, RuleBook,
    RuleKey, Said, Sha256Digest, StoredFile, TestDevice, TestDeviceId, UnixTime, UpdateRequest, decide,
    explain,
};
use std::cmp::Ordering;

/// The order of versions is total, agrees with equality, and knows the same release; a version reads back from its text.
///
/// The input is up to three texts with line feeds between.
///
/// # Panics
/// When a law is broken.
pub fn version(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let said: Vec<ReportedVersion> = text.split('\n').take(3).map(ReportedVersion::new).collect();
    for version in &said {
        assert_eq!(ReportedVersion::new(version.as_str()), *version, "a version reads back from its text");
        assert!(version.same_release(version));
        assert_eq!(version.readable().is_none(), version.why_unreadable().is_some());
    }
    let read: Vec<&FirmwareVersion> = said.iter().filter_map(ReportedVersion::readable).collect();
    for a in &read {
        for b in &read {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "order is antisymmetric");
            assert_eq!(a.cmp(b) == Ordering::Equal, a == b, "order agrees with equality");
            assert_eq!(a.same_release(b), b.same_release(a));
            assert!(a != b || a.same_release(b), "equal versions are the same release");
            for c in &read {
                assert!(a > b || b > c || a <= c, "order is transitive");
                assert!(!(a.same_release(b) && b.same_release(c)) || a.same_release(c));
            }
        }
    }
}

/// Deciding keeps its promises whatever was ingested, approved, rolled back, and asked.
///
/// The input is a script: bytes choose what happens to a small rule book and who asks.
///
/// # Panics
/// When a law is broken.
pub fn decision(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut book = RuleBook::default();
    for id in 0..=(script.below(12)) {
        act(&mut book, &mut script, id);
    }
    let index = EligibilityIndex::compile(&book, 1);
    for _ in 0..=script.below(4) {
        ask(&book, &index, &mut script);
    }
    let mut again = RuleBook::default();
    again.apply(&book.to_delta());
    assert_eq!(again, book, "a book is its own delta");
}

/// Bytes that choose; zeros when they are used up.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn below(&mut self, end: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first % end
    }

    fn of<'t>(&mut self, table: &[&'t str]) -> &'t str {
        let length = u8::try_from(table.len()).expect("the tables below are short");
        table[usize::from(self.below(length))]
    }

    fn version(&mut self) -> ReportedVersion {
        let table = [
            "0.0.0.0",
            "1.0",
            "1.0.0",
            "1.0.522.34",
            "1.0.522.97",
            "1.0.522.98",
            "1.0.522.103",
            "3.5.6907.0",
            "3.5.6907.00",
            "4.0.7577.0",
            "4.1.0b",
            "",
        ];
        ReportedVersion::new(self.of(&table))
    }

    fn rule(&mut self) -> RuleKey {
        let words = [
            self.of(&["UCPhone", "ucphone", "RoundTable"]),
            self.of(&["LG-Nortel", "Polycom"]),
            self.of(&["IP8540", "CX700"]),
            self.of(&["A", "B"]),
            self.of(&["ENU", "DEU"]),
            self.of(&["CPE", "cpe", "BOOT"]),
        ];
        words.join("/").parse().expect("the words above make a rule")
    }
}

fn stored(name: &str, content: u8) -> StoredFile {
    StoredFile {
        name: name.parse::<FileName>().expect("the names below are file names"),
        key: format!("images/{content}").into(),
        size: 1,
        sha256: Sha256Digest::new([content; 32]),
        modified: Some(FieldTime::FILETIME_ZERO),
    }
}

fn act(book: &mut RuleBook, script: &mut Script<'_>, id: u8) {
    let outcome = match script.below(8) {
        0..=2 => {
            let files = ReleaseFiles {
                image: stored("CPE.nbt", id),
                signature: stored("CPE.cat", id),
                descriptions: Vec::new(),
            };
            let release = Release { rule: script.rule(), version: script.version(), files: files.clone() };
            let locale = script.of(&["ENU", "DEU"]).parse().expect("a locale");
            let interim = InterimImage {
                locale,
                update_type: "CPE".parse().expect("an update type"),
                version: script.version(),
                files,
            };
            let with_interim = script.below(2) == 0;
            book.ingest(&IngestedPackage {
                sha256: Sha256Digest::new([id; 32]),
                ingest: IngestId::from_bits(id.into()),
                file_name: "x.cab".into(),
                ingested_at: UnixTime::from_seconds(id.into()),
                releases: vec![release],
                interim: if with_interim { vec![interim] } else { Vec::new() },
            })
        }
        3 => book.command(&Command::Approve(vec![script.rule()])),
        4 => book.command(&Command::RollBack(script.rule())),
        5 => book.command(&Command::Reject(script.rule())),
        6 => book.command(&Command::Remove(script.rule())),
        _ => book.command(&Command::AddTestDevice(TestDevice {
            name: script.of(&["desk", "lab"]).parse().expect("a name"),
            id: TestDeviceId::Mac(script.of(&["000000000001", "000000000002"]).parse().expect("an address")),
        })),
    };
    match outcome {
        Ok(outcome) => book.apply(&outcome.delta),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn ask(book: &RuleBook, index: &EligibilityIndex, script: &mut Script<'_>) {
    let key = script.rule();
    let device = Device {
        device_type: key.device_type().clone(),
        vendor: key.vendor().clone(),
        model: key.model().clone(),
        hardware_revision: key.hardware_revision().clone(),
        locale: key.locale().clone(),
        mac_address: Said::new(script.of(&["00-00-00-00-00-01", "", "odd"])),
        serial_number: Said::default(),
    };
    let mut module = InstalledModule {
        file_name: format!("{}.nbt", key.update_type()).into(),
        version: script.version(),
        time_stamp: Said::default(),
    };
    let now = UnixTime::from_seconds(script.below(255).into());
    let mut seen = vec![module.version.clone()];
    loop {
        let decision = decide(index, &device, &module, now);
        let request = UpdateRequest {
            device: device.clone(),
            user_name: "".into(),
            request_date_time: Said::default(),
            modules: vec![module.clone()],
        };
        assert_eq!(
            explain(index, &request, now).modules[0].decision,
            decision,
            "explaining decides the same"
        );
        let Some(offer) = decision.offer() else { return };
        assert!(!offer.version.same_release(&module.version), "nobody is offered what he has");
        let rule = book.rule(&key).expect("an offer has a rule");
        if let Decision::Offer { because: Audience::Everybody, via: crate::Via::Direct, .. } = decision {
            let approved = rule.approved().expect("everybody is offered what is approved");
            assert!(approved.version.same_release(&offer.version));
        }
        let is_test = index.test_device(&device).is_some();
        let pending = Rule::pending(rule).is_some();
        let to_test = matches!(decision, Decision::Offer { because: Audience::TestDevices, .. });
        assert_eq!(to_test, is_test && pending, "what is pending is for test devices, and only for them");
        assert!(
            !seen.iter().any(|before| before.same_release(&offer.version)),
            "the way never leads through a version twice"
        );
        seen.push(offer.version.clone());
        module.version = offer.version.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn versions_keep_their_laws(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            version(&bytes);
        }

        #[test]
        fn decisions_keep_their_laws(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
            decision(&bytes);
        }
    }
}
