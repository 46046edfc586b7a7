//! For tests: what a tree holds, found by looking at all of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::oci::Repository;

pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names
}

pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = names(directory).into_iter().map(|name| directory.join(name));
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every repository below `root`, through symbolic links as well, as deep as names go.
pub(super) fn repositories(root: &Path) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![String::new()];
    while let Some(directory) = waiting.pop() {
        for name in names(&root.join(&directory)).into_iter().filter(|name| !name.starts_with('_')) {
            let name = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if name.parse::<Repository>().is_ok() {
                if root.join(&name).join("_manifests").is_dir() {
                    found.insert(name.clone());
                }
                waiting.push(name);
            }
        }
    }
    found.into_iter().collect()
}

pub(super) fn tags_in(manifests: &Path) -> Vec<String> {
    let tags = manifests.join("tags");
    let set = |tag: &String| fs::metadata(tags.join(tag).join("current/link")).is_ok_and(|link| link.len() > 0);
    names(&tags).into_iter().filter(set).collect()
}
