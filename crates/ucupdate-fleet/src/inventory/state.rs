//! [`DeviceStanding`]: the state of a device. It depends on the version that the device has and on
//! the version that it should have.

use super::device::{InventoryDevice, InventoryModule, ModuleHistory};
use super::fetches::{FetchedExtent, RecentFetches};
use std::fmt;
use std::time::Duration;
use ucupdate_core::decide::{EligibilityIndex, OfferKind, decide};
use ucupdate_core::request::AskedFrom;
use ucupdate_core::value::UnixTime;
use ucupdate_core::version::{ReportedVersion, VersionScheme};
use ucupdate_core::{Decision, Question};

/// The number of [tries](ModuleHistory::tries) to install the same version from which a device is stuck.
const STUCK_TRIES: u32 = 3;

/// The state of a device. Each device has exactly one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeviceState {
    /// The device has sent no request for longer than [`StateOptions::with_silence`] allows.
    Silent,
    /// The device is sent from one version to another and back, or is offered the version that it has.
    Looping,
    /// The device was offered the same version at least three times, an hour or more apart, and
    /// kept its old version.
    Stuck,
    /// The device should get another version, and something prevents the offer. [`DeviceStanding::reason`] names the cause.
    Behind,
    /// The device downloaded the offered version, or a part of it within the last hour, and has not sent a request since.
    Downloading,
    /// The device will be offered the version in the answer to its next request.
    Offered,
    /// The device has a newer version than its rule gives it, and the rule does not allow a
    /// downgrade to the older version.
    Ahead,
    /// The device has the version that its rule gives it.
    UpToDate,
    /// The rule of the device has no version for this device.
    NoVersion,
    /// The rule book has no rule for the kind of the device. Or it is unclear which rule is for a
    /// module: several rules match the module, or several modules match one rule.
    NoRule,
    /// The state is not known: there is no rule book, the device reported no module, or its device
    /// kind is not valid in a request.
    Unknown,
}

impl DeviceState {
    /// All states. States that need attention come first.
    pub const ALL: [Self; 11] = [
        Self::Silent,
        Self::Looping,
        Self::Stuck,
        Self::Behind,
        Self::Downloading,
        Self::Offered,
        Self::Ahead,
        Self::UpToDate,
        Self::NoVersion,
        Self::NoRule,
        Self::Unknown,
    ];

    /// Returns the name for programs, such as `up-to-date`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Looping => "looping",
            Self::Stuck => "stuck",
            Self::Behind => "behind",
            Self::Downloading => "downloading",
            Self::Offered => "offered",
            Self::Ahead => "ahead",
            Self::UpToDate => "up-to-date",
            Self::NoVersion => "no-version",
            Self::NoRule => "no-rule",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the end of a sentence about devices in this state, such as `have no rule`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Silent => "have not asked for a long time",
            Self::Looping => {
                "are sent from one version to another and back, or are offered the version they have"
            }
            Self::Stuck => "were offered the same version three times or more, and kept their own",
            Self::Behind => "should get another version, and a reason prevents the offer",
            Self::Downloading => {
                "fetched the offered version or, within the last hour, a part of it, and have not asked since"
            }
            Self::Offered => "get the version when they ask the next time",
            Self::Ahead => "have another version that their rule does not replace by its older one",
            Self::UpToDate => "have the version that their rule gives them",
            Self::NoVersion => "have a rule that gives them no version",
            Self::NoRule => "have no rule",
            Self::Unknown => "cannot be compared with a rule",
        }
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The options of [`DeviceStanding::of`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct StateOptions<'a> {
    now: UnixTime,
    silent_at: UnixTime,
    silence: Duration,
    download: Duration,
    fetches: Option<&'a RecentFetches>,
}

impl<'a> StateOptions<'a> {
    /// Creates options for the states at the time `now`. By default, a device is silent after 50
    /// hours without a request, because a device sends a request once a day. A download of a part
    /// of an image counts as downloading for one hour.
    pub const fn new(now: UnixTime) -> Self {
        let (silence, download) = (Duration::from_secs(50 * 60 * 60), Duration::from_secs(60 * 60));
        Self { now, silent_at: now, silence, download, fetches: None }
    }

