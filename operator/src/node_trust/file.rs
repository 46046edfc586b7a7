//! A file on a node: there as a whole or not at all, also after the machine has lost its power.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Every runtime may run as somebody else than root.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

/// The name under which a file is written before it takes its place, which is one that no runtime reads.
pub(super) fn staged(name: &str) -> String {
    format!(".{name}.private-registry-operator")
}

/// Writes the file `name` of a directory, and puts it into the place of the one that is there. Without room for it, that one stays.
pub(super) fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let staged = directory.join(staged(name));
    let written = write_new(&staged, content).and_then(|()| fs::rename(&staged, directory.join(name)));
    if written.is_err() {
        // What takes up the last room helps nobody; the error that counts is the first one.
        let _ = fs::remove_file(&staged);
    }
    written.and_then(|()| sync(directory))
}

/// Writes a file that is not there yet, or is left from a write that was cut off.
pub(super) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    delete(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a directory that is not there yet.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(DIRECTORY_MODE).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE))
}

/// Deletes a file, or nothing if there is none.
pub(super) fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What is in a file; `None` if it is no file of at most `limit` bytes, a symbolic link included.
pub(super) fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut content = Vec::new();
    let limit_and_one = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit_and_one).read_to_end(&mut content)?;
    Ok(Some(content).filter(|content| content.len() <= limit))
}

/// Sees to it that what was renamed or deleted in a directory stays so.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Where a path of the node is, when the node's root is at `root`.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The other way round: what people on the node know as this.
pub(super) fn on_node(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path))
}
