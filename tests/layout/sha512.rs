//! Content named by sha512. The reference files it under sha256 with a link from the other name; this server keeps it under
//! the name it has.

use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::json;
use support::document::{DOCKER_IMAGE, Document, blob};
use support::image::{sha256, sha512};
use support::inventory::{Inventory, Keeper};
use support::server::{Program, serving};
use tempfile::TempDir;

const REPOSITORY: &str = "team/app";

/// Pushes an image whose layer is named by sha512 alone.
async fn push_image(keeper: &mut Keeper<'_>, tag: &str) -> Result<()> {
    let (config, layer) = (Bytes::from(format!("configuration of {tag}")), Bytes::from(format!("layer of {tag}")));
    keeper.push_blob(REPOSITORY, &config).await?;
    keeper.push_blob_as(REPOSITORY, &layer, &sha512(&layer)).await?;
    keeper.tag(REPOSITORY, tag, &image(&config, &layer)?).await
}

fn image(config: &Bytes, layer: &Bytes) -> Result<Document> {
    let mut described = blob("application/vnd.docker.image.rootfs.diff.tar.gzip", layer);
    described["digest"] = json!(sha512(layer));
    let config = blob("application/vnd.docker.container.image.v1+json", config);
    Document::new(DOCKER_IMAGE, json!({"mediaType": DOCKER_IMAGE, "config": config, "layers": [described]}))
}

#[tokio::test]
async fn a_layer_that_the_reference_has_filed_under_another_name_is_served_mounted_and_deleted() -> Result<()> {
    for reference in Program::REFERENCES {
        let volume = TempDir::new()?;
        let mut inventory = Inventory::default();
        serving(reference, volume.path(), async |client| {
            push_image(&mut inventory.keeper(&client), "theirs").await?;
            inventory.check(&client).await
        })
        .await?;
        let layer = Bytes::from_static(b"layer of theirs");
        serving(Program::Ours, volume.path(), async |client| {
            inventory.check(&client).await?;
            let mut keeper = inventory.keeper(&client);
            // An image whose layer is there already, and a copy of it.
            let config = Bytes::from_static(b"configuration of theirs");
            keeper.tag(REPOSITORY, "again", &image(&config, &layer)?).await?;
            keeper.mount("copy", &sha512(&layer), REPOSITORY).await?;
            keeper.mount("copy", &sha256(&config), REPOSITORY).await?;
            keeper.tag("copy", "latest", &image(&config, &layer)?).await?;
            inventory.check(&client).await
        })
        .await?;
        serving(reference, volume.path(), async |client| inventory.check(&client).await).await?;
        serving(Program::Ours, volume.path(), async |client| {
            inventory.keeper(&client).delete_blob(REPOSITORY, &sha512(&layer)).await?;
            inventory.check(&client).await
        })
        .await?;
        serving(reference, volume.path(), async |client| inventory.check(&client).await).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_layer_that_is_kept_under_its_own_name_is_served_by_the_reference() -> Result<()> {
    for reference in Program::REFERENCES {
        let volume = TempDir::new()?;
        let mut inventory = Inventory::default();
        serving(Program::Ours, volume.path(), async |client| push_image(&mut inventory.keeper(&client), "ours").await)
            .await?;
        serving(reference, volume.path(), async |client| inventory.check(&client).await).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_manifest_named_by_sha512_is_served_by_the_reference() -> Result<()> {
    for reference in Program::REFERENCES {
        let volume = TempDir::new()?;
        let manifest = Document::docker_list(&[])?;
        let target = format!("/v2/{REPOSITORY}/manifests/{}", sha512(&manifest.content));
        serving(Program::Ours, volume.path(), async |client| {
            client.put_manifest(REPOSITORY, &sha512(&manifest.content), &manifest).await
        })
        .await?;
        serving(reference, volume.path(), async |client| {
            let answer = client.get(&target).await?;
            ensure!(answer.status == 200 && answer.body == manifest.content, "{reference} answered {}", answer.status);
            Ok(())
        })
        .await?;
    }
    Ok(())
}
