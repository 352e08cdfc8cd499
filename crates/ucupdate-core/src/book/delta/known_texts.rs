//! [`KnownTexts`]: texts that are shared while a rule book is read.

use crate::value::file_name::FileName;
use crate::version::{FirmwareVersion, ReportedVersion};
use foldhash::fast::FixedState;
use std::collections::{HashMap, HashSet};

/// The file names and versions that were read so far. A rule book has the same names and versions in many
/// places.
#[derive(Debug, Default)]
pub(in crate::book) struct KnownTexts {
    names: HashSet<FileName, FixedState>,
    versions: HashMap<Box<str>, FirmwareVersion, FixedState>,
}

impl KnownTexts {
    /// Replaces a name by an equal name that was read before, so that both share their memory.
    pub(in crate::book) fn share_name(&mut self, name: &mut FileName) {
        match self.names.get(name) {
            Some(known) => name.clone_from(known),
            None => drop(self.names.insert(name.clone())),
        }
    }

    /// Replaces a version by a version with the same text that was read before, so that both share their
    /// memory.
    pub(in crate::book) fn share_version(&mut self, version: &mut ReportedVersion) {
        let ReportedVersion::Readable(version) = version else { return };
        match self.versions.get(version.as_str()) {
            Some(known) => version.clone_from(known),
            None => drop(self.versions.insert(version.as_str().into(), version.clone())),
        }
    }
}
