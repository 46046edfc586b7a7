//! Where programs are that a test runs: built from this tree, or pinned in `tests/tools`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::root;

/// A program of this workspace, as built for this test; or one from the folder `BUILT_PROGRAMS`, such as a release's.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("BUILT_PROGRAMS") {
        return present(PathBuf::from(folder).join(name), "tests/tiers/scale");
    }
    // `cargo test` puts its own program into a folder beside those of the workspace.
    let this = std::env::current_exe()?;
    let target = this.ancestors().nth(2).context("the test's program has no folder")?;
    present(target.join(name), "cargo build --workspace --bins")
}

/// A program that the script `made_by` puts into `.cluster/bin`.
pub(crate) fn pinned(name: &str, made_by: &str) -> Result<PathBuf> {
    present(root().join(".cluster/bin").join(name), made_by)
}

fn present(path: PathBuf, made_by: &str) -> Result<PathBuf> {
    ensure!(path.exists(), "{} does not exist: `{made_by}` makes it", path.display());
    Ok(path)
}
