//! Commands: what a person asks of the rule book, and why it may be refused.

use crate::book::{Delta, Entry, RuleBook, Settings};
use crate::rule::{Candidate, OfferPolicy, Rule, RuleError};
use crate::{
    DeviceType, IngestedPackage, InterimImage, Locale, PackageId, ReportedVersion, RuleKey, TestDevice,
    TestDeviceId, TestDeviceName,
};
use std::collections::BTreeMap;

/// What a person asks of the rule book.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Command {
    /// Take in a package whose files lie in the store: each release becomes pending.
    Ingest(PackageId),
    /// Approve what is pending in each of these rules; all or none.
    Approve(Vec<RuleKey>),
    /// Approve what a package made pending, passing over rules where something else is.
    ApproveAllOf(PackageId),
    /// Reject what is pending in a rule.
    Reject(RuleKey),
    /// Give everybody what was approved before.
    RollBack(RuleKey),
    /// Remove a rule.
    Remove(RuleKey),
    /// Add a test device.
    AddTestDevice(TestDevice),
    /// Remove a test device.
    RemoveTestDevice(TestDeviceName),
    /// Say how a rule treats what devices say of their version.
    SetPolicy(RuleKey, OfferPolicy),
    /// Say whether packages of a device type go to everybody as they are ingested.
    DeployAtIngest(DeviceType, bool),
    /// Let packages that no rule and no interim image is of leave the book; all or none. Their files may go then.
    Retire(Vec<PackageId>),
    /// Restore the rule book of this earlier revision. The history does it: a book alone does not know the earlier one.
    RollBackTo(u64),
    /// Take in packages of a store whose history is lost. The store does it: a book alone does not know them.
    Rebuild(Vec<PackageId>),
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The entries that changed; empty when the command changes nothing.
    pub delta: Delta,
    /// What is worth telling, in the order it happened.
    pub notes: Vec<Note>,
}

/// One thing worth telling of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// The version waits for approval.
    #[error("{rule}: {version} is pending")]
    Pending {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
    },
    /// Another version waited before and is replaced.
    #[error("{rule}: {version} replaces {replaced}, which was pending")]
    Replaced {
        /// In which rule.
        rule: RuleKey,
        /// Which version is pending now.
        version: ReportedVersion,
        /// Which one was.
        replaced: ReportedVersion,
    },
    /// The same version with the same bytes is there already.
    #[error("{rule}: {version} is {state} already, nothing changes")]
    Unchanged {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
        /// `pending` or `approved`.
        state: &'static str,
    },
    /// Everybody gets the version.
    #[error("{rule}: {version} is approved")]
    Approved {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
    },
    /// What was approved is older than what was approved before.
    #[error("{rule}: {version} is older than {before}, which was approved before")]
    Older {
        /// In which rule.
        rule: RuleKey,
        /// The version approved now.
        version: ReportedVersion,
        /// The one before.
        before: ReportedVersion,
    },
    /// What was pending is not any more.
    #[error("{rule}: {version} is rejected")]
    Rejected {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
    },
    /// Everybody gets what was approved before.
    #[error("{rule}: rolled back to {version}")]
    RolledBack {
        /// In which rule.
        rule: RuleKey,
        /// The version everybody gets now.
        version: ReportedVersion,
    },
    /// Nothing was approved before: nothing is offered now.
    #[error("{rule}: rolled back, and since nothing was approved before, nothing is offered")]
    RolledBackToNothing {
        /// In which rule.
        rule: RuleKey,
    },
    /// The rule is gone.
    #[error("{rule}: removed")]
    Removed {
        /// Which rule.
        rule: RuleKey,
    },
    /// Passed over by a command for many rules.
    #[error("{rule}: skipped, {why}")]
    Skipped {
        /// Which rule.
        rule: RuleKey,
        /// Why.
        why: RuleError,
    },
    /// The interim image is in use from now on, without approval.
    #[error("interim image {version} for {locale} is in use")]
    InterimInUse {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
    },
    /// The interim image takes the place of another, for every device that steps by it.
    #[error("interim image {version} for {locale} is in use, in place of {replaced}")]
    InterimReplaced {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
        /// The one that was in use.
        replaced: ReportedVersion,
    },
    /// A test device was added.
    #[error("{name} is a test device, known by its {id}")]
    TestDeviceAdded {
        /// Its name.
        name: TestDeviceName,
        /// What it is known by.
        id: TestDeviceId,
    },
    /// A test device was removed.
    #[error("{name} is no test device any more")]
    TestDeviceRemoved {
        /// Its name.
        name: TestDeviceName,
    },
    /// A setting was changed.
    #[error("settings changed")]
    SettingsChanged,
    /// A package left the book.
    #[error("package {package} has left the rule book")]
    Retired {
        /// Which package.
        package: PackageId,
    },
    /// The book is as it was at an earlier revision.
    #[error("the rule book is as it was at revision {revision}")]
    Restored {
        /// Which revision.
        revision: u64,
    },
    /// Nothing is given to everybody, as it was then.
    #[error("{rule}: nothing is approved, as it was then")]
    NothingApproved {
        /// In which rule.
        rule: RuleKey,
    },
}

