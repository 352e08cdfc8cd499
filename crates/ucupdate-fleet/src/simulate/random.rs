//! Reproducible random numbers. Each number is a function of the seed, the device and the purpose.
//!
//! No number depends on an earlier number, so the order of the devices and the number of threads do
//! not matter. The mixing function is that of SplitMix64 (Steele, Lea and Flood, 2014).

use ucupdate_core::book::Percent;

/// The purpose of a random number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    /// The time within each period at which a device sends its request.
    Phase = 1,
    /// The decision whether the device restarts between two regular requests.
    Start,
    /// The time of the restart.
    StartAt,
    /// The duration of an installation.
    Install,
    /// The result of an installation.
    Fate,
}

/// Source of the random numbers of one device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64, device: u32) -> Self {
        Self(mix(mix(seed) ^ u64::from(device)))
    }

    /// Returns a random number below `end` for the purpose `what`. `nth` distinguishes several
    /// numbers for the same purpose.
    pub(super) fn below(self, end: u32, what: Draw, nth: u64) -> u32 {
        let drawn = mix(mix(self.0 ^ (what as u64)) ^ nth);
        let below = (u128::from(drawn) * u128::from(end)) >> 64;
        u32::try_from(below).unwrap_or(0)
    }

    /// Returns whether an event with the probability `share` occurs.
    pub(super) fn hits(self, share: Percent, what: Draw, nth: u64) -> bool {
        self.below(10_000, what, nth) < u32::from(share.hundredths())
    }
}

const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_published_generator() {
        // These are the first outputs of SplitMix64 with state 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn draws_are_spread_evenly_and_differ_by_device_seed_and_purpose() {
        let mut places = [0_u32; 10];
        for device in 0..100_000 {
            places[Chance::of(7, device).below(10, Draw::Phase, 0) as usize] += 1;
        }
        // Each count is about 10,000, with a standard deviation of 95.
        assert!(places.iter().all(|count| count.abs_diff(10_000) < 500), "{places:?}");
        let draw = |seed, device, what, nth| Chance::of(seed, device).below(u32::MAX, what, nth);
        let first = draw(1, 1, Draw::Fate, 1);
        for other in [
            draw(2, 1, Draw::Fate, 1),
            draw(1, 2, Draw::Fate, 1),
            draw(1, 1, Draw::Start, 1),
            draw(1, 1, Draw::Fate, 2),
        ] {
            assert_ne!(first, other);
        }
    }
}
