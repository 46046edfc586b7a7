//! How often a registry is looked at, at most: what keeps the operator from running hot.
//!
//! Every change of an object leads to a pass, and a pass that changes something leads to another one. When somebody else, a second
//! controller or a person's script, keeps changing what a pass has just written, that never ends. So each registry has an account of
//! passes: a good deal more than anything that comes to its end needs, which fills up again slowly. A registry whose account is
//! empty is looked at as often as that, and others do not notice.

use std::time::{Duration, Instant};

/// Passes in a row. Making a registry takes about ten, a rollout or the change of a password about thirty.
const BURST: u32 = 60;
/// Until there is one more.
const INTERVAL: Duration = Duration::from_secs(5);

/// The account of one registry, as the time at which it will be full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    full_at: Option<Instant>,
}

impl Pace {
    /// Takes a pass from the account.
    ///
    /// # Errors
    /// When it is empty: how long to wait.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let after = full_at + INTERVAL;
        let capacity = INTERVAL * BURST;
        match after.duration_since(now).checked_sub(capacity) {
            None | Some(Duration::ZERO) => {
                self.full_at = Some(after);
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    /// Whether it is as if nothing was ever taken.
    pub(super) fn is_full(self, now: Instant) -> bool {
        self.full_at.is_none_or(|full_at| full_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes between `from` and `until` for somebody who tries ten times a second.
    fn passes(pace: &mut Pace, from: Instant, until: Duration) -> u32 {
        let tries = (0..).map(|tenth| Duration::from_millis(tenth * 100)).take_while(|time| *time < until);
        tries.map(|time| u32::from(pace.take(from + time).is_ok())).sum()
    }

    #[test]
    fn what_never_ends_gets_twelve_passes_a_minute_after_the_first_sixty() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let minute = Duration::from_secs(60);
        assert_eq!(passes(&mut pace, start, minute), 60 + 11);
        assert_eq!(passes(&mut pace, start + minute, minute), 12);
        assert_eq!(passes(&mut pace, start + 2 * minute, 60 * minute), 60 * 12);
    }

    #[test]
    fn a_quiet_time_fills_the_account() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        while pace.take(start).is_ok() {}
        let later = start + INTERVAL * BURST;
        assert!(!pace.is_full(start) && pace.is_full(later));
        for _ in 0..BURST {
            assert_eq!(pace.take(later), Ok(()));
        }
        assert!(pace.take(later).is_err());
    }

    #[test]
    fn the_wait_is_until_the_next_pass() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        while pace.take(start).is_ok() {}
        let wait = pace.take(start).unwrap_err();
        assert!(wait <= INTERVAL, "{wait:?}");
        assert_eq!(pace.take(start + wait), Ok(()));
    }
}
