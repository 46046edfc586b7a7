//! Numbers a run is worth remembering for: seconds to Ready, memory at rest.

use std::io::Write as _;

/// Shows a measured number. It goes past the test harness's capture, because it is of interest when the test passes.
pub fn figure(what: &str, value: impl std::fmt::Display) {
    // A closed standard error is no reason to fail a test.
    let _ = writeln!(std::io::stderr().lock(), "figure: {what}: {value}");
}
