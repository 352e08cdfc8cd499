//! [`StoryOptions`]: facts that are not in the logs and make stories more exact.

use super::keys::path_key;
use super::peers::PeerDownloads;
use super::thresholds::Thresholds;
use crate::schemes::{module_named, scheme_of};
use std::collections::HashMap;
use std::sync::Arc;
use ucupdate_core::book::UpdateType;
use ucupdate_core::decide::EligibilityIndex;
use ucupdate_core::device::ReportedKind;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::VersionScheme;
use ucupdate_core::{RuleBook, RuleKey};

/// The options of [`Timeline::stories`](super::Timeline::stories): facts that are not in the logs
/// and make stories more exact. By default versions are compared in .NET's order, no download
/// counts as slow, and the logs end at their last row.
///
/// ```
/// use ucupdate_core::RuleBook;
/// use ucupdate_fleet::timeline::StoryOptions;
/// let book = RuleBook::default();
/// let options = StoryOptions::default().with_book(&book);
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct StoryOptions<'a> {
    pub(super) rules: Option<(&'a RuleBook, Arc<EligibilityIndex>)>,
    pub(super) peers: Option<&'a PeerDownloads>,
    pub(super) sizes: HashMap<String, u64>,
    pub(super) now: Option<UnixTime>,
    pub(super) thresholds: Thresholds,
}

impl<'a> StoryOptions<'a> {
    /// Sets the rule book. The version scheme of the rule of a module decides how the versions of the module are compared. The
    /// rule is found as for a request, so aliases and the file names of images count too. Default: no rule book, so versions are
    /// compared in .NET's order.
    pub fn with_book(self, book: &'a RuleBook) -> Self {
        Self { rules: Some((book, Arc::new(EligibilityIndex::compile(book, 0)))), ..self }
    }

    /// Sets the usual durations of downloads by all devices. They decide whether a download was
    /// slow. Default: none, so no download is slow.
    pub fn with_peers(self, peers: &'a PeerDownloads) -> Self {
        Self { peers: Some(peers), ..self }
    }

    /// Sets the sizes of files in bytes, each with the path of the file's URL. A size shows the
    /// speed of a download, and whether it was complete. Default: none.
    pub fn with_sizes(self, sizes: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self { sizes: sizes.into_iter().map(|(path, size)| (path_key(&path), size)).collect(), ..self }
    }

    /// Sets the time at which the logs end. Default: the time of the last row.
    pub fn with_now(self, now: UnixTime) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Sets the limits that decide when an event counts as a trouble, such as the time after which a device is silent. Default:
    /// the defaults of [`Thresholds`].
    pub fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
    }

    /// Returns the version scheme for a module of a device. It is .NET's scheme if there is no rule
    /// book, or if the device kind is not valid.
    pub(super) fn scheme(&self, kind: &ReportedKind, file_name: &str) -> VersionScheme {
        let scheme = || {
            let (book, index) = self.rules.as_ref()?;
            let kind = kind.read().ok()?;
            if let Some(scheme) = scheme_of(index, &kind, file_name) {
                return Some(scheme.clone());
            }
            // No rule is for the device, so this is the scheme that its rule would have.
            let update_type: UpdateType = module_named(file_name).update_type_stem().parse().ok()?;
            Some(book.scheme_of(&RuleKey::new(kind, update_type).ok()?).clone())
        };
        scheme().unwrap_or_default()
    }
}
