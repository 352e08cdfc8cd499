//! The thresholds from which the behaviour of a device counts as a trouble.

use crate::args::moment::{MINUTE, units};
use crate::args::number::number;
use std::time::Duration;
use ucupdate::timeline::Thresholds;

#[derive(Debug, clap::Args)]
pub(crate) struct ThresholdArgs {
    /// A device is silent after this time without a request: hours (50h) or days (7d)
    #[arg(long, value_name = "TIME", default_value = "50h", value_parser = long)]
    silent_after: Duration,
    /// A download is slow if it takes more than this number of times the median of other devices
    #[arg(long, value_name = "N", default_value = "4", value_parser = |text: &str| number::<u32>(text, 1..=1000))]
    slow_factor: u32,
    /// A download is slow only if it takes at least this number of seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = |text: &str| units::<u32>(text, 1, 0..=4_294_967_295))]
    slow_seconds: u32,
    /// A device is not back if it has not asked for this time after a download
    #[arg(long, value_name = "TIME", default_value = "26h", value_parser = long)]
    back_within: Duration,
    /// An offer is never fetched if the device asks again after this number of minutes without a download. Offers within this time
    /// count as one
    #[arg(long, value_name = "MINUTES", default_value = "60", value_parser = |text: &str| units::<u32>(text, MINUTE, 1..=100_000))]
    fetch_minutes: u32,
    /// A version is offered again and again after this number of offers
    #[arg(long, value_name = "N", default_value = "3", value_parser = |text: &str| number::<u32>(text, 2..=1000))]
    same_offers: u32,
    /// Refused attempts to sign in are a loop after this number
    #[arg(long, value_name = "N", default_value = "3", value_parser = |text: &str| number::<u32>(text, 1..=1000))]
    sign_ins: u32,
    /// A clock is wrong if it differs by this number of minutes
    #[arg(long, value_name = "MINUTES", default_value = "15", value_parser = |text: &str| units::<u32>(text, MINUTE, 1..=100_000))]
    clock_minutes: u32,
}

impl ThresholdArgs {
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds::default()
            .with_silent_after(self.silent_after)
            .with_slow(self.slow_factor, Duration::from_secs(self.slow_seconds.into()))
            .with_back_within(self.back_within)
            .with_fetch_within(Duration::from_secs(u64::from(self.fetch_minutes) * 60))
            .with_same_offers(self.same_offers)
            .with_sign_ins(self.sign_ins)
            .with_clock_minutes(self.clock_minutes)
    }
}

/// Parses a number of hours or days, such as `50h` or `7d`.
pub(crate) fn long(text: &str) -> Result<Duration, String> {
    let hours = |count: &str, hours: u64| count.parse::<u64>().ok()?.checked_mul(hours);
    let found = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(count), _) => hours(count, 1),
        (_, Some(count)) => hours(count, 24),
        _ => None,
    };
    let seconds = found.filter(|hours| (1..=100_000).contains(hours)).map(|hours| hours * 60 * 60);
    seconds.map(Duration::from_secs).ok_or_else(|| "expected hours or days, such as 50h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches as _};

    #[test]
    fn the_defaults_of_the_options_are_those_of_the_library() {
        let command = ThresholdArgs::augment_args(clap::Command::new("timeline"));
        let matches = command.try_get_matches_from(["timeline"]).unwrap();
        let args = ThresholdArgs::from_arg_matches(&matches).unwrap();
        assert_eq!(args.thresholds(), Thresholds::default());
    }

    #[test]
    fn a_time_is_a_number_of_hours_or_days() {
        assert_eq!(
            (long("50h"), long("2d")),
            (Ok(Duration::from_secs(180_000)), Ok(Duration::from_secs(172_800)))
        );
        for wrong in ["", "h", "0h", "-1h", "50", "5m", "100001h", "99999999999999999999d"] {
            assert!(long(wrong).is_err(), "{wrong}");
        }
    }
}
