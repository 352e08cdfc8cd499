//! The rule book and the decision alone: no server, no store, no async. A simulation or a server
//! for another protocol can be built on these parts.
//!
//! ```console
//! $ cargo run --example decide
//! ```

use std::error::Error;
use ucupdate_core::book::{BookCommand, IngestId, IngestedPackage, Release, ReleaseFiles, StoredFile};
use ucupdate_core::decide::explain;
use ucupdate_core::request::{AskedFrom, InstalledModule};
use ucupdate_core::value::{Reported, Sha256Digest, UnixTime};
use ucupdate_core::{Device, EligibilityIndex, ReportedVersion, RuleBook, UpdateRequest};

fn file(name: &str) -> Result<StoredFile, Box<dyn Error>> {
    let sha256 = Sha256Digest::new([0; 32]);
    Ok(StoredFile {
        name: name.parse()?,
        key: format!("mine/{name}").parse()?,
        size: 1,
        sha256,
        modified: None,
    })
}

/// Returns a rule book in which one version is approved for one kind of phone.
fn book() -> Result<RuleBook, Box<dyn Error>> {
    let rule: ucupdate_core::RuleKey = "UCPhone/Polycom/CX700/A/ENU/CPE".parse()?;
    let files =
        ReleaseFiles { image: file("CPE.nbt")?, signature: file("CPE.cat")?, descriptions: Vec::new() };
    let package = IngestedPackage {
        sha256: Sha256Digest::new([1; 32]),
        ingest: IngestId::from_bits(1),
        file_name: "mine.cab".into(),
        ingested_at: UnixTime::from_seconds(0),
        releases: vec![Release { rule: rule.clone(), version: ReportedVersion::new("3.5.6907.9"), files }],
        interim: Vec::new(),
    };
    let mut book = RuleBook::default();
    let ingested = book.ingest(&package)?;
    book.apply(&ingested.delta);
    let approved = book.command(&BookCommand::Approve(vec![rule]), "ann")?;
    book.apply(&approved.delta);
    Ok(book)
}

fn request(revision: &str, version: &str) -> Result<UpdateRequest, Box<dyn Error>> {
    Ok(UpdateRequest {
        device: Device {
            kind: format!("UCPhone/Polycom/CX700/{revision}/ENU").parse()?,
            mac_address: Reported::default(),
            serial_number: Reported::default(),
        },
        user_name: "".into(),
        request_date_time: Reported::default(),
        modules: vec![InstalledModule {
            file_name: "cpe.nbt".into(),
            version: ReportedVersion::new(version),
            time_stamp: Reported::default(),
        }],
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let index = EligibilityIndex::compile(&book()?, 2);
    let now = UnixTime::from_seconds(0);
    for (revision, version) in [("A", "1.0.522.103"), ("A", "3.5.6907.9"), ("B", "1.0.522.103")] {
        let request = request(revision, version)?;
        #[allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
        {
            println!("{}\n", explain(&index, &request, AskedFrom::default(), now));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::{Question, decide};

    #[test]
    fn one_kind_of_phone_is_offered_one_version() {
        main().unwrap();
        let index = EligibilityIndex::compile(&book().unwrap(), 2);
        let request = request("A", "1.0.522.103").unwrap();
        let decision =
            decide(&index, &Question::new(&request.device, &request.modules[0]), UnixTime::from_seconds(0));
        assert_eq!(
            decision.to_string(),
            "offer 3.5.6907.9, because it is approved for all devices of this rule"
        );
    }
}
