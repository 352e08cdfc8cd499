//! The sentence of a note.

use super::note::Note;
use crate::book::interim::approve_command;
use crate::book::rollout::{Rollout, Share};
use crate::book::rule::RuleKey;
use crate::book::stone::{MissingStone, SteppingStone, StoneRemedy};
use crate::value::shell_word;
use crate::version::{ReportedVersion, VersionScheme};
use std::fmt;

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ingested { package, file_name } => {
                write!(f, "package {package} was ingested from {file_name}")
            }
            Self::Pending { rule, version } => write!(f, "{rule}: {version} is pending"),
            Self::Replaced { rule, version, replaced } => {
                write!(f, "{rule}: {version} replaces {replaced}, which was pending")
            }
            Self::Unchanged { rule, version, state } => {
                write!(f, "{rule}: {version} is {state} already, nothing changes")
            }
            Self::Approved { rule, version, before } => {
                write!(f, "{rule}: {version} is approved")?;
                before.as_ref().map_or(Ok(()), |before| write!(f, ", in place of {before}"))
            }
            Self::Older { rule, version, before } => {
                write!(f, "{rule}: {version} is older than {before}, which was approved before")
            }
            Self::OlderThanApproved { rule, version, approved } => write!(
                f,
                "{rule}: {version} is older than {approved}, which is approved: the rollout takes devices down"
            ),
            Self::ApprovedAnyway { rule, version } => {
                write!(f, "{rule}: {version} is approved, so devices outside the rollout are offered it too")
            }
            Self::BesideRollout { rule, name, version } => write!(
                f,
                "{rule}: the rollout {name} of {version} also exists; a device gets the version of the rollout that was \
                 started first"
            ),
            Self::StillRejected { rule, version } => write!(
                f,
                "{rule}: {version} was rejected before, so it is not pending; approve it by its version, or take the \
                 rejection back"
            ),
            Self::RejectionTakenBack { rule, version } => {
                write!(f, "{rule}: the rejection of {version} is withdrawn")
            }
            Self::Rejected { rule, version } => write!(f, "{rule}: {version} is rejected"),
            Self::RolledBack { rule, version, from: Some(from) } => {
                write!(f, "{rule}: rolled back from {from} to {version}")
            }
            Self::RolledBack { rule, version, from: None } => write!(f, "{rule}: rolled back to {version}"),
            Self::RolledBackToNothing { rule, from } => {
                write!(f, "{rule}: rolled back")?;
                from.as_ref().map_or(Ok(()), |from| write!(f, " from {from}"))?;
                f.write_str(" to nothing: nothing is offered")
            }
            Self::Removed { rule, approved, pending } => {
                write!(f, "{rule}: removed")?;
                approved.as_ref().map_or(Ok(()), |version| write!(f, "; {version} was approved"))?;
                pending.as_ref().map_or(Ok(()), |version| write!(f, "; {version} was pending"))
            }
            Self::Skipped { rule, why } => write!(f, "{rule}: skipped, {why}"),
            Self::InterimPending { locale, version, replaced: None } => {
                write!(f, "interim image {version} for {locale} is pending")
            }
            Self::InterimPending { locale, version, replaced: Some(replaced) } => {
                write!(f, "interim image {version} for {locale} replaces {replaced}, which was pending")
            }
            Self::InterimApproved { locale, version, before, with } => {
                let too = if with.is_some() { " too" } else { "" };
                write!(f, "interim image {version} for {locale} is approved{too}")?;
                before.as_ref().map_or(Ok(()), |before| write!(f, ", in place of {before}"))?;
                with.as_ref()
                    .map_or(Ok(()), |rule| write!(f, ", because devices of {rule} must install it first"))
            }
            Self::InterimRejected { locale, version } => {
                write!(f, "interim image {version} for {locale} is rejected")
            }
            Self::InterimStillRejected { locale, update_type, version } => write!(
                f,
                "interim image {version} for {locale} was rejected before, so it is not pending; `{}` approves it",
                approve_command(locale, update_type, Some(version))
            ),
            Self::InterimBanned { locale, version, ban } => write!(
                f,
                "interim image {version} for {locale} is banned by {}{}, so it is offered to no device",
                ban.scope,
                Reason(&ban.reason)
            ),
            Self::InterimUnused { locale, version, stones } => {
                write!(
                    f,
                    "interim image {version} for {locale} is not used: no stepping stone is for the devices of its package"
                )?;
                if stones.is_empty() {
                    return f.write_str("; `ucupdate stone add` adds one");
                }
                f.write_str("; where such devices must install it first, type ")?;
                for (at, stone) in stones.iter().enumerate() {
                    let and = if at == 0 { "" } else { " and " };
                    write!(f, "{and}`{}`", stone.add_command())?;
                }
                f.write_str(", with --below as the vendor states it")
            }
            Self::InterimVersionUnknown { locale } => write!(
                f,
                "the interim image for {locale} is left out: neither its package nor a stepping stone for its devices states \
                 its version, expected a manifest that does; `ucupdate package build` writes one"
            ),
            Self::InterimRemoved { locale } => {
                write!(f, "no interim image for {locale} is approved, as in the restored revision")
            }
            Self::InterimNotPending { locale, from } => {
                write!(
                    f,
                    "no interim image for {locale} is pending, as in the restored revision; {from} was pending"
                )
            }
            Self::TestDeviceAdded { name, id } => write!(f, "{name} is a test device, known by its {id:#}"),
            Self::TestDeviceRemoved { name, id } => write!(f, "{name} is no longer a test device ({id:#})"),
            Self::PolicyChanged { rule, field, from, to } => {
                write!(f, "{rule}: policy {field} changed from {from} to {to}")
            }
            Self::SchemeSet { scheme: set, before } => {
                write!(f, "version scheme of {}: {}", set.rules, set.scheme)?;
                before.as_ref().map_or(Ok(()), |before| write!(f, "; before: {before}"))
            }
            Self::SchemeRemoved { scheme: removed } => {
                write!(f, "the version scheme of {} is removed; it was {}", removed.rules, removed.scheme)
            }
            Self::SchemeKept { rule, scheme } => write!(
                f,
                "{rule}: keeps its own version scheme {scheme}; `ucupdate policy set {} --scheme SCHEME` changes it",
                shell_word(&rule.to_string())
            ),
            Self::SchemeOfPattern { rule, scheme: of } => {
                write!(f, "{rule}: versions are read as {}, the scheme of {}", of.scheme, of.rules)
            }
            Self::NotInScheme { rule, version, role, scheme } => write!(
                f,
                "{rule}: the version scheme `{scheme}` cannot read {version}, which is {role}; it has no order, and equals \
                 only the same text{}",
                scheme_advice(rule, version)
            ),
            Self::OneRelease { rule, version, other } => write!(
                f,
                "{rule}: {version} and {other} have different bytes but are one release in this scheme; a device that has \
                 one of them is not offered the other"
            ),
            Self::DeployAtIngest { device_type, on: true } => {
                write!(f, "packages of {device_type} are approved as they are ingested")
            }
            Self::DeployAtIngest { device_type, on: false } => {
                write!(f, "packages of {device_type} wait for approval")
            }
            Self::DeployedAtIngest { rule, version } => write!(
                f,
                "{rule}: {version} goes to every device WITHOUT AN APPROVAL, because packages of {type_} are deployed as they \
                 are ingested; `ucupdate policy deploy-at-ingest {} no` makes later ones wait",
                shell_word(rule.kind().device_type.as_str()),
                type_ = rule.kind().device_type
            ),
            Self::Retired { package, file_name } => {
                write!(f, "package {package} of {file_name} has left the rule book")
            }
            Self::Restored { revision } => write!(f, "the rule book is as it was at revision {revision}"),
            Self::NothingApproved { rule, from } => {
                write!(f, "{rule}: nothing is approved, as in the restored revision")?;
                from.as_ref().map_or(Ok(()), |from| write!(f, "; {from} was approved"))
            }
            Self::NothingPending { rule, from } => {
                write!(f, "{rule}: nothing is pending, as in the restored revision; {from} was pending")
            }
            Self::StillGiven { rule, version, share, audience, rollout } => {
                write!(f, "{rule}: {version} is still offered to ")?;
                if !share.is_all() {
                    write!(f, "{share} of ")?;
                }
                match rollout {
                    Some(rollout) => write!(f, "{audience}, by the rollout {rollout}"),
                    None => write!(f, "{audience}, by a pin"),
                }
            }
            Self::StaysNewer { rule, version, from } => write!(
                f,
                "{rule}: devices that have {from} keep it, since the policy offers only newer versions than {version} \
                 is; `ucupdate policy set {} --offer different` lets them go back",
                shell_word(&rule.to_string())
            ),
            Self::BelowFloor { rule, version, floor } => write!(
                f,
                "{rule}: devices with a newer version than {version} keep it, since {version} is below the floor {floor}; \
                 `ucupdate policy set {} --floor none` lets them go back",
                shell_word(&rule.to_string())
            ),
            Self::RolloutStarted { rule, version, rollout, audience } => {
                let Rollout { name, share, window, guard, .. } = &**rollout;
                write!(
                    f,
                    "{rule}: rollout {name} offers {version} to {share} of {audience}{}",
                    Begin(share)
                )?;
                if let Some(window) = window {
                    write!(f, ", in the window {window}")?;
                }
                guard.as_ref().map_or(Ok(()), |guard| write!(f, "; it pauses {guard}"))
            }
            Self::ShareSet { rule, name, share, before } => {
                let (begin, began) = (Begin(share), Begin(before));
                write!(f, "{rule}: rollout {name} goes from {before}{began} to {share}{begin}")
            }
            Self::RolloutPaused { rule, name, reason } => {
                write!(f, "{rule}: rollout {name} is paused{}", Reason(reason))
            }
            Self::RolloutResumed { rule, name, reason } => {
                match reason.is_empty() {
                    // The rollout had no pause, or it was ended.
                    true => write!(f, "{rule}: rollout {name} runs again"),
                    false => write!(f, "{rule}: rollout {name} is resumed; it was paused{}", Reason(reason)),
                }
            }
            Self::RolloutOver { rule, name, version } => {
                write!(f, "{rule}: rollout {name} of {version} is ended")
            }
            Self::Pinned { rule, audience, version, before } => {
                write!(f, "{rule}: {audience} is pinned to {version}")?;
                before.as_ref().map_or(Ok(()), |before| write!(f, ", in place of {before}"))
            }
            Self::Unpinned { rule, audience, version } => {
                write!(f, "{rule}: {audience} is no longer pinned to {version}")
            }
            Self::GroupIs { name, what, before } => {
                write!(f, "group {name}: {what}")?;
                before.as_ref().map_or(Ok(()), |before| write!(f, "; before: {before}"))
            }
            Self::GroupRemoved { name, what } => write!(f, "group {name} is removed; it was {what}"),
            Self::MembersChanged { name, added, removed, unchanged, .. } => {
                write!(f, "group {name}: {added} added, {removed} removed, {unchanged} unchanged")
            }
            Self::Held { name, on, until, reason } => {
                write!(f, "{on} is offered nothing, by the hold {name}")?;
                until.map_or(Ok(()), |until| write!(f, " until {until}"))?;
                write!(f, "{}", Reason(reason))
            }
            Self::HoldRemoved { hold } => {
                write!(f, "the hold {} on {} is removed{}", hold.name, hold.on, WasReason(&hold.reason))
            }
            Self::StoneAdded { stone } => write!(f, "stepping stone {stone}"),
            Self::StoneRemoved { stone } => write!(f, "removed stepping stone {stone}"),
            Self::StoneReplaced { before, stones } => {
                write!(f, "stepping stone {before} is replaced by {}", AllOf(stones))
            }
            Self::StoneMissing(missing) => {
                let MissingStone { stone, rule, remedy } = missing;
                let name = shell_word(stone.name.as_str());
                let (locale, by) = (&rule.kind().locale, stone.image_version());
                write!(f, "{missing}; ")?;
                match remedy {
                    StoneRemedy::Approve => {
                        write!(f, "`{}` approves it", approve_command(locale, rule.update_type(), Some(&by)))
                    }
                    StoneRemedy::Narrow => {
                        write!(f, "it was made for other devices: type `ucupdate stone narrow {name}`")
                    }
                    StoneRemedy::Ingest => write!(
                        f,
                        "ingest a package with it, or else type `ucupdate stone remove {name}` if no device needs it"
                    ),
                }
            }
            Self::StonePending { stone, rule, version } => write!(
                f,
                "{rule}: devices below {} must install {} first, but the interim image {version} is pending, so they get \
                 nothing unless they are test devices; `{}` approves it",
                stone.below,
                stone.by,
                approve_command(&rule.kind().locale, rule.update_type(), None)
            ),
            Self::Banned { ban } => write!(f, "{} is banned{}", ban.scope, Reason(&ban.reason)),
            Self::BannedInUse { rule, version, audience } => write!(
                f,
                "{rule}: {version} for {audience} is banned, so these devices are offered nothing until the rule gives \
                 them another version"
            ),
            Self::StoneBanned { rule, stone } => write!(
                f,
                "{rule}: the image of the stepping stone {stone} is banned, so devices that must install it first are offered \
                 nothing"
            ),
            Self::BannedAtIngest { rule, version, ban } => {
                write!(
                    f,
                    "{rule}: {version} is banned by {}{}, so it is not pending",
                    ban.scope,
                    Reason(&ban.reason)
                )
            }
            Self::BanLifted { ban } => {
                write!(f, "{} is no longer banned{}", ban.scope, WasReason(&ban.reason))
            }
            Self::BanStays { ban } => write!(
                f,
                "{} stays banned{}; `{}` lifts the ban, a roll back does not",
                ban.scope,
                Reason(&ban.reason),
                ban.scope.lift_command()
            ),
            Self::RejectionStays { rule, version } => write!(
                f,
                "{rule}: {version} stays rejected; `unreject` takes a rejection back, a roll back does not"
            ),
            Self::AliasPut { alias, before } => {
                write!(f, "{alias}")?;
                before.as_ref().map_or(Ok(()), |before| write!(f, "; before: {before}"))
            }
            Self::AliasWithoutRule { alias } => {
                let (field, word) = (alias.reported.field, &alias.stands_for);
                write!(
                    f,
                    "no rule for these devices has the {field} {word} yet, so the alias leads to nothing until a package brings \
                     one; if the word is mistyped, remove the alias and set it again"
                )
            }
            Self::AliasNotUsed { alias, rule } => write!(
                f,
                "{rule}: devices that report the {} {} have a rule of their own, so they do not use the alias for {}",
                alias.reported.field, alias.reported.word, alias.stands_for
            ),
            Self::SettingOfAlias { alias, what, pattern, meant } => write!(
                f,
                "the {what} for {pattern} is for no rule, because {} stands for {} now; set it for {meant} instead",
                alias.reported.word, alias.stands_for
            ),
            Self::AliasRemoved { alias, from } => write!(f, "{alias} no longer stands for {from}"),
            Self::Stopped { scope, reason } => write!(f, "stopped: {scope}{}", Reason(reason)),
            Self::StopStays { scope, reason } => {
                write!(f, "stays stopped: {scope}{}; a roll back restarts nothing", Reason(reason))
            }
            Self::RestartAsked { scope, by } => {
                write!(f, "{by} requests a restart of {}; another person must approve it", scope.offers())
            }
            Self::Restarted { scope, reason } => {
                write!(f, "restarted: {scope}")?;
                if reason.is_empty() { Ok(()) } else { write!(f, "; it was stopped{}", Reason(reason)) }
            }
            Self::AcceptedOnRequest { problem } => write!(f, "accepted on request: {problem}"),
        }
    }
}

