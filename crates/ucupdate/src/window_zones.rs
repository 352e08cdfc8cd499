//! Windows name time zones, and only the facade knows which there are.

use crate::error::ChangeError;
use crate::zones::Iana;
use ucupdate_core::book::{Command, Window, Zones as _};

/// Refuses a command with a window in a time zone that nobody knows: it would never open.
pub(crate) fn refuse_unknown_zones(command: &Command) -> Result<(), ChangeError> {
    let Some(window) = window_of(command) else { return Ok(()) };
    match Iana.zone(window.zone()) {
        Some(_) => Ok(()),
        None => Err(ChangeError::UnknownZone { zone: window.zone().clone() }),
    }
}

/// The window a command brings, if it brings one.
fn window_of(command: &Command) -> Option<&Window> {
    match command {
        Command::SetPolicy(_, policy) => policy.window.as_ref(),
        Command::StartRollout { rollout, .. } => rollout.window.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ucupdate_core::book::{Audience, OfferPolicy, Rollout};
    use ucupdate_core::{ReportedVersion, RuleKey};

    fn rule() -> RuleKey {
        "UCPhone/LG-Nortel/IP8540/A/ENU/CPE".parse().unwrap()
    }

    fn set_policy(window: &str) -> Command {
        let mut policy = OfferPolicy::default();
        policy.window = Some(window.parse().unwrap());
        Command::SetPolicy(rule(), policy)
    }

    fn start_rollout(window: &str) -> Command {
        Command::StartRollout {
            rule: rule(),
            audience: Audience::Everybody,
            version: ReportedVersion::new("3.5.6907.0"),
            rollout: Rollout::new("wave-1".parse().unwrap()).within(window.parse().unwrap()),
        }
    }

    #[test]
    fn a_window_in_a_zone_that_is_none_is_refused_by_its_name() {
        for make in [set_policy, start_rollout] {
            let refused = refuse_unknown_zones(&make("daily 22:00-05:00 Europe/Atlantis")).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "no time zone `Europe/Atlantis`, expected a name as `Europe/Lisbon` or `UTC`"
            );
            for window in ["daily 22:00-05:00", "Mon-Fri 22:00-05:00 Europe/Lisbon"] {
                assert!(refuse_unknown_zones(&make(window)).is_ok(), "{window}");
            }
        }
        assert!(refuse_unknown_zones(&Command::Approve(vec![rule()])).is_ok());
    }
}
