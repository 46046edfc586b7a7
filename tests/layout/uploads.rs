//! An upload that one program has begun and another goes on with: a large layer is not sent twice because the server was
//! exchanged meanwhile.

use anyhow::{Result, ensure};
use bytes::Bytes;
use support::image::sha256;
use support::inventory::Inventory;
use support::server::{Program, serving};
use tempfile::TempDir;

const REPOSITORY: &str = "team/app";

/// A layer in three chunks.
fn chunks() -> [Bytes; 3] {
    [1, 2, 3].map(|chunk: u8| Bytes::from(vec![chunk; 100_000]))
}

fn whole() -> Bytes {
    chunks().concat().into()
}

/// Begins an upload with `program` and sends the first chunk. Returns where the client was told to go on.
async fn begun(program: Program, volume: &TempDir) -> Result<String> {
    serving(program, volume.path(), async |client| {
        let upload = client.begin_upload(REPOSITORY).await?;
        client.append(&upload, &chunks()[0]).await
    })
    .await
}

/// Sends the second chunk and the last, and looks at the blob.
async fn ended(program: Program, volume: &TempDir, upload: String, ask_first: bool) -> Result<()> {
    let mut inventory = Inventory::default();
    serving(program, volume.path(), async |client| {
        let mut upload = upload.clone();
        if ask_first {
            let (location, size) = client.upload_status(&upload).await?;
            ensure!(size == 100_000, "{program} has {size} bytes");
            upload = location;
        }
        let upload = client.append(&upload, &chunks()[1]).await?;
        client.finish(&upload, &chunks()[2], &sha256(&whole())).await?;
        inventory.keeper(&client).note_blob(REPOSITORY, &sha256(&whole()), &whole());
        inventory.check(&client).await
    })
    .await
}

#[tokio::test]
async fn an_upload_begun_with_the_reference_goes_on_here() -> Result<()> {
    for reference in Program::REFERENCES {
        for ask_first in [false, true] {
            let volume = TempDir::new()?;
            let upload = begun(reference, &volume).await?;
            ended(Program::Ours, &volume, upload, ask_first).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_begun_here_goes_on_with_the_reference() -> Result<()> {
    for reference in Program::REFERENCES {
        for ask_first in [false, true] {
            let volume = TempDir::new()?;
            let upload = begun(Program::Ours, &volume).await?;
            ended(reference, &volume, upload, ask_first).await?;
        }
    }
    Ok(())
}