/// Why a command is refused. The book is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such rule.
    #[error("no rule {rule}")]
    NoRule {
        /// Which one was named.
        rule: RuleKey,
    },
    /// The rule is in the wrong state.
    #[error("{rule}: {cause}")]
    WrongState {
        /// Which rule.
        rule: RuleKey,
        /// What is wrong.
        cause: RuleError,
    },
    /// No such package.
    #[error("no package {package}")]
    NoPackage {
        /// Which one was named.
        package: PackageId,
    },
    /// Nothing of the package is pending.
    #[error("nothing of package {package} is pending")]
    NothingPendingOf {
        /// Which package.
        package: PackageId,
    },
    /// The same version is there with other bytes.
    #[error("{rule}: {version} is {state} already, with other bytes (from package {package})")]
    OtherBytes {
        /// In which rule.
        rule: RuleKey,
        /// Which version.
        version: ReportedVersion,
        /// `pending`, `approved` or `kept for roll back`.
        state: &'static str,
        /// The package that brought it.
        package: PackageId,
    },
    /// Another cabinet whose SHA-256 begins alike was ingested before: they are told apart by all of it.
    #[error("another package is called {package} already: their SHA-256 begin alike")]
    OtherPackage {
        /// The id both have.
        package: PackageId,
    },
    /// What is pending is not what was looked at: somebody else was quicker.
    #[error(
        "{rule}: {found} is what would be given to everybody now, not {expected} as it was when this was asked"
    )]
    Moved {
        /// In which rule.
        rule: RuleKey,
        /// What was looked at.
        expected: ReportedVersion,
        /// What it is now.
        found: ReportedVersion,
    },
    /// The same interim image is in use with other bytes.
    #[error(
        "interim image {version} for {locale} is in use already, with other bytes (from package {package})"
    )]
    OtherInterimBytes {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
        /// The package that brought it.
        package: PackageId,
    },
    /// The interim image would not lift a device over its threshold.
    #[error("interim image {version} for {locale} is below {below}, so devices would be offered it for ever")]
    InterimTooLow {
        /// For which locale.
        locale: Locale,
        /// Its version.
        version: ReportedVersion,
        /// The threshold of the stepping stone.
        below: ReportedVersion,
    },
    /// The name is taken.
    #[error("{name} is a test device already, known by its {id}")]
    TestDeviceNameTaken {
        /// The name.
        name: TestDeviceName,
        /// What the device with that name is known by.
        id: TestDeviceId,
    },
    /// The MAC address or serial number belongs to another.
    #[error("{id} belongs to the test device {name} already")]
    TestDeviceIdTaken {
        /// Whose it is.
        name: TestDeviceName,
        /// The address or number.
        id: TestDeviceId,
    },
    /// No such test device.
    #[error("no test device {name}")]
    NoTestDevice {
        /// Which one was named.
        name: TestDeviceName,
    },
    /// No rule was named.
    #[error("no rule is named")]
    NoneNamed,
    /// A rule or an interim image is of the package.
    #[error("package {package} is in use: a rule or an interim image is of it")]
    PackageInUse {
        /// Which package.
        package: PackageId,
    },
    /// The package has left the book, and its files the store.
    #[error("package {package} is kept no more; ingest it again")]
    PackageRetired {
        /// Which package.
        package: PackageId,
    },
    /// Somebody changed the rule book since it was looked at.
    #[error("the rule book is at revision {found} now, not at {expected} as it was when this was asked")]
    BookMoved {
        /// The revision that was looked at.
        expected: u64,
        /// The one it is at.
        found: u64,
    },
    /// A book alone cannot do it: it needs the history, or the store.
    #[error("this takes the history or the store beside the rule book")]
    NotOfTheBook,
}

impl RuleBook {
    /// What taking in `package` would do. Its files must lie in the store already.
    ///
    /// # Errors
    /// When a version is there with other bytes, or an interim image would be offered for ever. Nothing is taken then.
    pub fn ingest(&self, package: &IngestedPackage) -> Result<Outcome, Refusal> {
        let mut change = Change::on(self);
        let id = package.id();
        let known = self.package(id);
        if known.is_some_and(|known| known.sha256 != package.sha256) {
            return Err(Refusal::OtherPackage { package: id });
        }
        if known.is_none_or(|known| known.ingest != package.ingest) {
            change.delta.packages.push(Entry::is(id, package.clone()));
        }
        for release in &package.releases {
            change.take_in(release, id)?;
        }
        for image in &package.interim {
            let stones = &self.settings.stones;
            let low = stones.iter().find(|stone| image.version.readable().is_none_or(|v| *v < stone.below));
            if let Some(stone) = low {
                return Err(Refusal::InterimTooLow {
                    locale: image.locale.clone(),
                    version: image.version.clone(),
                    below: stone.below.clone().into(),
                });
            }
            change.take_in_interim(image, id)?;
        }
        // The same package whose rules and interim images stand as they are: not even its record changes, unless its
        // files had to be stored anew.
        Ok(change.finish())
    }

