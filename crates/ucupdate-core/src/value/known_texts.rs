//! [`KnownTexts`]: texts that are shared while a rule book is read.

use crate::version::FirmwareVersion;
use foldhash::fast::FixedState;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The file names and versions that were read so far. A rule book has the same ones in many places.
#[derive(Debug, Default)]
pub(crate) struct KnownTexts {
    names: HashSet<Arc<str>, FixedState>,
    versions: HashMap<Box<str>, FirmwareVersion, FixedState>,
}

impl KnownTexts {
    /// Replaces a text by an equal one that was read before.
    pub(crate) fn share(&mut self, text: &mut Arc<str>) {
        match self.names.get(&**text) {
            Some(known) => *text = Arc::clone(known),
            None => drop(self.names.insert(Arc::clone(text))),
        }
    }

    /// Replaces a version by one with the same text that was read before.
    pub(crate) fn share_version(&mut self, version: &mut FirmwareVersion) {
        match self.versions.get(version.as_str()) {
            Some(known) => version.clone_from(known),
            None => drop(self.versions.insert(version.as_str().into(), version.clone())),
        }
    }
}
