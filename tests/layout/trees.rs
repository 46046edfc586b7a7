//! The same done to each program leaves the same files behind, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use support::image::sha256;
use support::inventory::Inventory;
use support::server::{Program, serving};
use support::voyage::sail;
use tempfile::TempDir;

/// Name and content of a file, and how many there are like it: uploads are told apart by what is in them alone.
type Files = BTreeMap<(String, String), usize>;

/// Every file that `program` leaves behind after two voyages.
async fn left_by(program: Program) -> Result<Files> {
    let volume = TempDir::new()?;
    let mut inventory = Inventory::default();
    serving(program, volume.path(), async |client| {
        sail(&mut inventory.keeper(&client), "out").await?;
        sail(&mut inventory.keeper(&client), "home").await
    })
    .await?;
    files(volume.path())
}

/// Each file and what is in it: content by its digest, everything else as it is.
fn files(root: &Path) -> Result<Files> {
    let mut found = Files::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let name = path.strip_prefix(root)?.to_str().context("a name that is not text")?.to_owned();
            if path.is_dir() {
                directories.push(path);
            } else if let Some(name) = comparable(&name) {
                let content = fs::read(&path)?;
                *found.entry((name.clone(), told(&name, content)?)).or_default() += 1;
            }
        }
    }
    Ok(found)
}

/// The name without what is random in it; `None` for what only one program has: our indexes, and the state of a hash
/// with which the reference spares itself reading an upload again.
fn comparable(name: &str) -> Option<String> {
    if name.starts_with("private-registry/") || name.contains("/hashstates/") {
        return None;
    }
    let Some((repository, rest)) = name.split_once("/_uploads/") else { return Some(name.to_owned()) };
    let (_, file) = rest.split_once('/')?;
    Some(format!("{repository}/_uploads/.../{file}"))
}

fn told(name: &str, content: Vec<u8>) -> Result<String> {
    if name.ends_with("/data") {
        return Ok(sha256(&content));
    }
    let text = String::from_utf8(content)?;
    if name.ends_with("/startedat") {
        // 2026-01-02T03:04:05Z
        let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        return Ok(form);
    }
    ensure!(name.ends_with("/link") && text.len() == 71, "{name} holds {text:?}");
    Ok(text)
}

#[tokio::test]
async fn the_same_pushes_and_deletions_leave_the_files_that_the_reference_leaves() -> Result<()> {
    let ours = left_by(Program::Ours).await?;
    ensure!(ours.len() > 100, "only {} files were left: {ours:#?}", ours.len());
    for reference in Program::REFERENCES {
        let theirs = left_by(reference).await?;
        let only_theirs: Vec<_> = theirs.iter().filter(|(file, count)| ours.get(*file) != Some(count)).collect();
        let only_ours: Vec<_> = ours.iter().filter(|(file, count)| theirs.get(*file) != Some(count)).collect();
        ensure!(
            only_theirs.is_empty() && only_ours.is_empty(),
            "{reference} alone leaves {only_theirs:#?}\nthis server alone {only_ours:#?}"
        );
    }
    Ok(())
}