    /// What a command would do.
    ///
    /// # Errors
    /// When it is refused; each reason is its own.
    pub fn command(&self, command: &Command) -> Result<Outcome, Refusal> {
        let mut change = Change::on(self);
        match command {
            Command::Ingest(package) => {
                let package = self.package(*package).ok_or(Refusal::NoPackage { package: *package })?;
                return self.ingest(&package.clone());
            }
            Command::Approve(rules) if rules.is_empty() => return Err(Refusal::NoneNamed),
            Command::Approve(rules) => rules.iter().try_for_each(|rule| change.approve(rule))?,
            Command::ApproveAllOf(package) => change.approve_all_of(*package)?,
            Command::Reject(rule) => {
                let rejected = change.with(rule, Rule::reject)?;
                change.notes.push(Note::Rejected { rule: change.spelled(rule), version: rejected.version });
            }
            Command::RollBack(rule) => {
                let rolled = change.with(rule, Rule::roll_back)?;
                let rule = change.spelled(rule);
                change.notes.push(match rolled.to {
                    Some(version) => Note::RolledBack { rule, version },
                    None => Note::RolledBackToNothing { rule },
                });
            }
            Command::Remove(rule) => {
                let rule =
                    self.rule(rule).ok_or_else(|| Refusal::NoRule { rule: rule.clone() })?.key().clone();
                change.delta.rules.push(Entry::gone(rule.clone()));
                change.notes.push(Note::Removed { rule });
            }
            Command::AddTestDevice(device) => change.add_test_device(device)?,
            Command::RemoveTestDevice(name) => {
                let known = self.test_devices.get(name);
                let name = known.ok_or_else(|| Refusal::NoTestDevice { name: name.clone() })?.name.clone();
                change.delta.test_devices.push(Entry::gone(name.clone()));
                change.notes.push(Note::TestDeviceRemoved { name });
            }
            Command::SetPolicy(rule, policy) => {
                let before = change.with(rule, |rule| Ok(rule.set_policy(*policy)))?;
                if before == *policy {
                    return Ok(Change::on(self).finish());
                }
                change.notes.push(Note::SettingsChanged);
            }
            Command::DeployAtIngest(device_type, on) => {
                let mut settings = self.settings.clone();
                let changed = if *on {
                    settings.deploy_at_ingest.insert(device_type.clone())
                } else {
                    settings.deploy_at_ingest.remove(device_type)
                };
                if changed {
                    change.settings(settings);
                }
            }
            Command::Retire(packages) => return self.retire(packages),
            Command::RollBackTo(_) | Command::Rebuild(_) => return Err(Refusal::NotOfTheBook),
        }
        Ok(change.finish())
    }
}

/// A change in the making: the book it is made on, and what is new so far.
struct Change<'a> {
    book: &'a RuleBook,
    rules: BTreeMap<RuleKey, Rule>,
    delta: Delta,
    notes: Vec<Note>,
}

impl<'a> Change<'a> {
    fn on(book: &'a RuleBook) -> Self {
        Self { book, rules: BTreeMap::new(), delta: Delta::default(), notes: Vec::new() }
    }

    fn finish(mut self) -> Outcome {
        let changed = self.rules.into_iter().filter(|(key, rule)| self.book.rule(key) != Some(rule));
        self.delta.rules.extend(changed.map(|(key, rule)| Entry::is(key, rule)));
        Outcome { delta: self.delta, notes: self.notes }
    }

    /// The rule as it is so far.
    fn rule(&self, key: &RuleKey) -> Option<&Rule> {
        self.rules.get(key).or_else(|| self.book.rule(key))
    }

    /// The key in the spelling of the first ingest.
    fn spelled(&self, key: &RuleKey) -> RuleKey {
        self.rule(key).map_or_else(|| key.clone(), |rule| rule.key().clone())
    }

    /// Makes a move on a rule.
    fn with<T>(
        &mut self,
        key: &RuleKey,
        make: impl FnOnce(&mut Rule) -> Result<T, RuleError>,
    ) -> Result<T, Refusal> {
        let rule = self.rule(key).ok_or_else(|| Refusal::NoRule { rule: key.clone() })?;
        let mut rule = rule.clone();
        let done =
            make(&mut rule).map_err(|cause| Refusal::WrongState { rule: rule.key().clone(), cause })?;
        self.rules.insert(rule.key().clone(), rule);
        Ok(done)
    }

