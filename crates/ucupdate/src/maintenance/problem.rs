//! [`StoreProblem`]: a problem in a store, and its repair.

use std::fmt;
use ucupdate_core::book::{BanScope, OneRelease, OtherInterimVersion, SteppingStone, WideStone};
use ucupdate_core::value::{Counted, PackageId};

/// A problem that [`check_store`](crate::check_store) found. Its text names the object. [`repair`](Self::repair) says
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message documents the field")]
#[non_exhaustive]
pub enum StoreProblem {
    /// A revision is missing, but a later one exists. The history can be continued if a later
    /// checkpoint has the rule book.
    RevisionMissing { key: String, can_continue: bool },
    /// A revision cannot be read, or has another number than its key.
    RevisionDamaged { key: String, what: String, is_newest: bool, can_continue: bool },
    /// An object of the history exists, but the store cannot read it: a link, a file of another user, or a bad disk.
    Unreadable { key: String, what: String },
    /// A folder, a link or a pipe has the name of an object that may be written later, or an entry
    /// that is not a folder has the name of a folder. Changes that need this name fail.
    Stray { key: String, what: &'static str, expected: &'static str },
    /// A revision does not follow the one before it: one of the two was changed.
    ChainBroken { key: String, before: String, what: String, can_continue: bool },
    /// The store has packages, but no history.
    HistoryGone { packages: usize },
    /// A newer program wrote a revision or a kept inventory. In the first case, this revision and
    /// all later ones were not checked.
    Newer { key: String, what: String },
    /// A checkpoint differs from the history.
    CheckpointDamaged { key: String, what: String },
    /// A checkpoint belongs to a revision that does not exist. Revisions may be lost.
    CheckpointAhead { key: String },
    /// The description of a package is missing, or differs from the history. A rebuild needs the description.
    DescriptionDamaged { key: String, package: PackageId, package_file: String },
    /// A file of a package is missing.
    FileGone { key: String, file: String, package: PackageId, package_file: String },
    /// A file of a package differs from the ingested file.
    FileDamaged { key: String, file: String, package: PackageId, package_file: String },
    /// A kept revision needs a package that has left the rule book.
    PackageGone { package: PackageId },
    /// A kept inventory is damaged or too large, or cannot be read. Readers of inventories skip it.
    InventoryDamaged { key: String, what: String },
    /// A log is larger than the readers of the logs accept.
    LogTooLarge { key: String, what: String },
    /// A stepping stone sends an interim image to devices of any vendor or model. Stores of early
    /// programs have such a stone, because their stones could not be limited to several vendors or
    /// models.
    StoneTooWide { wide: Box<WideStone> },
    /// An approved interim image has another version than the stepping stone that sends it.
    OtherInterimVersion { other: Box<OtherInterimVersion> },
    /// Two different images of a rule are one release in the version scheme of the rule.
    OneRelease { pair: Box<OneRelease> },
    /// A ban has no version, so it applies to no image. Earlier programs accepted such bans.
    BanEmpty { scope: Box<BanScope> },
}

