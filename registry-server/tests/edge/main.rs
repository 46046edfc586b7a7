//! The server from outside: real sockets, real TLS, the real binary where a process matters.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod auth;
mod cli;
mod client;
mod collect;
mod config;
mod full;
mod health;
mod http2;
mod limits;
mod log;
mod made;
mod process;
mod profile;
mod reload;
mod server;
mod shutdown;
mod tls;
mod unix;

#[path = "../common/pair.rs"]
mod pair;
#[path = "../common/wait.rs"]
mod wait;

use self::wait::eventually;
