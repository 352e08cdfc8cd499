//! Writes numbers and times in log lines, without the slower formatting of the standard library.

use ucupdate_core::value::FieldTime;

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
    push_ascii(&digits[first..], to);
}

/// Writes a date, a blank and the time of day, such as `03-06-2009 17:10:39`. `parts` has the
/// digits of year, month and day, in the order in which they are written.
pub(crate) fn push_date_time(parts: [&[u8]; 3], time: FieldTime, to: &mut String) {
    let mut text = [b'-'; 19];
    let mut at = 0;
    for part in parts {
        text[at..at + part.len()].copy_from_slice(part);
        at += part.len() + 1;
    }
    text[10] = b' ';
    for (at, number) in [(11, time.hour()), (14, time.minute()), (17, time.second())] {
        text[at..at + 2].copy_from_slice(&two_digits(number));
    }
    text[13] = b':';
    text[16] = b':';
    push_ascii(&text, to);
}

/// Returns the last two digits of a number.
pub(crate) fn two_digits(number: u8) -> [u8; 2] {
    [number / 10 % 10, number % 10].map(|digit| b'0' + digit)
}

/// Returns the last four digits of a year.
pub(crate) fn four_digits(year: u16) -> [u8; 4] {
    [1000, 100, 10, 1].map(|place| b'0' + (year / place % 10).to_le_bytes()[0])
}

fn push_ascii(text: &[u8], to: &mut String) {
    to.push_str(std::str::from_utf8(text).expect("digits and signs are ASCII"));
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
            prop_assert_eq!(four_digits(year).to_vec(), format!("{year:04}").into_bytes());
        }
    }
}
