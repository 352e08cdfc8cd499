//! [`Thresholds`]: the limits that decide when an event in the logs is a trouble.

use std::time::Duration;

/// The limits that decide when an event in the logs is a [`Trouble`](super::Trouble), such as a
/// slow download.
///
/// ```
/// use std::time::Duration;
/// use ucupdate_fleet::timeline::{StoryOptions, Thresholds};
/// let thresholds = Thresholds::default().with_slow(8, Duration::from_secs(300));
/// let options = StoryOptions::default().with_thresholds(thresholds);
/// # drop(options);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Thresholds {
    /// The number of refused attempts to sign in that count as a loop. Two refusals before a
    /// success are normal.
    pub(super) sign_ins: u32,
    pub(super) clock_minutes: i64,
    /// The time in seconds within which a device normally downloads the signature of an image.
    pub(super) signature: u64,
    /// The time in seconds in which a device normally downloads an offer. If the next request comes
    /// later than this, without a download in between, the device did not download the offer.
    pub(super) fetch: u64,
    /// The time in seconds in which a device must send a request after a download.
    pub(super) back: u64,
    /// The time in seconds without a request after which a device is silent.
    pub(super) silent: u64,
    /// The number of requests with the same offer that count as a trouble.
    pub(super) same_offers: u32,
    /// The factor for slow downloads. A download is slow if it takes longer than this factor times
    /// the median of all devices.
    pub(super) slow_factor: u64,
    /// The shortest time of a download that can be slow, in seconds.
    pub(super) slow: u64,
}

impl Default for Thresholds {
    /// Returns the default limits. The methods document them.
    fn default() -> Self {
        Self {
            sign_ins: 3,
            clock_minutes: 15,
            signature: 600,
            fetch: 60 * 60,
            back: 26 * 60 * 60,
            silent: 50 * 60 * 60,
            same_offers: 3,
            slow_factor: 4,
            slow: 60,
        }
    }
}

impl Thresholds {
    /// Sets when a download is slow. It is slow if it takes more than `factor` times the median of
    /// the downloads of this file by all devices, and at least `least`. Default: 4 times, and 60
    /// seconds.
    pub fn with_slow(self, factor: u32, least: Duration) -> Self {
        Self { slow_factor: factor.max(1).into(), slow: least.as_secs(), ..self }
    }

    /// Sets the time without a request after which a device is silent. Default: 50 hours, because a device asks once a day.
    pub fn with_silent_after(self, time: Duration) -> Self {
        Self { silent: time.as_secs(), ..self }
    }

    /// Sets the time in which a device must send a request after it downloaded an image. If it does
    /// not, the trouble is [`NotBack`](super::TroubleKind::NotBack). It also applies to a device
    /// that got an offer and sent no later request: if it does not download the offer in this time,
    /// the trouble is [`NeverFetched`](super::TroubleKind::NeverFetched). Default: 26 hours.
    pub fn with_back_within(self, time: Duration) -> Self {
        Self { back: time.as_secs(), ..self }
    }

    /// Sets the time in which a device normally downloads an offer. If its next request comes later and it downloaded nothing in
    /// between, the trouble is [`NeverFetched`](super::TroubleKind::NeverFetched). For
    /// [`with_same_offers`](Self::with_same_offers), offers within this time count as one. Default: one hour.
    pub fn with_fetch_within(self, time: Duration) -> Self {
        Self { fetch: time.as_secs(), ..self }
    }

    /// Sets the number of offers of the same version, while the device keeps its installed version,
    /// that count as the trouble [`OfferedAgain`](super::TroubleKind::OfferedAgain). At least 2.
    /// Default: 3.
    pub fn with_same_offers(self, offers: u32) -> Self {
        Self { same_offers: offers.max(2), ..self }
    }

    /// Sets the number of refused attempts to sign in, without an answered request in between, that count as a loop. Default: 3.
    pub fn with_sign_ins(self, attempts: u32) -> Self {
        Self { sign_ins: attempts.max(1), ..self }
    }

    /// Sets the smallest difference between the clocks of a device and the server that counts as a
    /// trouble, in minutes. Default: 15.
    pub fn with_clock_minutes(self, minutes: u32) -> Self {
        Self { clock_minutes: minutes.max(1).into(), ..self }
    }
}
