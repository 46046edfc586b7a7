//! How long to wait after a failure: longer with each in a row.
//!
//! An event leads to a pass also while the next one is waited for, and what is wrong may still be wrong then, as while somebody installs
//! ten objects of which the last one is missed. That is the same failure, seen again: it counts once, and the wait ends when it would
//! have ended.

use jiff::{SignedDuration, Timestamp};

/// The wait after a first failure; it doubles up to [`LONGEST`].
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait after failures in a row.
const LONGEST: SignedDuration = SignedDuration::from_secs(300);

/// The failures in a row of something that is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    again_at: Option<Timestamp>,
}

impl Backoff {
    /// Notes a failure, and says how long to wait.
    pub(super) fn failed(&mut self, now: Timestamp) -> SignedDuration {
        let left = self.again_at.map(|again_at| again_at.duration_since(now)).filter(|left| left.is_positive());
        // A clock that was set back makes no wait longer.
        if let Some(left) = left.filter(|left| *left <= wait(self.failures)) {
            return left;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = wait(self.failures);
        self.again_at = now.checked_add(wait).ok();
        wait
    }

    /// Forgets the failures of before.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Failures in a row, of which each came after the wait that the one before has led to.
    pub(super) const fn failures(self) -> u32 {
        self.failures
    }
}

fn wait(failures: u32) -> SignedDuration {
    let doubled = 1_i32.checked_shl(failures.saturating_sub(1)).filter(|times| *times > 0).unwrap_or(i32::MAX);
    FIRST.saturating_mul(doubled).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::fixtures::now;

    #[test]
    fn the_wait_doubles_up_to_five_minutes_and_begins_anew_after_a_success() {
        let (mut backoff, mut now) = (Backoff::default(), now());
        let mut fails = |backoff: &mut Backoff| {
            let wait = backoff.failed(now);
            now += wait;
            wait.as_secs()
        };
        let waits: Vec<_> = (1..=11).map(|_| fails(&mut backoff)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.failures(), 11);
        backoff.succeeded();
        assert_eq!((fails(&mut backoff), backoff.failures()), (1, 1));
        assert_eq!(wait(u32::MAX), LONGEST);
    }

    #[test]
    fn a_failure_that_events_show_again_counts_once_and_is_not_waited_for_longer() {
        let (mut backoff, now) = (Backoff::default(), now());
        let moment = SignedDuration::from_millis(100);
        assert_eq!(backoff.failed(now), FIRST);
        for times in 1..10 {
            assert_eq!(backoff.failed(now + moment * times), FIRST - moment * times);
        }
        assert_eq!((backoff.failed(now + FIRST), backoff.failures()), (FIRST * 2, 2));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_wait_longer() {
        let (mut backoff, now) = (Backoff::default(), now());
        backoff.failed(now);
        assert_eq!(backoff.failed(now - SignedDuration::from_hours(1)), FIRST * 2);
    }
}