impl StoreProblem {
    /// Returns the kind in one word, such as `revision-missing`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RevisionMissing { .. } => "revision-missing",
            Self::RevisionDamaged { .. } => "revision-damaged",
            Self::Unreadable { .. } => "unreadable",
            Self::Stray { .. } => "stray",
            Self::ChainBroken { .. } => "chain-broken",
            Self::HistoryGone { .. } => "history-gone",
            Self::Newer { .. } => "newer",
            Self::CheckpointDamaged { .. } => "checkpoint-damaged",
            Self::CheckpointAhead { .. } => "checkpoint-ahead",
            Self::DescriptionDamaged { .. } => "description-damaged",
            Self::FileGone { .. } => "file-gone",
            Self::FileDamaged { .. } => "file-damaged",
            Self::PackageGone { .. } => "package-gone",
            Self::InventoryDamaged { .. } => "inventory-damaged",
            Self::LogTooLarge { .. } => "log-too-large",
            Self::StoneTooWide { .. } => "stone-too-wide",
            Self::OtherInterimVersion { .. } => "other-interim-version",
            Self::OneRelease { .. } => "one-release",
            Self::BanEmpty { .. } => "ban-empty",
        }
    }

    /// Returns the key of the object. `None` if the problem is not about one object.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::RevisionMissing { key, .. }
            | Self::RevisionDamaged { key, .. }
            | Self::Unreadable { key, .. }
            | Self::Stray { key, .. }
            | Self::ChainBroken { key, .. }
            | Self::Newer { key, .. }
            | Self::CheckpointDamaged { key, .. }
            | Self::CheckpointAhead { key }
            | Self::DescriptionDamaged { key, .. }
            | Self::InventoryDamaged { key, .. }
            | Self::LogTooLarge { key, .. }
            | Self::FileGone { key, .. }
            | Self::FileDamaged { key, .. } => Some(key),
            Self::HistoryGone { .. }
            | Self::PackageGone { .. }
            | Self::StoneTooWide { .. }
            | Self::OtherInterimVersion { .. }
            | Self::OneRelease { .. }
            | Self::BanEmpty { .. } => None,
        }
    }

    /// Marks the problem as one that can be repaired by continuing the history, because a
    /// checkpoint at this revision or later has the whole rule book. Does nothing for other kinds
    /// of problem.
    pub(crate) fn set_can_continue(&mut self) {
        if let Self::RevisionMissing { can_continue, .. }
        | Self::RevisionDamaged { can_continue, .. }
        | Self::ChainBroken { can_continue, .. } = self
        {
            *can_continue = true;
        }
    }

    /// Returns the repair as an instruction.
    pub fn repair(&self) -> String {
        match self {
            Self::RevisionMissing { key, can_continue: true } => format!(
                "restore `{key}` from a copy of the store; without a copy, continue after the loss: a later checkpoint holds the rule book"
            ),
            Self::RevisionMissing { key, can_continue: false } => format!(
                "restore `{key}` from a copy of the store; without a copy, move all revisions and checkpoints after `{key}` out of the store, which takes the rule book back to the revision before it, and restart the servers"
            ),
            Self::RevisionDamaged { key, is_newest: true, .. } => format!(
                "restore `{key}` from a copy of the store; without a copy, move this object alone out of the store, which takes back only its change, and restart the servers"
            ),
            Self::RevisionDamaged { key, .. } => format!(
                "restore `{key}` from a copy of the store; without a copy, move this object out of the store, and check again"
            ),
            Self::Unreadable { key, .. } => format!(
                "make `{key}` readable; in a folder, it and the folders above must belong to this user and be no links; in a bucket, check the names of its objects, and whether a proxy or a sign-in page answers; if the disk is bad, restore it from a copy"
            ),
            Self::Stray { key, .. } => format!("move `{key}` away, out of the store"),
            Self::ChainBroken { key, before, can_continue: true, .. } => format!(
                "restore `{before}` or `{key}` from a copy of the store, whichever differs; without a copy, move `{before}` out of the store, and continue after the loss: a later checkpoint holds the rule book"
            ),
            Self::ChainBroken { key, before, can_continue: false, .. } => format!(
                "restore `{before}` or `{key}` from a copy of the store, whichever differs; without a copy, move `{key}` and all revisions and checkpoints after it out of the store, which takes the rule book back to `{before}`, and restart the servers"
            ),
            Self::HistoryGone { .. } => {
                "repeat the import or export that was interrupted, or restore `state/` from a copy of the store; without a copy, rebuild from the images".to_owned()
            }
            Self::Newer { .. } => "use the program that wrote it, or a newer one".to_owned(),
            Self::CheckpointDamaged { key, .. } => {
                format!("delete `{key}`: it is only a cache, and a start takes longer until the next one")
            }
            Self::CheckpointAhead { key } => format!(
                "restore the revisions up to it from a copy of the store; if none were lost, delete `{key}`"
            ),
            Self::DescriptionDamaged { package_file, package, .. } => format!(
                "ingest package {package} ({package_file}) again, or restore the object from a copy; an export of the store writes it again in the target"
            ),
            Self::FileGone { package_file, package, .. }
            | Self::FileDamaged { package_file, package, .. } => {
                format!("ingest package {package} ({package_file}) again, or restore the object from a copy")
            }
            Self::PackageGone { package } => {
                format!("ingest package {package} again to be able to roll back that far, or ignore this")
            }
            Self::InventoryDamaged { key, .. } => format!(
                "delete `{key}`: a server that runs keeps it anew from the logs, and `ucupdate fleet --keep` does so at once"
            ),
            Self::LogTooLarge { key, .. } => format!(
                "move `{key}` out of the store: no server makes such a log; `ucupdate fleet --audit FILE` and `ucupdate timeline --access FILE` read it there"
            ),
            Self::StoneTooWide { wide } if wide.is_covered => format!(
                "type `{}`: each kind of device that the image was made for has a stepping stone of its own",
                wide.narrow_command()
            ),
            Self::StoneTooWide { wide } if wide.narrowed.is_empty() => format!(
                "ingest the package with the image {} and check again; if no device has to step, type `{}`",
                wide.stone.by,
                wide.narrow_command()
            ),
            Self::StoneTooWide { wide } => format!(
                "type `{}`: it leaves the stone to {}; other devices go straight to their target. With --dry-run it changes \
                 nothing and lists the devices whose answer would change",
                wide.narrow_command(),
                kinds_of(wide)
            ),
            Self::OtherInterimVersion { other } => format!(
                "type `{}` if the image is the right one, or else ingest a package with the image that the stone names",
                other.set_command()
            ),
            Self::OneRelease { pair } => format!(
                "type `{}` if devices must not get the image of {}, or set a version scheme that tells the versions apart with \
                 `ucupdate policy set {} --scheme SCHEME`",
                pair.ban_command(),
                pair.other.0,
                pair.rule
            ),
            Self::BanEmpty { scope } => format!(
                "type `{}`, and ban the version that was meant with `ucupdate ban add RULES VERSION --reason TEXT`",
                scope.lift_command()
            ),
        }
    }
}