    /// Sets the downloads that show which devices are downloading. Default: none, so no device gets the state
    /// [`DeviceState::Downloading`].
    pub const fn with_fetches(self, fetches: &'a RecentFetches) -> Self {
        Self { fetches: Some(fetches), ..self }
    }

    /// Sets the time up to which silence is measured, such as the end of the logs. The silence of a
    /// device is the time from its last request to this time. Default: the time that was passed to
    /// [`new`](Self::new).
    pub const fn with_end(self, end: UnixTime) -> Self {
        Self { silent_at: end, ..self }
    }

    /// Sets the time without a request after which a device is silent. Default: 50 hours.
    pub const fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }
}

/// The state of a device, with the module and the decision that determine the state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceStanding<'a> {
    /// The state of the device: [`DeviceState::Silent`], or the state of the module that needs most
    /// attention.
    pub state: DeviceState,
    /// The index in [`InventoryDevice::modules`] of the module that needs most attention. `None` if
    /// the device reported no module.
    pub module: Option<usize>,
    /// The decision about the module if the device sent a request now. `None` if there is no rule
    /// book, or if the device kind is not valid in a request.
    pub decision: Option<Decision<'a>>,
}

impl<'a> DeviceStanding<'a> {
    /// Determines the state of a device. If it has several modules, the module that needs most
    /// attention determines the state.
    ///
    /// `histories` is the result of [`Inventory::histories`](super::Inventory::histories) for the
    /// device. Without `index` the rules are not known. Then the state can only be silent, looping,
    /// stuck or unknown.
    pub fn of(
        device: &InventoryDevice,
        histories: &[ModuleHistory],
        index: Option<&'a EligibilityIndex>,
        options: &StateOptions<'_>,
    ) -> Self {
        let request = index.and_then(|index| Some((index, device.request()?)));
        let mut standing = Self { state: DeviceState::Unknown, module: None, decision: None };
        let mut worst = None;
        for (place, module) in device.modules.iter().enumerate() {
            let history = histories.get(place);
            let (decision, scheme) = match &request {
                Some((index, request)) => {
                    let from = AskedFrom { side: None, address: device.user_host.parse().ok() };
                    let Some(question) = Question::all_of(request, from).nth(place) else { continue };
                    let scheme = index.rule_of(&question).map(|rule| &rule.policy().scheme);
                    (Some(decide(index, &question, options.now)), scheme)
                }
                None => (None, None),
            };
            let scheme = scheme.unwrap_or(&VersionScheme::Dotnet);
            let host = &device.user_host;
            let state = state_of(module, history, decision.as_ref(), scheme, host, options);
            // A module without a rule does not determine the state of a device that has a rule for
            // another module.
            if worst.is_none_or(|worst| state < worst) {
                worst = Some(state);
                standing = Self { state, module: Some(place), decision };
            }
        }
        if seconds_between(device.last_asked, options.silent_at) > options.silence.as_secs() {
            standing.state = DeviceState::Silent;
        }
        standing
    }

    /// Returns the version that the device should have. `None` if there is no decision, if the rule
    /// gives no version, and if the version or a stepping stone to it is banned or missing.
    pub fn target(&self) -> Option<&'a ReportedVersion> {
        self.decision.as_ref().and_then(Decision::target)
    }

    /// Returns the version that the device would be offered now: the target, or a stepping stone.
    /// `None` if nothing would be offered.
    pub fn offer(&self) -> Option<&'a ReportedVersion> {
        self.decision.as_ref().and_then(|decision| decision.offer().map(|offer| &offer.version))
    }

    /// Returns the word for the reason why nothing is offered, such as `held`. `None` if something
    /// is offered, if the device is up to date, and if there is no decision.
    pub fn reason(&self) -> Option<&'static str> {
        let decision = self.decision.as_ref()?;
        match decision {
            Decision::Offer { .. } | Decision::UpToDate { .. } => None,
            decision => Some(decision.word()),
        }
    }

    /// Returns whether the device should have another version than it has, even if the offer is prevented or delayed.
    pub fn is_behind(&self) -> bool {
        use Decision as D;
        self.decision.as_ref().is_some_and(|decision| {
            !matches!(
                decision,
                D::UpToDate { .. }
                    | D::NoRule
                    | D::AmbiguousModule { .. }
                    | D::NothingApproved { .. }
                    | D::NotNewer { .. }
                    | D::BelowFloor { .. }
            )
        })
    }
}

