//! Random sequences of pushes and deletions, applied by this server and the reference in turn to one volume; what it has to
//! hold is known at every moment, and compared with all that is answered after each change of hands.
//!
//! `LAYOUT_SEED=n` repeats one run, whose seed a failure names; `LAYOUT_RUNS=n` makes that many with each version.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use fastrand::Rng;
use support::document::{Document, EMPTY_CONFIG, fallback_tag};
use support::figure::figure;
use support::inventory::{Inventory, Keeper};
use support::server::{Program, serving};
use tempfile::TempDir;

/// Runs with each version of the reference, unless told otherwise.
const RUNS: u64 = 4;
/// How often the volume changes hands in a run.
pub(crate) const TURNS: usize = 6;
/// Most operations before it does.
const OPERATIONS: usize = 14;

/// Few, so that operations meet: nested, and such that sort differently by name and by directory.
const REPOSITORIES: [&str; 4] = ["a", "a/b", "a-b", "z/y/x"];
const TAGS: [&str; 4] = ["latest", "v1.0", "_x", "T-2"];

#[tokio::test]
async fn any_sequence_with_registry_2_in_turn_keeps_what_it_has_to() -> Result<()> {
    runs_with(Program::Registry2).await
}

#[tokio::test]
async fn any_sequence_with_registry_3_in_turn_keeps_what_it_has_to() -> Result<()> {
    runs_with(Program::Registry3).await
}

#[tokio::test]
async fn what_the_reference_changes_beside_this_server_is_seen_at_once() -> Result<()> {
    for (reference, seed) in Program::REFERENCES.into_iter().zip(seeds(1)?.into_iter().cycle()) {
        figure(&format!("layout: seed beside {reference}"), seed);
        let run = run_beside(reference, seed).await;
        run.with_context(|| format!("LAYOUT_SEED={seed} repeats this run beside {reference}"))?;
    }
    Ok(())
}

async fn runs_with(reference: Program) -> Result<()> {
    let seeds = seeds_of_runs(RUNS)?;
    figure(&format!("layout: seeds with {reference}"), format_args!("{seeds:?}"));
    for seed in seeds {
        run(reference, seed).await.with_context(|| format!("LAYOUT_SEED={seed} repeats this run with {reference}"))?;
    }
    Ok(())
}

/// The one that was asked for, or as many random ones as were asked for, or so many.
pub(crate) fn seeds_of_runs(unless_told: u64) -> Result<Vec<u64>> {
    seeds(setting("LAYOUT_RUNS")?.unwrap_or(unless_told))
}

/// The one that was asked for, or so many random ones.
fn seeds(count: u64) -> Result<Vec<u64>> {
    let random = || (0..count).map(|_| fastrand::u64(..1_000_000_000)).collect();
    Ok(setting("LAYOUT_SEED")?.map_or_else(random, |seed| vec![seed]))
}

fn setting(name: &str) -> Result<Option<u64>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    text.parse().map(Some).with_context(|| format!("{name} is no number: {text}"))
}

async fn run(reference: Program, seed: u64) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let volume = TempDir::new()?;
    let mut inventory = Inventory::default();
    let mut done = Vec::new();
    let ours_first = random.bool();
    for turn in 0..TURNS {
        let program = if (turn % 2 == 0) == ours_first { Program::Ours } else { reference };
        let told = serving(program, volume.path(), async |client| {
            inventory.check(&client).await?;
            some_operations(&mut inventory.keeper(&client), &mut random, &mut done).await?;
            inventory.check(&client).await
        });
        told.await.with_context(|| format!("after {done:#?}"))?;
    }
    for program in [Program::Ours, reference] {
        let checked = serving(program, volume.path(), async |client| inventory.check(&client).await).await;
        checked.with_context(|| format!("after {done:#?}"))?;
    }
    Ok(())
}

