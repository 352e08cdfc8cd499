//! Restores the rule book of an earlier revision by making a new revision.

use crate::admin::Admin;
use crate::error::ChangeError;
use crate::packages::read_back::{self, FileState};
use crate::state::recorded_command::RecordedCommand;
use crate::state::rule_history::{Changed, RuleHistory};
use crate::state::snapshot::Snapshot;
use std::collections::BTreeSet;
use std::sync::Arc;
use ucupdate_core::RuleBook;
use ucupdate_core::book::{BookChange, Delta, IngestId, InterimRule, Refusal, Release, ReleaseFiles, Rule};
use ucupdate_core::value::PackageId;
use ucupdate_store::{ImageStore, StoreError};

impl Admin<'_> {
    /// Restores the rule book of an earlier revision by a new revision: its rules, interim images, test devices and
    /// settings. Packages that were ingested since stay in the store, and can be approved again.
    ///
    /// The files of every rule and interim image that changes are read back first.
    ///
    /// # Errors
    /// [`ChangeError::NotRestorable`] when files are missing or damaged. [`ChangeError::NoRevision`] when the revision
    /// does not exist. A [`Refusal`] when a package leaves the book or is stored again in the meantime. Otherwise the
    /// errors of [`command`](Self::command). After a refusal nothing has changed.
    pub async fn roll_back_to(self, revision: u64) -> Result<Changed, ChangeError> {
        self.restore_if(revision, |_| Ok(())).await
    }

    /// Restores the rule book of an earlier revision as [`roll_back_to`](Self::roll_back_to) does, but refuses it unless the
    /// rule book is at revision `expected`.
    ///
    /// # Errors
    /// [`Refusal::RevisionConflict`] when the rule book has another revision, and the errors of
    /// [`roll_back_to`](Self::roll_back_to).
    pub async fn roll_back_to_at(self, revision: u64, expected: u64) -> Result<Changed, ChangeError> {
        self.restore_if(revision, |found| match found == expected {
            true => Ok(()),
            false => Err(Refusal::RevisionConflict { expected, found }),
        })
        .await
    }

    /// Restores the rule book as [`roll_back_to`](Self::roll_back_to) does. Refuses it if the newest revision does not pass
    /// `check`.
    pub(crate) async fn restore_if(
        self,
        revision: u64,
        check: impl Fn(u64) -> Result<(), Refusal>,
    ) -> Result<Changed, ChangeError> {
        let Self { service, author } = self;
        service.refresh().await?;
        let snapshot = service.snapshot();
        check(snapshot.revision())?;
        let earlier = Restorable::read(service.store(), &snapshot, revision).await?;
        service
            .change(author, &RecordedCommand::RollBackTo(revision), |book, found| {
                check(found)?;
                let change = earlier.restore(book)?;
                match earlier.covers(book, &change.delta) {
                    true => Ok(change),
                    false => Err(Refusal::RevisionConflict { expected: snapshot.revision(), found }),
                }
            })
            .await
    }
}

/// An earlier rule book whose files were read back.
pub(crate) struct Restorable {
    history: RuleHistory,
    /// The packages whose files were read back, each with the ingest that stored the files. The
    /// ingest is `None` if the package is not in the rule book.
    read_back: BTreeSet<(PackageId, Option<IngestId>)>,
}

impl Restorable {
    /// Reads the book of a revision. Reads back the files that restoring it would newly offer to devices.
    pub(crate) async fn read(
        store: &Arc<dyn ImageStore>,
        now: &Snapshot,
        revision: u64,
    ) -> Result<Self, ChangeError> {
        let newest = now.revision();
        if revision == 0 || revision > newest {
            return Err(ChangeError::NoRevision { revision, newest });
        }
        let history = RuleHistory::open_at(Arc::clone(store), revision).await?;
        let mut missing = retired(history.book(), now.book());
        let mut read_back = BTreeSet::new();
        if missing.is_empty() {
            let delta = now.book().restore(history.book(), revision)?.delta;
            for anew in given_anew(now.book(), &delta) {
                if let Some(files) = anew.files {
                    missing.extend(lacking(&**store, files, &anew.what).await?);
                }
                read_back.insert((anew.package, anew.ingest));
            }
        }
        if !missing.is_empty() {
            return Err(ChangeError::NotRestorable { revision, missing });
        }
        Ok(Self { history, read_back })
    }

