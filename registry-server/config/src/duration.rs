//! Lengths of time as Go writes them: `300ms`, `10s`, `1h30m`, `168h`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use crate::keys::{Described, Node, Value};

/// A length of time, zero or more. In a file: Go's syntax, or a whole number of nanoseconds as Go reads one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Duration(pub std::time::Duration);

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseDurationError(String);

/// Units and their nanoseconds, the longest names of a first letter first.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// `hours` hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self(std::time::Duration::from_secs(hours * 3600))
    }
}

impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDurationError(text.to_owned());
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self::default());
        }
        let mut nanoseconds: u64 = 0;
        while !rest.is_empty() {
            let (part, after) = leading_part(rest).ok_or_else(error)?;
            nanoseconds = nanoseconds.checked_add(part).ok_or_else(error)?;
            rest = after;
        }
        if text.is_empty() { Err(error()) } else { Ok(Self(std::time::Duration::from_nanos(nanoseconds))) }
    }
}

/// The nanoseconds of the first number with its unit, and what follows; `None` when there is none or it is too large.
fn leading_part(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => digits(after),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (unit, size) = UNITS.iter().find(|(unit, _)| {
        // `m` must not take the first letter of `ms`.
        rest.strip_prefix(unit).is_some_and(|after| !after.starts_with(char::is_alphabetic))
    })?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanoseconds = whole.checked_mul(*size)?.checked_add(fraction_of(fraction, *size))?;
    Some((nanoseconds, &rest[unit.len()..]))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// `0.<digits>` of `size`, rounded down; digits after the eighteenth are below any nanosecond.
fn fraction_of(digits: &str, size: u64) -> u64 {
    let digits = &digits[..digits.len().min(18)];
    let part: u64 = digits.parse().unwrap_or(0);
    let scaled = u128::from(part) * u128::from(size) / 10_u128.pow(digits.len() as u32);
    u64::try_from(scaled).unwrap_or(size)
}

impl fmt::Display for Duration {
    /// The shortest of Go's forms that says it exactly: `168h`, `90s`, `250ms`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        if nanoseconds == 0 {
            return formatter.write_str("0s");
        }
        for (unit, size) in [("h", UNITS[7].1), ("m", UNITS[6].1), ("s", UNITS[5].1), ("ms", UNITS[4].1)] {
            if nanoseconds.is_multiple_of(u128::from(size)) {
                return write!(formatter, "{}{unit}", nanoseconds / u128::from(size));
            }
        }
        write!(formatter, "{nanoseconds}ns")
    }
}

impl fmt::Display for ParseDurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is no length of time, write one like 10s, 5m or 168h", self.0)
    }
}

impl std::error::Error for ParseDurationError {}

impl Described for Duration {
    const NODE: &'static Node = &Node::Duration;

    fn value(&self) -> Value<'_> {
        Value::Text(self.to_string())
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Duration;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a length of time like 10s, 5m or 168h")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, nanoseconds: u64) -> Result<Duration, E> {
                Ok(Duration(std::time::Duration::from_nanos(nanoseconds)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanoseconds(text: &str) -> Option<u128> {
        text.parse::<Duration>().ok().map(|duration| duration.0.as_nanos())
    }

    #[test]
    fn go_syntax_is_read() {
        assert_eq!(nanoseconds("10s"), Some(10_000_000_000));
        assert_eq!(nanoseconds("1h30m"), Some(5_400_000_000_000));
        assert_eq!(nanoseconds("1.5h"), Some(5_400_000_000_000));
        assert_eq!(nanoseconds("300ms"), Some(300_000_000));
        assert_eq!(nanoseconds("1m0.25s"), Some(60_250_000_000));
        assert_eq!(nanoseconds("2µs"), Some(2_000));
        assert_eq!(nanoseconds("0"), Some(0));
    }

    #[test]
    fn what_is_no_length_of_time_is_refused_with_an_example() {
        for text in ["", "10", "s", "-1s", "1 s", "1d", ".s", "99999999999h", "10s "] {
            assert_eq!(nanoseconds(text), None, "{text:?}");
        }
        let error = "soon".parse::<Duration>().unwrap_err().to_string();
        assert_eq!(error, "\"soon\" is no length of time, write one like 10s, 5m or 168h");
    }

    #[test]
    fn it_is_written_in_the_largest_exact_unit() {
        assert_eq!(Duration::from_hours(168).to_string(), "168h");
        assert_eq!(Duration::from_secs(90).to_string(), "90s");
        assert_eq!(Duration::default().to_string(), "0s");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,24}") {
            let _ = text.parse::<Duration>();
        }

        #[test]
        fn what_is_written_is_read_back(nanoseconds in any::<u64>()) {
            let duration = Duration(std::time::Duration::from_nanos(nanoseconds));
            prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
        }
    }
}
