//! What one program has pushed, moved and deleted, another serves in place, adds to, and hands back.

use anyhow::Result;
use support::inventory::Inventory;
use support::server::{Program, serving};
use support::voyage::sail;
use tempfile::TempDir;

/// A voyage with each of `programs` in turn; everything of those before is served by each.
async fn handed_on(programs: &[Program]) -> Result<()> {
    let volume = TempDir::new()?;
    let mut inventory = Inventory::default();
    for (number, program) in programs.iter().enumerate() {
        serving(*program, volume.path(), async |client| {
            inventory.check(&client).await?;
            sail(&mut inventory.keeper(&client), &format!("voyage-{number}")).await?;
            inventory.check(&client).await
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_volume_of_registry_2_is_served_in_place_and_goes_back_to_it() -> Result<()> {
    handed_on(&[Program::Registry2, Program::Ours, Program::Registry2, Program::Ours]).await
}

#[tokio::test]
async fn a_volume_of_registry_3_is_served_in_place_and_goes_back_to_it() -> Result<()> {
    handed_on(&[Program::Registry3, Program::Ours, Program::Registry3, Program::Ours]).await
}

#[tokio::test]
async fn a_volume_that_began_here_is_served_by_registry_2_and_3_and_comes_back() -> Result<()> {
    handed_on(&[Program::Ours, Program::Registry2, Program::Ours, Program::Registry3, Program::Ours]).await
}
