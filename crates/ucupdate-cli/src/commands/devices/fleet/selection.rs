//! Chooses the devices of the fleet that are shown, and their order.

use super::overview::Overview;
use clap::ValueEnum;
use std::cmp::Reverse;
use std::fmt;
use ucupdate::book::{GroupName, RuleKey, RulePattern, UpdateType};
use ucupdate::inventory::{DeviceNumber, DeviceState, InventoryDevice};
use ucupdate::request::{AskedFrom, Question};

/// The devices that are shown. The default is all of them. A device is shown only if all options choose it.
#[derive(Debug, clap::Args)]
pub(crate) struct SelectionArgs {
    /// List only devices in these states, separated by commas
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<StateName>,
    /// List only devices that should have another version, even if something prevents or delays the offer
    #[arg(long)]
    behind: bool,
    /// List only devices of rules that match this pattern, such as 'UCPhone/Polycom/CX*', or this short name, such as
    /// CX700
    #[arg(long, value_name = "PATTERN")]
    pub(crate) rule: Option<RulePattern>,
    /// List only devices in this group
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<GroupName>,
    /// List only devices that report this version of a module
    #[arg(long, value_name = "VERSION")]
    has: Option<String>,
    /// The order of the list
    #[arg(long, value_enum, default_value = "device")]
    sort: SortBy,
    /// Reverse the order
    #[arg(long)]
    reverse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SortBy {
    /// By MAC address, then by serial number
    Device,
    /// By state, those that need attention first
    State,
    /// By vendor and model
    Model,
    /// By the time of the last request, the earliest first
    LastAsked,
    /// By address
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StateName(DeviceState);

impl ValueEnum for StateName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [StateName; DeviceState::ALL.len()] = {
            let mut all = [StateName(DeviceState::Silent); DeviceState::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = StateName(DeviceState::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()).help(self.0.meaning()))
    }
}

impl SelectionArgs {
    /// Returns the chosen devices, sorted as `--sort` says.
    pub(crate) fn of(&self, overview: &Overview) -> Vec<DeviceNumber> {
        let devices = overview.devices.iter();
        let mut chosen: Vec<(DeviceNumber, DeviceState)> = devices
            .filter(|(_, state)| self.state.is_empty() || self.state.contains(&StateName(*state)))
            .filter(|(number, _)| self.is_only_by_state() || self.chooses(*number, overview))
            .copied()
            .collect();
        let fleet = &overview.fleet;
        match self.sort {
            SortBy::Device => {}
            SortBy::State => chosen.sort_by_key(|(_, state)| *state),
            SortBy::LastAsked => chosen.sort_by_cached_key(|(number, _)| fleet.device(*number).last_asked),
            SortBy::Model => chosen.sort_by_cached_key(|(number, _)| {
                let kind = fleet.device(*number).kind;
                [kind.vendor, kind.model].map(|word| word.to_ascii_lowercase())
            }),
            SortBy::Host => chosen.sort_by_cached_key(|(number, _)| {
                let host = fleet.device(*number).user_host;
                // IP addresses are ordered as numbers, and come before names.
                (Reverse(host.parse::<std::net::IpAddr>().ok().map(Reverse)), host)
            }),
        }
        if self.reverse {
            chosen.reverse();
        }
        chosen.into_iter().map(|(number, _)| number).collect()
    }

    /// Returns the given option that needs a rule book, such as `--behind`. Without a rule book it
    /// would choose no device. `None` if no such option is given.
    pub(crate) fn needs_rules(&self) -> Option<String> {
        let is_known = |state: DeviceState| {
            use DeviceState::{Looping, Silent, Stuck, Unknown};
            matches!(state, Silent | Looping | Stuck | Unknown)
        };
        let state = self.state.iter().find(|state| !is_known(state.0));
        let state = || state.map(|state| format!("--state {}", state.0.name()));
        self.behind.then(|| "--behind".to_owned()).or_else(state)
    }

    fn is_only_by_state(&self) -> bool {
        !self.behind && self.rule.is_none() && self.group.is_none() && self.has.is_none()
    }

    fn chooses(&self, number: DeviceNumber, overview: &Overview) -> bool {
        let device = overview.fleet.device(number);
        (!self.behind || overview.standing(number, &device).is_behind())
            && self.has.as_ref().is_none_or(|version| {
                device.modules.iter().any(|module| module.installed.version.as_str() == version)
            })
            && self.rule.as_ref().is_none_or(|pattern| is_of_rule(pattern, &device, overview))
            && self.group.as_ref().is_none_or(|group| is_in_group(group, &device, overview))
    }
}

/// Returns whether a pattern matches the rule of one of the modules of a device. If a module has no
/// rule, the words of the device and the module are compared with the pattern.
fn is_of_rule(pattern: &RulePattern, device: &InventoryDevice, overview: &Overview) -> bool {
    let Some(request) = device.request() else { return false };
    Question::all_of(&request, AskedFrom::default()).any(|question| {
        let rule = overview.index().and_then(|index| index.rule_of(&question));
        match rule {
            Some(rule) => {
                overview.rules.as_ref().is_some_and(|rules| rules.book().covers(pattern, rule.key()))
            }
            None => {
                let update_type = question.module.update_type_stem().parse::<UpdateType>().ok();
                let key =
                    update_type.and_then(|update| RuleKey::new(request.device.kind.clone(), update).ok());
                key.is_some_and(|key| pattern.holds(&key))
            }
        }
    })
}

fn is_in_group(group: &GroupName, device: &InventoryDevice, overview: &Overview) -> bool {
    let Some(rules) = &overview.rules else { return false };
    let book = rules.book();
    let identity = device.identity();
    if book.members(group).any(|member| Some(member) == identity.as_ref()) {
        return true;
    }
    let predicate = book.group(group).and_then(|group| group.predicate.as_ref());
    let (Some(predicate), Some(request), Some(index)) = (predicate, device.request(), overview.index())
    else {
        return false;
    };
    let from = AskedFrom { side: None, address: device.user_host.parse().ok() };
    Question::all_of(&request, from).any(|question| index.is_in(predicate, &question))
}

impl fmt::Display for SelectionArgs {
    /// Writes the conditions of the options, or nothing if all devices are chosen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.state.is_empty() {
            let names: Vec<&str> = self.state.iter().map(|state| state.0.name()).collect();
            parts.push(format!("state {}", names.join(" or ")));
        }
        if self.behind {
            parts.push("another version is due".to_owned());
        }
        parts.extend(self.rule.as_ref().map(|rule| format!("rule {rule}")));
        parts.extend(self.group.as_ref().map(|group| format!("group {group}")));
        parts.extend(self.has.as_ref().map(|version| format!("version {version}")));
        f.write_str(&parts.join(", "))
    }
}
