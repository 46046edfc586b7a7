//! How a command asks the server that already uses a storage directory: over a Unix socket in that directory.
//!
//! The server that holds the lock of the directory listens on `private-registry/control.sock` below it, for its own user
//! and root. A request is one line of JSON, the answer a line of JSON for everything that is told, and one for the end.

use std::{
    fs::DirBuilder,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{self as sys, Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::registry::collect::{Line, Options, Summary};

mod caller;
mod listener;

pub(crate) use caller::{Error, collect};
pub(crate) use listener::serve;

/// The directory of what is ours alone, below the storage directory.
const DIRECTORY: &str = "private-registry";

/// The socket in it.
const SOCKET: &str = "control.sock";

/// Longest path that the kernel takes as a socket's address.
const LONGEST_ADDRESS: usize = 107;

/// Longest line of a request or an answer.
const LONGEST_LINE: u64 = 64 << 10;

/// What is asked of a server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    GarbageCollect(Options),
}

/// What a server answers: any number of lines, then one of the others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Line(Line),
    Done(Summary),
    Failed(String),
}

/// Where the socket is, by a path that the kernel takes however long the directory's own is.
#[derive(Debug)]
struct Address {
    path: PathBuf,
    /// Makes `path` mean what it says, when it is one below `/proc/self/fd`.
    _directory: Option<OwnedFd>,
}

impl Address {
    fn below(root: &Path) -> io::Result<Self> {
        let directory = root.join(DIRECTORY);
        let path = directory.join(SOCKET);
        if path.as_os_str().len() <= LONGEST_ADDRESS {
            return Ok(Self { path, _directory: None });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = sys::open(&directory, flags, Mode::empty())?;
        let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(SOCKET);
        Ok(Self { path, _directory: Some(directory) })
    }

    /// Makes the directory that the socket is in.
    fn make_directory(root: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(root.join(DIRECTORY))
    }
}
