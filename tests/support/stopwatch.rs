//! How long a test takes, the time aside in which it waits for its turn: for the table at the end of `make e2e`.
//!
//! Where `STORIES` names a file, each test that was told leaves a line there: its path and its seconds.

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

thread_local! {
    /// Whether one runs on this test's thread.
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Runs until dropped. One that is started while another runs in the same test measures nothing.
#[derive(Debug)]
pub(crate) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// Starts one, on the thread of the test itself.
    pub(crate) fn start() -> Self {
        Self((!RUNS.replace(true)).then(Instant::now))
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let Some(started) = self.0 else { return };
        RUNS.set(false);
        // libtest calls the thread of a test by the test's path.
        let (Some(path), thread) = (std::env::var_os("STORIES"), std::thread::current()) else { return };
        let test = thread.name().unwrap_or("unknown");
        let line = format!("{test} {:.1}\n", started.elapsed().as_secs_f64());
        // One write, because others do the same; that it fails is no reason to fail a test.
        let _ =
            File::options().create(true).append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