    fn approve(&mut self, key: &RuleKey) -> Result<(), Refusal> {
        let approved = self.with(key, Rule::approve)?;
        let rule = self.spelled(key);
        if let Some(before) = approved.before.filter(|_| approved.older) {
            self.notes.push(Note::Older { rule: rule.clone(), version: approved.version.clone(), before });
        }
        self.notes.push(Note::Approved { rule, version: approved.version });
        Ok(())
    }

    fn approve_all_of(&mut self, id: PackageId) -> Result<(), Refusal> {
        let package = self.book.package(id).ok_or(Refusal::NoPackage { package: id })?;
        let mut approved = 0;
        for release in &package.releases {
            let pending = self.rule(&release.rule).and_then(Rule::pending);
            if pending.is_some_and(|pending| {
                pending.package == id && pending.version.same_release(&release.version)
            }) {
                self.approve(&release.rule)?;
                approved += 1;
            } else {
                let rule = self.spelled(&release.rule);
                self.notes.push(Note::Skipped { rule, why: RuleError::NothingPending });
            }
        }
        if approved == 0 {
            return Err(Refusal::NothingPendingOf { package: id });
        }
        Ok(())
    }

    /// One release of a package: pending, or there already, or refused for having other bytes.
    fn take_in(&mut self, release: &crate::Release, package: PackageId) -> Result<(), Refusal> {
        let mut rule = self.rule(&release.rule).cloned().unwrap_or_else(|| Rule::new(release.rule.clone()));
        let key = rule.key().clone();
        let version = release.version.clone();
        let places = [
            ("pending", rule.pending()),
            ("approved", rule.approved()),
            ("kept for roll back", rule.rollback()),
        ];
        let mut unchanged = None;
        for (state, candidate) in places {
            let Some(candidate) = candidate.filter(|candidate| candidate.version.same_release(&version))
            else {
                continue;
            };
            let there = self.book.release(&key, candidate);
            if candidate.package != package
                && !there.is_some_and(|there| there.files.same_bytes(&release.files))
            {
                return Err(Refusal::OtherBytes { rule: key, version, state, package: candidate.package });
            }
            if state != "kept for roll back" && unchanged.is_none() {
                unchanged = Some(state);
            }
        }
        if let Some(state) = unchanged {
            self.notes.push(Note::Unchanged { rule: key, version, state });
            return Ok(());
        }
        let replaced = rule.propose(Candidate { version: version.clone(), package });
        let note = match replaced {
            Some(replaced) => Note::Replaced { rule: key.clone(), version, replaced: replaced.version },
            None => Note::Pending { rule: key.clone(), version },
        };
        self.notes.push(note);
        self.rules.insert(key.clone(), rule);
        if self.book.settings.deploy_at_ingest.contains(key.device_type()) {
            self.approve(&key)?;
        }
        Ok(())
    }

    /// An interim image of a package: in use at once, since a stone's image needs no approval.
    fn take_in_interim(&mut self, image: &InterimImage, package: PackageId) -> Result<(), Refusal> {
        let (locale, version) = (image.locale.clone(), image.version.clone());
        let mut in_use = self.book.interim_images();
        let there =
            in_use.find(|(there, _)| there.locale == locale && there.update_type == image.update_type);
        if let Some((there, from)) = there {
            let same_release = there.version.same_release(&version);
            if same_release && there.files.same_bytes(&image.files) {
                return Ok(());
            }
            if same_release {
                return Err(Refusal::OtherInterimBytes { locale, version, package: from });
            }
            let replaced = there.version.clone();
            self.notes.push(Note::InterimReplaced { locale: locale.clone(), version, replaced });
        } else {
            self.notes.push(Note::InterimInUse { locale: locale.clone(), version });
        }
        self.delta.interim.push(Entry::is((locale, image.update_type.clone()), package));
        Ok(())
    }

    fn add_test_device(&mut self, device: &TestDevice) -> Result<(), Refusal> {
        if let Some(known) = self.book.test_devices.get(&device.name) {
            return Err(Refusal::TestDeviceNameTaken { name: known.name.clone(), id: known.id.clone() });
        }
        if let Some(known) = self.book.test_device(&device.id) {
            return Err(Refusal::TestDeviceIdTaken { name: known.name.clone(), id: known.id.clone() });
        }
        self.delta.test_devices.push(Entry::is(device.name.clone(), device.clone()));
        self.notes.push(Note::TestDeviceAdded { name: device.name.clone(), id: device.id.clone() });
        Ok(())
    }

    fn settings(&mut self, settings: Settings) {
        self.delta.settings = Some(settings);
        self.notes.push(Note::SettingsChanged);
    }
}
