//! Waiting for conditions instead of sleeping.

use std::time::{Duration, Instant};

/// Waits until `condition` holds. Long enough for a busy machine; a test that needs it all has failed anyway.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