fn state_of(
    module: &InventoryModule,
    history: Option<&ModuleHistory>,
    decision: Option<&Decision<'_>>,
    scheme: &VersionScheme,
    host: &str,
    options: &StateOptions<'_>,
) -> DeviceState {
    let is_open = decision.is_none_or(|decision| decision.offer().is_some());
    if is_open && is_looping(module, history, scheme) {
        return DeviceState::Looping;
    }
    let offered_again = |offered: &ReportedVersion| {
        decision.is_none_or(|decision| {
            decision.offer().is_some_and(|offer| scheme.is_same_release(&offer.version, offered))
        })
    };
    let offered = module.offered.as_ref().filter(|offered| offered_again(offered));
    if offered.is_some() && history.is_some_and(|history| history.tries >= STUCK_TRIES) {
        return DeviceState::Stuck;
    }
    match decision {
        None => DeviceState::Unknown,
        Some(Decision::Offer { kind, .. }) => {
            let is_stone = matches!(kind, OfferKind::SteppingStone { .. });
            let is_downloading =
                offered.is_some_and(|offered| is_downloading(module.asked, offered, is_stone, host, options));
            if is_downloading { DeviceState::Downloading } else { DeviceState::Offered }
        }
        Some(Decision::UpToDate { .. }) => DeviceState::UpToDate,
        Some(Decision::NotNewer { .. } | Decision::BelowFloor { .. }) => DeviceState::Ahead,
        Some(Decision::NothingApproved { .. }) => DeviceState::NoVersion,
        Some(Decision::NoRule | Decision::AmbiguousModule { .. }) => DeviceState::NoRule,
        Some(_) => DeviceState::Behind,
    }
}

/// Returns whether the device downloads the version `offered`, or has downloaded it since its
/// request at the time `asked`. If the version is a stepping stone, a download of the interim image
/// counts too, because the path of an interim image has no version.
fn is_downloading(
    asked: UnixTime,
    offered: &ReportedVersion,
    is_stone: bool,
    host: &str,
    options: &StateOptions<'_>,
) -> bool {
    let Some(fetches) = options.fetches else { return false };
    let of_version = fetches.since(asked, host, Some(offered.as_str()));
    let interim = || fetches.since(asked, host, None).filter(|_| is_stone);
    match of_version.or_else(interim) {
        Some(FetchedExtent::Whole) => true,
        Some(FetchedExtent::Part(at)) => seconds_between(at, options.now) <= options.download.as_secs(),
        None => false,
    }
}

/// Returns whether a module is in a loop. This is so if it is offered the version that it has. It
/// is also so if it went from version A to B and back to A, and is offered B again.
fn is_looping(module: &InventoryModule, history: Option<&ModuleHistory>, scheme: &VersionScheme) -> bool {
    let Some(offered) = &module.offered else { return false };
    let left = history.filter(|history| history.has_returned).and_then(|history| history.previous.as_ref());
    scheme.is_same_release(offered, &module.installed.version)
        || left.is_some_and(|left| scheme.is_same_release(offered, left))
}

/// Returns the seconds from `from` to `to`. 0 if `to` is not later.
fn seconds_between(from: UnixTime, to: UnixTime) -> u64 {
    u64::try_from(to.as_seconds().saturating_sub(from.as_seconds())).unwrap_or(0)
}