pub(super) struct AllOf<'a>(pub(super) &'a [SteppingStone]);

impl fmt::Display for AllOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, stone)| {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{stone}")
        })
    }
}

/// The start of a share that grows with time, as in ` from 2026-03-01T00:00:00Z on`. Writes nothing for another
/// share.
struct Begin<'a>(&'a Share);

impl fmt::Display for Begin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Share::Ramp(ramp) => write!(f, " from {} on", ramp.start),
            Share::All | Share::Percent(_) => Ok(()),
        }
    }
}

/// A reason in brackets. Writes nothing for an empty reason.
struct Reason<'a>(&'a str);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (reason: {})", self.0) }
    }
}

/// The reason of a hold or a ban that is over. Writes nothing for an empty reason.
struct WasReason<'a>(&'a str);

impl fmt::Display for WasReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; its reason was: {}", self.0) }
    }
}

/// Returns an advice that ends a sentence: the command line that sets a scheme which can read the version. Empty if
/// no scheme can read it.
fn scheme_advice(rule: &RuleKey, version: &ReportedVersion) -> String {
    VersionScheme::reading(version).map_or_else(String::new, |scheme| {
        let (rule, scheme) = (shell_word(&rule.to_string()), shell_word(&scheme.to_string()));
        format!("; `ucupdate policy set {rule} --scheme {scheme}` reads it")
    })
}