    pub(crate) fn restore(&self, book: &RuleBook) -> Result<BookChange, Refusal> {
        book.restore(self.history.book(), self.history.revision())
    }

    /// Returns whether all files that a delta newly offers to devices were read back.
    fn covers(&self, book: &RuleBook, delta: &Delta) -> bool {
        let mut given = given_anew(book, delta).into_iter();
        given.all(|anew| self.read_back.contains(&(anew.package, anew.ingest)))
    }
}

/// A version that a delta newly offers to devices.
struct NewOffer<'a> {
    /// A description such as `3.5.6907.0 for UCPhone/...`.
    what: String,
    package: PackageId,
    /// The current ingest of the package. `None` if the package is not in the book.
    ingest: Option<IngestId>,
    files: Option<&'a ReleaseFiles>,
}

fn given_anew<'a>(book: &'a RuleBook, delta: &Delta) -> Vec<NewOffer<'a>> {
    let mut all = Vec::new();
    for rule in delta.rules.iter().filter_map(|entry| entry.now.as_ref()) {
        // The version that is kept for a roll back is read back too, because one more call offers it to all devices.
        for candidate in rule.candidates() {
            let release: Option<&Release> = book.release(rule.key(), candidate);
            all.push(NewOffer {
                what: format!("{} for {}", candidate.version, rule.key()),
                package: candidate.package,
                ingest: book.package(candidate.package).map(|package| package.ingest),
                files: release.map(|release| &release.files),
            });
        }
    }
    let interim = delta.interim.iter().filter_map(|entry| Some((&entry.key, entry.now.as_ref()?)));
    let packages = |(key, rule): (_, &InterimRule)| rule.packages().map(move |id| (key, id));
    for ((locale, update_type), id) in interim.flat_map(packages) {
        let package = book.package(id);
        all.push(NewOffer {
            what: format!("the interim image for {locale}"),
            package: id,
            ingest: package.map(|package| package.ingest),
            files: package
                .and_then(|package| package.interim_image(locale, update_type))
                .map(|image| &image.files),
        });
    }
    all
}

/// Returns the packages that an earlier book needs and that have left the book since, as messages.
fn retired(earlier: &RuleBook, now: &RuleBook) -> Vec<String> {
    let same = |id: PackageId| {
        let (then, now) = (earlier.package(id), now.package(id));
        then.is_none() || then.map(|then| then.sha256) == now.map(|now| now.sha256)
    };
    let of_rules = earlier.rules().flat_map(|rule: &Rule| rule.candidates().map(move |of| (rule, of)));
    let mut missing: Vec<String> = of_rules
        .filter(|(_, candidate)| !same(candidate.package))
        .map(|(rule, candidate)| {
            let (version, package) = (&candidate.version, candidate.package);
            format!("{version} for {} is no longer kept, ingest package {package} again", rule.key())
        })
        .collect();
    let interim = earlier.interim_images().chain(earlier.pending_interim_images());
    let interim = interim.filter(|(_, package)| !same(*package));
    missing.extend(interim.map(|(image, package)| {
        let (version, locale) = (&image.version, &image.locale);
        format!("the interim image {version} for {locale} is no longer kept, ingest package {package} again")
    }));
    missing
}

/// Returns a message for each of `files` that is missing or damaged in the store. `what` names
/// their version and rule in the message.
async fn lacking(
    store: &dyn ImageStore,
    files: &ReleaseFiles,
    what: &str,
) -> Result<Vec<String>, StoreError> {
    let mut lacking = Vec::new();
    for file in files.iter() {
        let how = match read_back::state(store, file).await? {
            FileState::Whole => continue,
            FileState::Other => "differs from what was ingested",
            FileState::Gone => "is missing in the store",
        };
        lacking.push(format!("{} of {what} {how}, ingest its package again", file.name));
    }
    Ok(lacking)
}
