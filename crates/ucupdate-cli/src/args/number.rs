//! Parses numbers and addresses. The error for a wrong text says what was expected.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

/// Parses a decimal number in the range. A sign is not accepted.
pub(crate) fn number<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Result<T, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && range.contains(number));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| match *range.end() {
        u64::MAX => format!("expected a number from {}", range.start()),
        end => format!("expected a number from {} to {end}", range.start()),
    })
}

/// Parses a number that has no limit, such as that of a revision.
pub(crate) fn any_number<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    number(text, 0..=u64::MAX)
}

/// Parses the IP address of a device.
pub(crate) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "expected an address such as 10.1.2.3 or fd00::1".to_owned())
}

/// Parses the IP address and the port of a listener, such as `0.0.0.0:8080`.
pub(crate) fn listener(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address and a port, such as 0.0.0.0:8080 or [::1]:8080".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;
    use std::error::Error as _;

    #[test]
    fn a_number_outside_its_range_is_refused_with_the_range() {
        assert_eq!(number::<u32>("7", 1..=9), Ok(7));
        for wrong in ["", "0", "10", "-1", "+7", "7.0", "many", "99999999999999999999"] {
            assert_eq!(
                number::<u32>(wrong, 1..=9),
                Err("expected a number from 1 to 9".to_owned()),
                "{wrong}"
            );
        }
        assert_eq!(number::<u64>("0", 1..=u64::MAX), Err("expected a number from 1".to_owned()));
        assert_eq!(any_number(&u64::MAX.to_string()), Ok(u64::MAX));
    }

    #[test]
    fn no_value_of_an_option_is_refused_in_words_of_the_standard_library() {
        let mut pending = vec![crate::command()];
        let mut refused = 0;
        while let Some(verb) = pending.pop() {
            for option in verb.get_arguments().filter_map(|option| option.get_long()) {
                refused += usize::from(is_refused(&verb, option));
            }
            pending.extend(verb.get_subcommands().cloned());
        }
        assert!(refused > 100, "{refused}");
    }

    /// Returns whether an option refuses the value `%x!`, which no option accepts. Checks that the
    /// reason says what was expected.
    fn is_refused(verb: &Command, option: &str) -> bool {
        let words = [verb.get_name().to_owned(), format!("--{option}=%x!")];
        let Err(error) = verb.clone().try_get_matches_from(words) else { return false };
        let Some(reason) = error.source().map(ToString::to_string) else { return false };
        for words in ["invalid digit", "invalid socket address", "invalid IP address", "relative URL"] {
            assert!(!reason.contains(words), "{} --{option}: {reason}", verb.get_name());
        }
        true
    }
}
