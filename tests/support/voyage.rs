//! Everything that people keep in a registry, pushed and deleted by one of the programs that take turns on a volume.

use std::slice;

use anyhow::Result;
use bytes::Bytes;

use crate::document::{Document, EMPTY_CONFIG, fallback_tag};
use crate::image::sha256;
use crate::inventory::Keeper;

/// The layer that all images share.
const BASE: Bytes = Bytes::from_static(b"the layer below everything");

/// Docker's images.
const APP: &str = "app";
/// A name below a name that is a repository as well.
const TOOL: &str = "app/team-a/tool";
/// Sorts between the two, but stands beside them in the tree.
const SIGNED: &str = "app-signed";
/// Images with layers that stay elsewhere.
const FOREIGN: &str = "windows/server.core_2022";
/// Holds nothing of its own.
const MOUNTED: &str = "copies/app";

/// Pushes, tags and deletes one of everything. Each voyage has content of its own, moves the tags that the one before has
/// set, and deletes something of it.
pub async fn sail(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    docker_images(keeper, voyage).await?;
    oci_images(keeper, voyage).await?;
    signatures(keeper, voyage).await?;
    foreign_layers(keeper, voyage).await?;
    mounted_blobs(keeper, voyage).await?;
    deletions(keeper, voyage).await?;
    let abandoned = keeper.client.begin_upload(APP).await?;
    keeper.client.append(&abandoned, &text(voyage, "half of a layer that never comes")).await.map(drop)
}

/// Two images and a list of both; a tag that moves from one to the other.
async fn docker_images(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    let first = docker_image(keeper, APP, voyage, "first").await?;
    keeper.tag(APP, &format!("{voyage}-1"), &first).await?;
    keeper.tag(APP, "latest", &first).await?;
    let second = docker_image(keeper, APP, voyage, "second").await?;
    keeper.tag(APP, "latest", &second).await?;
    keeper.tag(APP, "multi", &Document::docker_list(&[&first, &second])?).await
}

/// Images, an index, an index of indexes, and one image without a tag. One layer is empty.
async fn oci_images(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    let layers = [BASE, Bytes::new()];
    let mut images = Vec::new();
    for name in ["amd64", "arm64", "untagged"] {
        let config = text(voyage, name);
        push_blobs(keeper, TOOL, &layers, &config).await?;
        images.push(Document::oci_image(&config, &layers)?);
        keeper.push(TOOL, &images[images.len() - 1]).await?;
    }
    let index = Document::oci_index(&[&images[0], &images[1]])?;
    keeper.tag(TOOL, "stable", &index).await?;
    keeper.tag(TOOL, "_Under.score-9", &images[0]).await?;
    let inner = Document::oci_index(&[&images[1]])?;
    keeper.push(TOOL, &inner).await?;
    keeper.tag(TOOL, "nested", &Document::oci_index(&[&inner, &images[0]])?).await
}

/// An image and two artifacts that refer to it, which a client has listed under the fallback tag.
async fn signatures(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    let image = docker_image(keeper, SIGNED, voyage, "signed").await?;
    keeper.tag(SIGNED, voyage, &image).await?;
    let mut artifacts = Vec::new();
    for artifact_type in ["application/vnd.example.signature", "application/vnd.example.sbom"] {
        let payload = text(voyage, artifact_type);
        push_blobs(keeper, SIGNED, slice::from_ref(&payload), &EMPTY_CONFIG).await?;
        let artifact = Document::artifact(artifact_type, &payload, &image)?;
        keeper.push(SIGNED, &artifact).await?;
        artifacts.push(artifact);
    }
    let listed: Vec<_> = artifacts.iter().collect();
    keeper.tag(SIGNED, &fallback_tag(&image.digest), &Document::referrers(&listed)?).await
}

async fn foreign_layers(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    let config = text(voyage, "configuration of a foreign layer");
    push_blobs(keeper, FOREIGN, &[BASE], &config).await?;
    let image = Document::foreign_image(&config, &BASE, &text(voyage, "at the vendor's"))?;
    keeper.tag(FOREIGN, "ltsc", &image).await
}

/// An image whose blobs are all another repository's.
async fn mounted_blobs(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    let image = docker_image(keeper, APP, voyage, "mounted").await?;
    keeper.push(APP, &image).await?;
    for content in docker_contents(voyage, "mounted") {
        keeper.mount(MOUNTED, &sha256(&content), APP).await?;
    }
    keeper.tag(MOUNTED, "latest", &image).await
}

/// A manifest with its tags, one without, and a blob: this voyage's, and the manifest that the voyage before has left for
/// this one.
async fn deletions(keeper: &mut Keeper<'_>, voyage: &str) -> Result<()> {
    if let Some(left) = keeper.repository(APP).tags.get("left-for-the-next").cloned() {
        keeper.delete_manifest(APP, &left).await?;
    }
    let doomed = docker_image(keeper, APP, voyage, "doomed").await?;
    keeper.tag(APP, "doomed", &doomed).await?;
    keeper.tag(APP, "doomed-too", &doomed).await?;
    keeper.delete_manifest(APP, &doomed.digest).await?;
    let left = docker_image(keeper, APP, voyage, "left").await?;
    keeper.tag(APP, "left-for-the-next", &left).await?;
    let unused = keeper.push_blob(APP, &text(voyage, "in no image")).await?;
    keeper.delete_blob(APP, &unused).await
}

/// Pushes an image's blobs and returns its manifest.
async fn docker_image(keeper: &mut Keeper<'_>, repository: &str, voyage: &str, name: &str) -> Result<Document> {
    let [config, base, layer] = docker_contents(voyage, name);
    let layers = [base, layer];
    push_blobs(keeper, repository, &layers, &config).await?;
    Document::docker_image(&config, &layers)
}

/// Configuration and layers of an image.
fn docker_contents(voyage: &str, name: &str) -> [Bytes; 3] {
    [text(voyage, &format!("configuration of {name}")), BASE, text(voyage, &format!("layer of {name}"))]
}

async fn push_blobs(keeper: &mut Keeper<'_>, repository: &str, layers: &[Bytes], config: &Bytes) -> Result<()> {
    for content in layers.iter().chain([config]) {
        keeper.push_blob(repository, content).await?;
    }
    Ok(())
}

/// Content that no other voyage has.
fn text(voyage: &str, what: &str) -> Bytes {
    format!("{what}, by {voyage}").into()
}
