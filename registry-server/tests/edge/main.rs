//! The server from outside: real sockets, real TLS, the real binary where a process matters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod auth;
mod cli;
mod client;
mod collect;
mod config;
mod health;
mod http2;
mod limits;
mod process;
mod profile;
mod reload;
mod server;
mod shutdown;
mod tls;
mod unix;

use std::time::{Duration, Instant};

/// Waits until `condition` holds. Long enough for a busy machine; a test that needs it all has failed anyway.
#[track_caller]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(30), "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
