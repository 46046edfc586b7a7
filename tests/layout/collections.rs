//! `garbage-collect` of one program on what another has written and deleted: the rest is served with every digest equal, and
//! nothing stays that no manifest names.
//!
//! Not asked of the reference, because it is known to lose it: what only an untagged manifest leads to that somebody needs,
//! when it removes untagged manifests. That is members of an index that is in another index (version 2: of any index), and
//! what refers to a subject. Neither is it asked to keep what is pushed while it collects.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use fastrand::Rng;
use support::collection::garbage_collect;
use support::document::Document;
use support::figure::figure;
use support::image::sha256;
use support::inventory::{Inventory, Keeper};
use support::server::{Program, serving};
use support::voyage::sail;
use tempfile::TempDir;

use crate::sequences::{TURNS, seeds_of_runs, some_operations};

/// Random sequences with each version of the reference, unless a seed is asked for.
const RUNS: u64 = 2;
/// With the reference's flags, and without the time for which this server waits for the manifest of what was uploaded lately.
const AT_ONCE: &str = "--grace=0";

const REPOSITORY: &str = "team/app";

/// Digests of all content below `volume`, in whatever state.
fn contents(volume: &Path) -> Result<BTreeSet<String>> {
    let blobs = volume.join("docker/registry/v2/blobs/sha256");
    let mut found = BTreeSet::new();
    if !blobs.exists() {
        return Ok(found);
    }
    for prefix in fs::read_dir(&blobs)? {
        for blob in fs::read_dir(prefix?.path())? {
            let name = blob?.file_name();
            found.insert(format!("sha256:{}", name.to_str().context("content whose name is no text")?));
        }
    }
    Ok(found)
}

/// What is left of `before` is what manifests name.
fn compare(inventory: &Inventory, before: &BTreeSet<String>, volume: &Path) -> Result<()> {
    let (left, named) = (contents(volume)?, inventory.named());
    let expected: BTreeSet<_> = before.intersection(&named).cloned().collect();
    let (lost, garbage): (Vec<_>, Vec<_>) =
        (expected.difference(&left).collect(), left.difference(&expected).collect());
    ensure!(lost.is_empty(), "content was removed that manifests name: {lost:?}");
    ensure!(garbage.is_empty(), "content was left that no manifest names: {garbage:?}");
    Ok(())
}

/// Collects with `program`, first as it would, then really; what is left is as `inventory` says. Returns how much went.
async fn collect(program: Program, volume: &Path, flags: &[&str], inventory: &Inventory) -> Result<usize> {
    let own: &[&str] = if program == Program::Ours { &[AT_ONCE] } else { &[] };
    let flags = [flags, own].concat();
    let before = contents(volume)?;
    if before.is_empty() && program != Program::Ours {
        return Ok(0); // the reference fails where nothing was ever pushed
    }
    garbage_collect(program, volume, &[&flags[..], &["--dry-run"]].concat()).await?;
    ensure!(contents(volume)? == before, "{program} has removed something although it was to change nothing");
    let told = garbage_collect(program, volume, &flags).await?;
    compare(inventory, &before, volume).with_context(|| format!("{program} has told:\n{told}"))?;
    Ok(before.len() - contents(volume)?.len())
}

/// As `collect`, where there is garbage.
async fn collect_garbage(program: Program, volume: &Path, flags: &[&str], inventory: &Inventory) -> Result<()> {
    ensure!(collect(program, volume, flags, inventory).await? > 0, "{program} has found nothing to collect");
    Ok(())
}

/// Two voyages with `writer`, and an upload of which half has come: where it goes on.
async fn written(writer: Program, volume: &Path, inventory: &mut Inventory) -> Result<String> {
    serving(writer, volume, async |client| {
        sail(&mut inventory.keeper(&client), "out").await?;
        sail(&mut inventory.keeper(&client), "home").await?;
        let upload = client.begin_upload(REPOSITORY).await?;
        client.append(&upload, &Bytes::from_static(b"half of ")).await
    })
    .await
}

/// All is served by `program`, the upload goes on, and so does life.
async fn goes_on(program: Program, volume: &Path, inventory: &mut Inventory, upload: String) -> Result<()> {
    let whole = Bytes::from_static(b"half of a layer");
    serving(program, volume, async |client| {
        inventory.check(&client).await?;
        client.finish(&upload, &whole.slice(8..), &sha256(&whole)).await?;
        let keeper = &mut inventory.keeper(&client);
        keeper.note_blob(REPOSITORY, &sha256(&whole), &whole);
        sail(keeper, "again").await?;
        inventory.check(&client).await
    })
    .await
}