impl fmt::Display for StoreProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { key, what } => write!(f, "`{key}` cannot be read: {what}"),
            Self::Stray { key, what, expected } => {
                write!(f, "`{key}` is {what}, expected {expected}: changes fail when they come to it")
            }
            Self::RevisionMissing { key, .. } => write!(f, "`{key}` is missing, but later revisions exist"),
            Self::RevisionDamaged { what, .. }
            | Self::ChainBroken { what, .. }
            | Self::Newer { what, .. } => f.write_str(what),
            Self::HistoryGone { packages } => {
                let packages = Counted::new(*packages, "ingested package");
                write!(f, "the store has {packages}, but no history")
            }
            Self::CheckpointAhead { key } => write!(f, "`{key}` belongs to a revision that does not exist"),
            Self::DescriptionDamaged { key, package, .. } => {
                write!(f, "`{key}` does not describe package {package} as it was ingested")
            }
            Self::CheckpointDamaged { key, what } => write!(f, "`{key}` {what}"),
            Self::InventoryDamaged { key, what } => write!(f, "the inventory `{key}` cannot be used: {what}"),
            Self::LogTooLarge { key, what } => write!(f, "the log `{key}` is {what}"),
            Self::FileGone { key, file, package, .. } => {
                write!(f, "{file} of package {package} is missing at `{key}`")
            }
            Self::FileDamaged { key, file, package, .. } => {
                write!(f, "{file} of package {package} at `{key}` differs from what was ingested")
            }
            Self::PackageGone { package } => {
                write!(f, "a kept revision needs package {package}, which has left the rule book")
            }
            Self::StoneTooWide { wide } => {
                let SteppingStone { name, kind, below, by, .. } = &wide.stone;
                write!(
                    f,
                    "stepping stone {name} sends the interim image {by} to every device of {kind} below {below}, also to those \
                     that report 0.0.0.0, but the image was made for single models"
                )
            }
            Self::OtherInterimVersion { other } => {
                let OtherInterimVersion { locale, version, stone, .. } = &**other;
                write!(
                    f,
                    "interim image {version} for {locale} is approved, but stepping stone {} names {}",
                    stone.name, stone.by
                )
            }
            Self::OneRelease { pair } => {
                let OneRelease { rule, scheme, kept, other, .. } = &**pair;
                write!(
                    f,
                    "{rule}: {} and {} are different images, but one release in the version scheme `{scheme}`, so a device with \
                     one of them is not offered the other",
                    kept.0, other.0
                )
            }
            Self::BanEmpty { scope } => {
                write!(f, "the ban of `{scope}` has no version, so it applies to no image")
            }
        }
    }
}

fn kinds_of(wide: &WideStone) -> String {
    let kinds: Vec<String> = wide.narrowed.iter().map(|stone| stone.kind.to_string()).collect();
    kinds.join(", ")
}
