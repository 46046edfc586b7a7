//! Times and numbers as people say them.

use jiff::{SignedDuration, Timestamp};

/// `1 Pod`, `2 Pods`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `90 days`, `5 hours`, `3 minutes`, `12 seconds`: the largest unit of which there are at least two, whole ones alone.
pub(super) fn length(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().unsigned_abs();
    let unit = [(86_400, "day"), (3_600, "hour"), (60, "minute")].into_iter().find(|(unit, _)| seconds >= 2 * unit);
    let (unit, noun) = unit.unwrap_or((1, "second"));
    count(usize::try_from(seconds / unit).unwrap_or(usize::MAX), noun)
}

/// `2027-02-19 (in 90 days)`, `2027-02-19 (5 hours ago)`.
pub(super) fn date(time: Timestamp, now: Timestamp) -> String {
    let day = time.strftime("%Y-%m-%d");
    let away = length(time.duration_since(now));
    if time > now { format!("{day} (in {away})") } else { format!("{day} ({away} ago)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_largest_unit_of_which_there_are_two() {
        for (seconds, told) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_199, "119 minutes"),
            (-7_200, "2 hours"),
            (86_400 * 90 + 3_599, "90 days"),
        ] {
            assert_eq!(length(SignedDuration::from_secs(seconds)), told);
        }
    }

    #[test]
    fn a_date_says_how_far_it_is() {
        let now: Timestamp = "2031-05-06T07:08:09Z".parse().unwrap();
        assert_eq!(date(now + SignedDuration::from_hours(24 * 30), now), "2031-06-05 (in 30 days)");
        assert_eq!(date(now - SignedDuration::from_hours(5), now), "2031-05-06 (5 hours ago)");
    }
}