#[tokio::test]
async fn the_reference_collects_what_was_written_and_deleted_here_and_the_rest_is_served() -> Result<()> {
    for reference in Program::REFERENCES {
        let (volume, mut inventory) = (TempDir::new()?, Inventory::default());
        let upload = written(Program::Ours, volume.path(), &mut inventory).await?;
        inventory.collected(false);
        collect_garbage(reference, volume.path(), &[], &inventory).await?;
        goes_on(Program::Ours, volume.path(), &mut inventory, upload).await?;
        serving(reference, volume.path(), async |client| inventory.check(&client).await).await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_the_reference_has_written_and_deleted_is_collected_here_and_the_rest_is_served_by_it() -> Result<()> {
    for (reference, flag) in Program::REFERENCES.into_iter().zip(["-m", "--delete-untagged"]) {
        for untagged in [None, Some(flag)] {
            let (volume, mut inventory) = (TempDir::new()?, Inventory::default());
            let upload = written(reference, volume.path(), &mut inventory).await?;
            inventory.collected(untagged.is_some());
            let flags: Vec<_> = untagged.into_iter().collect();
            collect_garbage(Program::Ours, volume.path(), &flags, &inventory).await?;
            goes_on(reference, volume.path(), &mut inventory, upload).await?;
            serving(Program::Ours, volume.path(), async |client| inventory.check(&client).await).await?;
        }
    }
    Ok(())
}

/// Images of a tag that has moved on, and for version 3 an index of them: all that it is asked to tell apart.
async fn flat_images(keeper: &mut Keeper<'_>, reference: Program) -> Result<()> {
    let mut images = Vec::new();
    for name in ["first", "second", "third"] {
        let (config, layer) =
            (Bytes::from(format!("configuration of {name}")), Bytes::from(format!("layer of {name}")));
        keeper.push_blob(REPOSITORY, &config).await?;
        keeper.push_blob(REPOSITORY, &layer).await?;
        let image = Document::oci_image(&config, &[layer])?;
        keeper.tag(REPOSITORY, "latest", &image).await?;
        images.push(image);
    }
    if reference == Program::Registry3 {
        keeper.tag(REPOSITORY, "both", &Document::oci_index(&[&images[1], &images[2]])?).await?;
    }
    Ok(())
}

#[tokio::test]
async fn untagged_images_that_the_reference_removes_are_gone_here_and_the_others_served() -> Result<()> {
    for reference in Program::REFERENCES {
        let (volume, mut inventory) = (TempDir::new()?, Inventory::default());
        serving(Program::Ours, volume.path(), async |client| {
            flat_images(&mut inventory.keeper(&client), reference).await
        })
        .await?;
        inventory.collected(true);
        collect_garbage(reference, volume.path(), &["-m"], &inventory).await?;
        serving(Program::Ours, volume.path(), async |client| inventory.check(&client).await).await?;
    }
    Ok(())
}

/// As in `sequences`, and between two turns somebody collects.
async fn run(reference: Program, seed: u64) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let (volume, mut inventory, mut done) = (TempDir::new()?, Inventory::default(), Vec::new());
    let ours_first = random.bool();
    for turn in 0..TURNS {
        let program = if (turn % 2 == 0) == ours_first { Program::Ours } else { reference };
        let told = serving(program, volume.path(), async |client| {
            inventory.check(&client).await?;
            some_operations(&mut inventory.keeper(&client), &mut random, &mut done).await
        });
        told.await.with_context(|| format!("after {done:#?}"))?;
        let collector = if random.bool() { Program::Ours } else { reference };
        let untagged = collector == Program::Ours && random.bool();
        done.push(format!("{collector} collects, untagged manifests too: {untagged}"));
        inventory.collected(untagged);
        let flags: &[&str] = if untagged { &["-m"] } else { &[] };
        collect(collector, volume.path(), flags, &inventory).await.with_context(|| format!("after {done:#?}"))?;
    }
    for program in [Program::Ours, reference] {
        let checked = serving(program, volume.path(), async |client| inventory.check(&client).await).await;
        checked.with_context(|| format!("after {done:#?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn whoever_collects_between_random_turns_keeps_what_is_named_and_leaves_no_garbage() -> Result<()> {
    for reference in Program::REFERENCES {
        let seeds = seeds_of_runs(RUNS)?;
        figure(&format!("layout: seeds of collections with {reference}"), format_args!("{seeds:?}"));
        for seed in seeds {
            run(reference, seed)
                .await
                .with_context(|| format!("LAYOUT_SEED={seed} repeats this run with {reference}"))?;
        }
    }
    Ok(())
}
