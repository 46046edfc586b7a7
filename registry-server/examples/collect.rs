//! What a garbage collection costs, for a volume of so many images of so many layers of their own, and as much content that
//! nothing names:
//!
//! ```sh
//! cargo run --release -p registry-server --example collect -- [IMAGES] [LAYERS]
//! ```
//!
//! The volume is made below the system's directory for temporary files, and removed again.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{fs, path::Path, time::Instant};

use anyhow::Context;
use registry_server::{
    oci::{Algorithm, Digest},
    registry::{
        Registry,
        collect::{Line, Options},
    },
    storage::filesystem::{self, Filesystem},
};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let images = arguments.next().transpose()?.unwrap_or(1000);
    let layers = arguments.next().transpose()?.unwrap_or(50);
    let root = tempfile::tempdir()?;
    fill(&root.path().join("docker/registry/v2"), images, layers)?;
    collect(root.path())
}

/// Writes images, and for each layer one blob that no manifest names.
fn fill(root: &Path, images: usize, layers: usize) -> anyhow::Result<()> {
    for image in 0..images {
        let repository = root.join("repositories").join(format!("r{}", image / 20));
        let mut named = Vec::new();
        for layer in 0..layers {
            let digest = write_blob(root, &format!("layer {image} {layer}"))?;
            link(&repository.join("_layers"), &digest)?;
            named.push(format!(r#"{{"mediaType":"application/vnd.test","digest":"{digest}"}}"#));
            let stray = write_blob(root, &format!("stray {image} {layer}"))?;
            link(&repository.join("_layers"), &stray)?;
        }
        let (config, rest) = named.split_first().context("an image has a layer at least")?;
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, rest.join(","));
        let digest = write_blob(root, &manifest)?;
        link(&repository.join("_manifests/revisions"), &digest)?;
        let tag = repository.join("_manifests/tags").join(format!("v{image}")).join("current");
        fs::create_dir_all(&tag)?;
        fs::write(tag.join("link"), digest.to_string())?;
    }
    Ok(())
}

fn write_blob(root: &Path, content: &str) -> anyhow::Result<Digest> {
    let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
    let directory = root.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex());
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("data"), content)?;
    Ok(digest)
}

fn link(below: &Path, digest: &Digest) -> anyhow::Result<()> {
    let directory = below.join("sha256").join(digest.hex());
    fs::create_dir_all(&directory)?;
    Ok(fs::write(directory.join("link"), digest.to_string())?)
}

#[tokio::main(flavor = "current_thread")]
async fn collect(root: &Path) -> anyhow::Result<()> {
    for dry_run in [true, false] {
        let registry = Registry::new(Filesystem::open(root.to_owned(), filesystem::Options::default())?);
        let options =
            Options { dry_run, delete_untagged: true, grace: std::time::Duration::ZERO, ..Options::default() };
        let before = peak()?;
        let began = Instant::now();
        let (lines, mut told) = tokio::sync::mpsc::channel::<Line>(256);
        let silence = async { while told.recv().await.is_some() {} };
        let (summary, ()) = tokio::join!(registry.collect(options, lines), silence);
        let (summary, took, after) = (summary?, began.elapsed(), peak()?);
        let step = if dry_run { "looking" } else { "looking and removing" };
        println!("{step}: {took:.1?}, peak memory {before} KiB before, {after} KiB after; {summary}");
    }
    Ok(())
}

/// The most memory that this process has had so far, in KiB.
fn peak() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel does not tell")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