/// As `run`, but this server stays up, remembers what it has answered, and the reference works on its volume meanwhile.
async fn run_beside(reference: Program, seed: u64) -> Result<()> {
    let mut random = Rng::with_seed(seed);
    let volume = TempDir::new()?;
    let mut inventory = Inventory::default();
    let mut done = Vec::new();
    let told = serving(Program::Ours, volume.path(), async |ours| {
        for _ in 0..TURNS {
            some_operations(&mut inventory.keeper(&ours), &mut random, &mut done).await?;
            inventory.check(&ours).await?;
            serving(reference, volume.path(), async |theirs| {
                some_operations(&mut inventory.keeper(&theirs), &mut random, &mut done).await
            })
            .await?;
            inventory.check(&ours).await?;
        }
        Ok(())
    });
    told.await.with_context(|| format!("after {done:#?}"))
}

/// A random number of random operations; notes each.
pub(crate) async fn some_operations(keeper: &mut Keeper<'_>, random: &mut Rng, done: &mut Vec<String>) -> Result<()> {
    for _ in 0..random.usize(1..=OPERATIONS) {
        let operation = operate(keeper, random).await;
        done.push(format!("{}: {}", keeper.client.program, operation.as_deref().unwrap_or("failed")));
        operation?;
    }
    Ok(())
}

/// Does one thing, and says which.
async fn operate(keeper: &mut Keeper<'_>, random: &mut Rng) -> Result<String> {
    let repository = choose(random, &REPOSITORIES).copied().unwrap_or_default();
    match random.u8(0..20) {
        0..5 => push_image(keeper, random, repository).await,
        5..7 => push_index(keeper, random, repository).await,
        7..9 => push_artifact(keeper, random, repository).await,
        9..12 => move_tag(keeper, random, repository).await,
        12..14 => mount(keeper, random, repository).await,
        14..16 => delete_manifest(keeper, random, repository).await,
        16 => delete_tag(keeper, random, repository).await,
        17 => delete_blob(keeper, random, repository).await,
        _ => upload(keeper, random, repository).await,
    }
}

async fn push_image(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let config = content(random);
    let layers: Vec<_> = (0..random.usize(0..3)).map(|_| content(random)).collect();
    for blob in layers.iter().chain([&config]) {
        keeper.push_blob(repository, blob).await?;
    }
    let make = if random.bool() { Document::docker_image } else { Document::oci_image };
    push(keeper, random, repository, &make(&config, &layers)?, "image").await
}

async fn push_index(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let held = manifests(keeper, repository);
    let members: Vec<_> = (0..random.usize(1..4)).filter_map(|_| choose(random, &held)).collect();
    if members.is_empty() {
        return Ok(format!("{repository} has nothing for an index"));
    }
    push(keeper, random, repository, &Document::oci_index(&members)?, "index").await
}

/// An artifact with a subject, listed under the fallback tag where a client would do that.
async fn push_artifact(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let held = manifests(keeper, repository);
    let Some(subject) = choose(random, &held) else { return Ok(format!("{repository} has nothing to sign")) };
    let payload = content(random);
    keeper.push_blob(repository, &EMPTY_CONFIG).await?;
    keeper.push_blob(repository, &payload).await?;
    let artifact = Document::artifact("application/vnd.example.signature", &payload, subject)?;
    keeper.push(repository, &artifact).await?;
    if keeper.client.program != Program::Ours {
        keeper.tag(repository, &fallback_tag(&subject.digest), &Document::referrers(&[&artifact])?).await?;
    }
    Ok(format!("artifact {} of {} in {repository}", artifact.digest, subject.digest))
}

/// Points a tag at something that is there.
async fn move_tag(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let held = manifests(keeper, repository);
    let Some(manifest) = choose(random, &held) else { return Ok(format!("{repository} has nothing to tag")) };
    // Its blobs may have been deleted, or its members: then it cannot be pushed again.
    if !is_whole(keeper, repository, manifest)? {
        return Ok(format!("{} of {repository} is not whole", manifest.digest));
    }
    let tag = choose(random, &TAGS).copied().unwrap_or_default();
    keeper.tag(repository, tag, manifest).await?;
    Ok(format!("tag {tag} of {repository} stands for {}", manifest.digest))
}

