//! The plan for a device: every offer that the device gets if it installs each offer.

use crate::decide::decision::{Decision, OfferKind};
use crate::decide::index::{EligibilityIndex, Offer};
use crate::decide::walk::decide;
use crate::request::{InstalledModule, Question};
use crate::value::UnixTime;
use crate::version::ReportedVersion;
use std::fmt;

/// The sequence of offers to a device, and the decision that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan<'a> {
    /// The version that is installed now.
    pub installed: ReportedVersion,
    /// The offers, in the order in which the device gets them.
    pub hops: Vec<Hop<'a>>,
    /// The decision after the last offer.
    pub end: Decision<'a>,
}

/// One offer of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop<'a> {
    /// The offered files.
    pub offer: &'a Offer,
    /// The kind of the offer: a stepping stone or the target.
    pub kind: OfferKind<'a>,
}

/// Returns the sequence of offers that a device gets if it installs each offer and asks again.
///
/// All offers are decided for the same moment. If a ramp or a window changes before the device asks again, the
/// device may get other offers. A plan never repeats a version.
pub fn plan<'a>(index: &'a EligibilityIndex, question: &Question<'_>, now: UnixTime) -> Plan<'a> {
    let mut module: InstalledModule = question.module.clone();
    let mut hops: Vec<Hop<'a>> = Vec::new();
    loop {
        let asked = Question { module: &module, ..*question };
        let end = decide(index, &asked, now);
        let Decision::Offer { offer, kind, .. } = end else {
            return Plan { installed: question.module.version.clone(), hops, end };
        };
        // The tests check that no version is repeated. If one were, the plan would still end here. A rule
        // may treat `1.0` and `1.0.0` as two versions.
        if hops.iter().any(|hop| hop.offer.version == offer.version) {
            return Plan { installed: question.module.version.clone(), hops, end };
        }
        hops.push(Hop { offer, kind });
        module.version = offer.version.clone();
        // A device reports the file name of the image that it installed last.
        module.file_name = offer.image.as_str().into();
    }
}

impl fmt::Display for Plan<'_> {
    /// Writes `1.0.522.34 -> 1.0.522.103 (stepping stone) -> 3.5.6907.0`. Then writes the decision after the
    /// last offer, unless the device is up to date by these offers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.installed.as_str())?;
        for hop in &self.hops {
            write!(f, " -> {}", hop.offer.version)?;
            if let OfferKind::SteppingStone { .. } = hop.kind {
                f.write_str(" (stepping stone)")?;
            }
        }
        match self.end {
            Decision::UpToDate { .. } if !self.hops.is_empty() => Ok(()),
            end => write!(f, ", then {end}"),
        }
    }
}
