//! Images made here, so that no test needs one from elsewhere: layers of random bytes, or the one that
//! `tests/cluster/busybox-image` packs.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::{digest, rand};
use serde_json::json;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::root;

/// An image as an archive that `docker load` and `crane push` read.
#[derive(Debug)]
pub struct Image {
    archive: PathBuf,
    /// `sha256:...` of its configuration, which names all its content: what a client computes after a true round trip.
    pub id: String,
    /// The name it has in the archive, under which `docker load` makes it known.
    pub name: String,
    _folder: Option<TempDir>,
}

impl Image {
    /// An image of `layers` layers of `size` random bytes each: no two are alike, and nothing compresses.
    pub fn random(layers: usize, size: usize) -> Result<Self> {
        let folder = TempDir::new()?;
        let archive = folder.path().join("image.tar");
        let name = format!("localhost/random-{}:1", crate::random_word());
        let layers = (0..layers).map(|_| layer(size)).collect::<Result<Vec<_>>>()?;
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/content"]},
            "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| sha256(layer)).collect::<Vec<_>>()},
        });
        let config = serde_json::to_vec(&config)?;
        let id = sha256(&config);
        let paths: Vec<_> = (0..layers.len()).map(|index| format!("layer{index}.tar")).collect();
        let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": paths}]);
        let mut tar = Builder::new(File::create(&archive)?);
        append(&mut tar, "manifest.json", &serde_json::to_vec(&manifest)?)?;
        append(&mut tar, "config.json", &config)?;
        for (path, layer) in paths.iter().zip(&layers) {
            append(&mut tar, path, layer)?;
        }
        tar.into_inner()?.sync_all()?;
        Ok(Self { archive, id, name, _folder: Some(folder) })
    }

    /// An image that runs, a busybox: its command is a shell. No node has it under another name.
    pub fn app() -> Result<Self> {
        let archive = std::env::var_os("APP_ARCHIVE").map(PathBuf::from);
        let archive = archive.unwrap_or_else(|| root().join(".cluster/app.tar"));
        ensure!(archive.exists(), "{} does not exist: `tests/cluster/busybox-image` makes it", archive.display());
        let mut tar = tar::Archive::new(File::open(&archive)?);
        let mut entries = tar.entries()?;
        let manifest = entries.next().context("the archive is empty")??;
        let manifest: serde_json::Value = serde_json::from_reader(manifest)?;
        let config =
            manifest.pointer("/0/Config").and_then(|value| value.as_str()).context("no Config in the archive")?;
        let id = format!("sha256:{}", config.trim_end_matches(".json"));
        Ok(Self { archive, id, name: "localhost/app:1".to_owned(), _folder: None })
    }

    /// The archive's file.
    pub fn archive(&self) -> &Path {
        &self.archive
    }
}

/// `sha256:` and the digest of `content` in hexadecimal.
pub fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(&digest::SHA256, content))
}

/// `sha512:` and the digest of `content` in hexadecimal.
pub fn sha512(content: &[u8]) -> String {
    format!("sha512:{}", hexadecimal(&digest::SHA512, content))
}

fn hexadecimal(algorithm: &'static digest::Algorithm, content: &[u8]) -> String {
    digest::digest(algorithm, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A layer with one file of random bytes.
fn layer(size: usize) -> Result<Vec<u8>> {
    let mut content = vec![0; size];
    rand::fill(&mut content).context("failed to make random bytes")?;
    let mut tar = Builder::new(Vec::new());
    append(&mut tar, "content", &content)?;
    Ok(tar.into_inner()?)
}

fn append(tar: &mut Builder<impl std::io::Write>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(content.len().try_into()?);
    tar.append_data(&mut header, path, content)?;
    Ok(())
}
