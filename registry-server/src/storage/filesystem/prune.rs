//! Removing directories that hold nothing, beside writers that may fill them at any moment.
//!
//! Only ever removes what the kernel says is empty, and what a crash has left hidden, so what is written meanwhile stays; a
//! writer whose directory goes makes it again.

use rustix::{
    fs::{self as sys, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{leftover, tree::Tree};
use crate::storage::{Error, Key};

impl Tree {
    /// Removes `directory` and all below it as far as they are empty, then those above it up to but without `top`.
    pub(super) fn prune(&self, directory: &Key, top: &Key) -> Result<(), Error> {
        self.prune_below(directory.as_str()).map_err(|error| Error::io("remove", directory, error))?;
        let mut path = directory.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if parent == top.as_str() || !self.remove_empty(parent) {
                break;
            }
            path = parent;
        }
        Ok(())
    }

    /// As deep as our own keys are, which are bounded.
    fn prune_below(&self, directory: &str) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = match sys::openat(self.root(), directory, flags, Mode::empty()) {
            Ok(open) => open,
            // Gone already, or no directory after all.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in Dir::read_from(&open)? {
            let entry = entry?;
            if let Some(hidden) = entry.file_name().to_str().ok().filter(|name| leftover::is_name(name)) {
                // What cannot be removed keeps its directory.
                let _ = self.remove_leftover(&format!("{directory}/{hidden}"));
                continue;
            }
            let may_be_directory = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if let Ok(name) = entry.file_name().to_str()
                && may_be_directory
                && !matches!(name, "." | "..")
            {
                self.prune_below(&format!("{directory}/{name}"))?;
            }
        }
        self.remove_empty(directory);
        Ok(())
    }
}
