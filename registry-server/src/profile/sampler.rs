//! The process that takes a profile of its parent: looks every few milliseconds which threads run, and what their stacks are.
//!
//! A thread counts when it uses a processor, for as much as it has used. What is asleep, waiting for a lock or for the disk,
//! does not.

use std::{
    fs::File,
    io::{self, Read},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::unistd::{Pid, getppid};

use super::{
    format, program,
    running::Threads,
    stacks::Stacks,
    thread::{self, Stop},
};

/// The hidden command of the program that is this.
pub(crate) const COMMAND: &str = "sample-parent";

/// Between two looks: a hundred a second, as Go's profiles.
pub(super) const PERIOD: Duration = Duration::from_millis(10);

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to wait for the server's permission")]
    Permission(#[source] io::Error),
    #[error("failed to list the files that the server has mapped")]
    Program(#[source] io::Error),
    #[error("failed to list the server's threads")]
    Threads(#[source] io::Error),
    #[error(transparent)]
    Stop(#[from] Stop),
    #[error("failed to write the profile")]
    Write(#[source] io::Error),
}

/// Takes a profile of the parent for so long, or until it has ended: pprof's protobuf in gzip.
///
/// # Errors
/// When the parent's threads cannot be looked at.
pub(crate) fn run(duration: Duration) -> Result<Vec<u8>, Error> {
    let server = getppid();
    // The parent says so after it has allowed us to trace it. When it has ended instead, so will we.
    io::stdin().read_exact(&mut [0]).map_err(Error::Permission)?;
    // Where this is forbidden, say so now, whether or not a thread runs meanwhile.
    let memory = thread::memory(server)?;
    thread::snapshot(&memory, server)?;
    let mut mappings = program::mappings(server).map_err(Error::Program)?;
    let mut stacks = Stacks::new(&mut mappings);
    let (begin, began) = (Instant::now(), SystemTime::now());
    sample(server, &memory, begin + duration, &mut stacks)?;
    let time = format::Time {
        began: began.duration_since(UNIX_EPOCH).unwrap_or_default(),
        lasted: begin.elapsed(),
        period: PERIOD,
    };
    format::encode(&stacks, &mappings, &time).map_err(Error::Write)
}

/// Looks again and again until `end`.
fn sample(server: Pid, memory: &File, end: Instant, stacks: &mut Stacks) -> Result<(), Error> {
    let mut threads = Threads::of(server);
    let mut last = Instant::now();
    // With the parent gone, another process has become ours.
    while last < end && getppid() == server {
        std::thread::sleep((last + PERIOD).saturating_duration_since(Instant::now()));
        let now = Instant::now();
        for (thread, time) in threads.running(now - last).map_err(Error::Threads)? {
            if let Some(snapshot) = thread::snapshot(memory, thread)? {
                stacks.add(&snapshot, time);
            }
        }
        last = now;
    }
    Ok(())
}
