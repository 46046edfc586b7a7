//! Whose turn it is: most tests run side by side, a few need the operator for themselves.
//!
//! Two locks, because there are two reasons to wait: the one in memory is fair between the tests of a process, so that a
//! test that needs to be alone is not starved; the one on a file keeps a second `make e2e-one` on the same tree apart.

use std::fs::File;
use std::sync::LazyLock;

use anyhow::{Context as _, Result};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::root;

static TESTS: LazyLock<RwLock<()>> = LazyLock::new(RwLock::default);

/// Held by a test from its first to its last step; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    // Dropped in this order: the file first, so that the next test of this process finds it free.
    _file: File,
    _process: Held,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
enum Held {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Turn {
    /// A turn beside other tests that share the operator.
    pub async fn shared() -> Result<Self> {
        let process = Held::Shared(TESTS.read().await);
        Ok(Self { _file: lock(File::lock_shared).await?, _process: process })
    }

    /// A turn while no other test runs.
    pub async fn alone() -> Result<Self> {
        let process = Held::Alone(TESTS.write().await);
        Ok(Self { _file: lock(File::lock).await?, _process: process })
    }
}

async fn lock(how: fn(&File) -> std::io::Result<()>) -> Result<File> {
    let path = root().join(".cluster/e2e.lock");
    let wait = move || {
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        how(&file).map(|()| file)
    };
    tokio::task::spawn_blocking(wait).await?.context("failed to lock .cluster/e2e.lock")
}
