//! Reads what configures a runtime of the node. It is the administrator's, and nothing of it is changed.

use std::{
    fs::{self, DirEntry},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use toml::Table;

use super::file;

/// A configuration takes some kilobytes.
const LIMIT: u64 = 1024 * 1024;

/// The configuration could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is there and cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no TOML.
    #[error("failed to understand {}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
}

/// What is in the node's file `path`, or nothing if there is none. `root` is where this process sees the node's root directory.
pub(super) fn read(root: &Path, path: &Path) -> Result<Option<Table>, Error> {
    let Some(text) = text(root, path)? else { return Ok(None) };
    text.parse().map(Some).map_err(|source| Error::Parse { path: path.to_owned(), source })
}

fn text(root: &Path, path: &Path) -> Result<Option<String>, Error> {
    let error = |source| Error::Read { path: path.to_owned(), source };
    let file = match fs::File::open(file::below(root, path)) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(error)?,
    };
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).map_err(error)?;
    Ok(Some(text))
}

/// What is in the node's directory `path`, in the order of the names: nothing if there is none.
pub(super) fn list(root: &Path, path: &Path) -> Result<Vec<DirEntry>, Error> {
    let listed = match fs::read_dir(file::below(root, path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        listed => listed.and_then(Iterator::collect::<io::Result<Vec<_>>>),
    };
    let mut listed = listed.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    listed.sort_by_key(DirEntry::file_name);
    Ok(listed)
}
