//! The folder of a control plane: keys, etcd's data, logs. It is removed when the test's process ends, however that ends,
//! by a shell that waits for the end of its standard input.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// What is still written to by a program that ends at the same moment is removed at the second attempt. Signals of a
/// terminal reach this shell as well, and are no reason to leave the folder.
const KEEPER: &str = r#"trap '' INT TERM HUP; cat; for _ in 1 2 3 4 5; do rm -rf "$1" && exit; sleep 0.2; done"#;

/// A folder that goes with its owner.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keeper: Child,
}

impl Folder {
    pub(super) fn new() -> Result<Self> {
        let path = TempDir::with_prefix("control-plane-")?.keep();
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&path);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = keeper.spawn().context("failed to start the shell that removes a folder")?;
        Ok(Self { path, keeper })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Its exit status says nothing that could be acted on.
        let _ = self.keeper.wait();
    }
}
