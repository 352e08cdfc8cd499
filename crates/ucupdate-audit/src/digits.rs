//! Numbers and times of day in log lines, written without the formatting machinery of the standard library.

use ucupdate_core::value::FieldTime;

/// Writes a number.
pub(crate) fn push_number(mut number: u64, to: &mut String) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len() - 1;
    loop {
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
        first -= 1;
    }
    to.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// Writes the last two digits of a number.
pub(crate) fn push_two_digits(number: u16, to: &mut String) {
    for digit in [number / 10 % 10, number % 10] {
        to.extend(char::from_digit(digit.into(), 10));
    }
}

/// Writes the last four digits of a year.
pub(crate) fn push_year(year: u16, to: &mut String) {
    push_two_digits(year / 100, to);
    push_two_digits(year, to);
}

/// Writes a time of day in the form `HH:mm:ss`.
pub(crate) fn push_time_of_day(time: FieldTime, to: &mut String) {
    push_two_digits(time.hour().into(), to);
    to.push(':');
    push_two_digits(time.minute().into(), to);
    to.push(':');
    push_two_digits(time.second().into(), to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_the_standard_library_writes_it(number in any::<u64>(), bits in 0..64_u32) {
            let number = number >> bits;
            let mut text = String::new();
            push_number(number, &mut text);
            prop_assert_eq!(text, number.to_string());
        }

        #[test]
        fn a_year_has_four_digits(year in 0..=9999_u16) {
            let mut text = String::new();
            push_year(year, &mut text);
            prop_assert_eq!(text, format!("{year:04}"));
        }
    }
}
