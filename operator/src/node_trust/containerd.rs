//! Whether a node's containerd reads what is written for it.
//!
//! That is what its configuration says, and there are states in which it takes no notice of `hosts.toml` without a word. Nothing is
//! changed here, because that is the administrator's, and containerd would have to be started again.

mod settings;
mod trap;

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
};

use self::settings::Document;
pub use self::{
    settings::Settings,
    trap::{Trap, trap},
};
pub use super::configuration::Error;
use super::{configuration, runtime::Version};

/// Files that are imported beyond this many are no configuration.
const IMPORTS_LIMIT: usize = 100;

/// Where containerd's configuration is.
pub const CONFIG: &str = "/etc/containerd/config.toml";

/// What the configuration at `config`, with all that it imports, says to a containerd of this version.
///
/// `None` when there is none and containerd goes by its defaults. `root` is where this process sees the node's root directory.
///
/// # Errors
/// When a file of it cannot be read or understood.
pub fn read(root: &Path, config: &Path, version: Option<Version>) -> Result<Option<Settings>, Error> {
    let Some(mut document) = document(root, config)? else { return Ok(None) };
    let mut unread = Vec::new();
    let mut known = BTreeSet::from([config.to_owned()]);
    let mut pending = VecDeque::from(imports(root, config, &document)?);
    while let Some(path) = pending.pop_front() {
        // Each file once, after all those that the files before it import.
        if !known.insert(path.clone()) {
            continue;
        }
        match self::document(root, &path)? {
            Some(later) if known.len() <= IMPORTS_LIMIT => {
                pending.extend(imports(root, &path, &later)?);
                document.import(later, version);
            }
            // It may be there for containerd, which sees all of the node, and reads as many as there are.
            _ => unread.push(path),
        }
    }
    Ok(Some(document.settings(version, unread)))
}

/// The files that one imports.
fn imports(root: &Path, file: &Path, document: &Document) -> Result<Vec<PathBuf>, Error> {
    let beside = file.parent().unwrap_or(Path::new("/"));
    let imports = document.imports().into_iter().take(IMPORTS_LIMIT);
    let mut paths = imports.map(|import| expand(root, &beside.join(import))).collect::<Result<Vec<_>, _>>()?.concat();
    paths.truncate(IMPORTS_LIMIT);
    Ok(paths)
}

fn document(root: &Path, path: &Path) -> Result<Option<Document>, Error> {
    Ok(configuration::read(root, path)?.map(Document::new))
}

/// The files that an import stands for: itself, or those of a directory whose names fit the one star in its last part.
fn expand(root: &Path, import: &Path) -> Result<Vec<PathBuf>, Error> {
    let pattern = import.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('*'));
    let (Some((start, end)), Some(directory)) = (pattern, import.parent()) else { return Ok(vec![import.to_owned()]) };
    let names =
        configuration::list(root, directory)?.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
    let fits = |name: &String| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let mut paths: Vec<_> = names.filter(fits).map(|name| directory.join(name)).collect();
    paths.truncate(IMPORTS_LIMIT);
    Ok(paths)
}

#[cfg(test)]
mod tests;