async fn mount(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let from = choose(random, &REPOSITORIES).copied().unwrap_or_default();
    let held: Vec<_> = keeper.repository(from).blobs.keys().cloned().collect();
    let Some(digest) = choose(random, &held) else { return Ok(format!("{from} has nothing to mount")) };
    keeper.mount(repository, digest, from).await?;
    Ok(format!("mount {digest} from {from} in {repository}"))
}

async fn delete_manifest(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let held = manifests(keeper, repository);
    let Some(manifest) = choose(random, &held) else { return Ok(format!("{repository} has no manifest")) };
    keeper.delete_manifest(repository, &manifest.digest).await?;
    Ok(format!("delete manifest {} of {repository}", manifest.digest))
}

async fn delete_tag(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let held: Vec<_> = keeper.repository(repository).tags.keys().cloned().collect();
    let Some(tag) = choose(random, &held) else { return Ok(format!("{repository} has no tag")) };
    if keeper.client.program == Program::Registry2 {
        return Ok("version 2 cannot delete a tag".to_owned());
    }
    keeper.delete_tag(repository, tag).await?;
    Ok(format!("delete tag {tag} of {repository}"))
}

async fn delete_blob(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let held: Vec<_> = keeper.repository(repository).blobs.keys().cloned().collect();
    let Some(digest) = choose(random, &held) else { return Ok(format!("{repository} has no blob")) };
    keeper.delete_blob(repository, digest).await?;
    Ok(format!("delete blob {digest} of {repository}"))
}

/// One that is never finished.
async fn upload(keeper: &mut Keeper<'_>, random: &mut Rng, repository: &str) -> Result<String> {
    let upload = keeper.client.begin_upload(repository).await?;
    keeper.client.append(&upload, &content(random)).await?;
    keeper.repository(repository); // it is known from now on
    Ok(format!("abandon an upload in {repository}"))
}

/// Under a tag or by digest.
async fn push(
    keeper: &mut Keeper<'_>,
    random: &mut Rng,
    repository: &str,
    manifest: &Document,
    what: &str,
) -> Result<String> {
    if random.u8(0..4) == 0 {
        keeper.push(repository, manifest).await?;
        return Ok(format!("{what} {} in {repository}", manifest.digest));
    }
    let tag = choose(random, &TAGS).copied().unwrap_or_default();
    keeper.tag(repository, tag, manifest).await?;
    Ok(format!("{what} {} as {repository}:{tag}", manifest.digest))
}

/// Whether everything that the manifest names is in the repository.
fn is_whole(keeper: &mut Keeper<'_>, repository: &str, manifest: &Document) -> Result<bool> {
    let value: serde_json::Value = serde_json::from_slice(&manifest.content)?;
    let held = keeper.repository(repository);
    let digest = |descriptor: &serde_json::Value| descriptor["digest"].as_str().map(str::to_owned);
    let each = |field: &str| value[field].as_array().cloned().unwrap_or_default();
    let mut blobs = each("layers").into_iter().chain(value.get("config").cloned());
    let mut members = each("manifests").into_iter();
    Ok(blobs.all(|blob| digest(&blob).is_none_or(|digest| held.blobs.contains_key(&digest)))
        && members.all(|member| digest(&member).is_none_or(|digest| held.manifests.contains_key(&digest))))
}

fn manifests(keeper: &mut Keeper<'_>, repository: &str) -> Vec<Document> {
    keeper.repository(repository).manifests.values().cloned().collect()
}

/// Few different contents, so that repositories share them; one is empty.
fn content(random: &mut Rng) -> Bytes {
    let number = random.usize(0..40);
    vec![b'x'; number * number].into()
}

fn choose<'a, T>(random: &mut Rng, from: &'a [T]) -> Option<&'a T> {
    if from.is_empty() { None } else { from.get(random.usize(..from.len())) }
}
