//! Carries plans out below one directory of a node. Each directory in it stands for itself: where one fails, the others go on.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    Owner,
    entry::AUTHORITIES_LIMIT,
    file,
    layout::{Directory, FILES, File},
    plan::{Found, MARKER, Refusal, Step, plan},
};

/// What is longer is not as we have written it.
const FILE_LIMIT: usize = 2 * AUTHORITIES_LIMIT;

/// A file or directory of the node could not be read, written or removed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} {}", path.display())]
pub(super) struct Error {
    verb: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Error {
    pub(super) fn new(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { verb, path, source }
    }

    /// The same with the node's own path. `root` is where this process sees the node's root directory.
    pub(super) fn on_node(self, root: &Path) -> Self {
        Self { path: file::on_node(root, &self.path), ..self }
    }

    /// For programs.
    #[must_use]
    pub(super) fn reason(&self) -> &'static str {
        match self.source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "DiskFull",
            ErrorKind::ReadOnlyFilesystem => "ReadOnlyFileSystem",
            ErrorKind::PermissionDenied => "PermissionDenied",
            _ => "FileError",
        }
    }
}

/// Why a directory is not as it should be.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    Failed(Error),
}

/// What has become of a tree.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Directories that were made, changed or removed.
    pub(super) changed: Vec<String>,
    /// Directories that are not as they should be.
    pub(super) failures: BTreeMap<String, Failure>,
}

/// What is there.
#[derive(Debug, Default)]
struct Seen {
    found: BTreeMap<String, Found>,
    /// Those of which cannot be said whose they are: nothing is done to them.
    unreadable: BTreeMap<String, Error>,
}

/// The directory whose directories are named by hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'a> {
    path: &'a Path,
    owner: &'a Owner,
}

impl<'a> Tree<'a> {
    /// The tree at `path`, as this process sees it. It may be missing.
    pub(super) const fn new(path: &'a Path, owner: &'a Owner) -> Self {
        Self { path, owner }
    }

    /// Brings our directories to what they should be, and removes those that should not be.
    ///
    /// # Errors
    /// When nothing at all could be done.
    pub(super) fn bring_to(&self, desired: &BTreeMap<String, Directory>) -> Result<Carried, Error> {
        let Seen { found, unreadable } = self.find()?;
        let plan = plan(desired, &found);
        if !plan.steps.is_empty() {
            fs::create_dir_all(self.path).map_err(Error::new("make", self.path))?;
        }
        let mut carried = Carried::default();
        for step in &plan.steps {
            // After the first failure, what follows could name a file that is not there.
            if carried.failures.contains_key(step.name()) {
                continue;
            }
            match self.carry_out(step) {
                Ok(()) => carried.changed.push(step.name().to_owned()),
                Err(failure) => _ = carried.failures.insert(step.name().to_owned(), failure),
            }
        }
        let refused = plan.refused.into_iter().map(|(name, refusal)| (name.to_owned(), Failure::Refused(refusal)));
        carried.failures.extend(refused);
        let unreadable = unreadable.into_iter().filter(|(name, _)| desired.contains_key(name));
        carried.failures.extend(unreadable.map(|(name, error)| (name, Failure::Failed(error))));
        carried.changed.dedup();
        Ok(carried)
    }

    /// The directories that are there. Ours that were never finished go.
    fn find(&self) -> Result<Seen, Error> {
        self.discard_staged()?;
        let listed = match fs::read_dir(self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Seen::default()),
            listed => listed.map_err(Error::new("list", self.path))?,
        };
        let mut seen = Seen::default();
        for entry in listed {
            let name = entry.map_err(Error::new("list", self.path))?.file_name();
            // A host is plain text: what is none is nobody's host.
            let Ok(name) = name.into_string() else { continue };
            let directory = self.look(&name).unwrap_or_else(|error| {
                seen.unreadable.insert(name.clone(), error);
                Found::Others(None)
            });
            seen.found.insert(name, directory);
        }
        Ok(seen)
    }

    fn look(&self, name: &str) -> Result<Found, Error> {
        let path = self.path.join(name);
        let owner = match file::read(&path.join(MARKER), FILE_LIMIT) {
            // Not a directory, or one without: somebody else's either way.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            marker => marker.map_err(Error::new("read", &path))?.and_then(|marker| Owner::of_content(&marker)),
        };
        let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        if is_link || owner.as_ref() != Some(self.owner) {
            return Ok(Found::Others(owner));
        }
        let mut files = BTreeMap::new();
        for file in FILES {
            match file::read(&path.join(file), FILE_LIMIT) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                content => _ = files.insert(file, content.map_err(Error::new("read", &path.join(file)))?),
            }
        }
        Ok(Found::Ours(files))
    }

    fn carry_out(&self, step: &Step<'_>) -> Result<(), Failure> {
        let path = self.path.join(step.name());
        match step {
            Step::Create { files, .. } => return self.create(&path, files),
            Step::Write { file, .. } => {
                file::replace(&path, file.name, &file.content).map_err(Error::new("write", &path.join(file.name)))
            }
            Step::Delete { file, .. } => file::delete(&path.join(file)).map_err(Error::new("remove", &path.join(file))),
            Step::Remove { .. } => self.remove(&path).map_err(Error::new("remove", &path)),
        }
        .map_err(Failure::Failed)
    }

    /// The directory appears as a whole, and only where there is none.
    fn create(&self, path: &Path, files: &[File]) -> Result<(), Failure> {
        let staged = self.staged();
        let written = self
            .stage(&staged, files)
            .and_then(|()| renameat_with(CWD, &staged, CWD, path, RenameFlags::NOREPLACE).map_err(io::Error::from));
        match written {
            Ok(()) => file::sync(self.path).map_err(Error::new("write", path)).map_err(Failure::Failed),
            Err(error) => {
                // What takes up the last room helps nobody; the error that counts is the first one.
                let _ = fs::remove_dir_all(&staged);
                // Somebody has made one meanwhile.
                let taken = error.kind() == ErrorKind::AlreadyExists;
                Err(if taken {
                    Failure::Refused(Refusal::Taken)
                } else {
                    Failure::Failed(Error::new("write", path)(error))
                })
            }
        }
    }

    fn stage(&self, staged: &Path, files: &[File]) -> io::Result<()> {
        file::create_directory(staged)?;
        file::write_new(&staged.join(MARKER), self.owner.line().as_bytes())?;
        for file in files {
            file::write_new(&staged.join(file.name), &file.content)?;
        }
        file::sync(staged)
    }

    /// Until the last of our files is gone, the directory is ours; what others have put into it stays, and the directory with it.
    fn remove(&self, path: &Path) -> io::Result<()> {
        for name in FILES {
            file::delete(&path.join(name))?;
            file::delete(&path.join(file::staged(name)))?;
        }
        file::delete(&path.join(MARKER))?;
        match fs::remove_dir(path) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed.and_then(|()| file::sync(self.path)),
        }
    }

    /// Where a directory is made. Nobody but this operator uses the name, and it never makes two at once.
    fn staged(&self) -> PathBuf {
        self.path.join(format!("{MARKER}.{}", self.owner.namespace()))
    }

    fn discard_staged(&self) -> Result<(), Error> {
        let staged = self.staged();
        match fs::remove_dir_all(&staged) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new("remove", &staged)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
