//! How often the log is told of what clients may do as often as they like.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Once in this time is enough for somebody who looks.
const SELDOM: Duration = Duration::from_secs(60);

/// When something was said last.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether it is time to say it; then it counts as said.
    pub(super) fn is_time(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| now.duration_since(last) >= SELDOM);
        if is_time {
            *last = Some(now);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_at_first_and_after_a_while() {
        let (seldom, begin) = (Seldom::default(), Instant::now());
        let after = |seconds| seldom.is_time(begin + Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 60, 61, 119, 500].map(after), [true, false, false, true, false, false, true]);
    }
}
