//! Flux's controllers as processes of this machine.

use anyhow::Result;
use support::control_plane::{Process, Stage, own_address};
use tempfile::TempDir;

const MADE_BY: &str = "tests/tools/build source-controller kustomize-controller";

/// They run until dropped; the artifacts that they have got go with them.
#[derive(Debug)]
pub(super) struct Flux {
    _controllers: [Process; 2],
    _artifacts: TempDir,
}

/// Starts both, with their definitions.
pub(super) async fn start(stage: &Stage<'_>) -> Result<Flux> {
    for name in ["source-controller", "kustomize-controller"] {
        stage.plane.apply_definitions_of(name, MADE_BY).await?;
    }
    let artifacts = TempDir::new()?;
    let address = own_address();
    let storage = [
        format!("--storage-path={}", artifacts.path().display()),
        format!("--storage-addr={address}:9790"),
        format!("--storage-adv-addr={address}:9790"),
    ];
    let source = stage.plane.start_program("source-controller", MADE_BY, &[&common(), storage.as_slice()].concat())?;
    let kustomize = stage.plane.start_program("kustomize-controller", MADE_BY, &common())?;
    Ok(Flux { _controllers: [source, kustomize], _artifacts: artifacts })
}

/// Flags of every controller: addresses that nobody else has.
fn common() -> Vec<String> {
    let address = own_address();
    vec![format!("--metrics-addr={address}:8080"), format!("--health-addr={address}:9440")]
}
