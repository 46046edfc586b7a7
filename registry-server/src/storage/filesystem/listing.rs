//! Names of a directory in byte order, in bounded memory.

use std::os::fd::AsFd;

use rustix::{
    fs::{AtFlags, Dir, statat},
    io::Errno,
};

use super::tree::Tree;
use crate::storage::{Error, Key, Listing};

/// How many names more than asked for are held while a directory is read.
const SLACK: usize = 1024;

impl Tree {
    /// The names that `listing` asks for. Names with a leading dot are temporary files and never shown.
    pub(super) fn list(&self, directory: &Key, listing: &Listing) -> Result<Vec<String>, Error> {
        let open = match self.open_directory(directory) {
            Ok(open) => open,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("list", directory, error)),
        };
        let mut wanted = Vec::new();
        let mut after = listing.after.clone();
        loop {
            let missing = listing.limit - wanted.len();
            let smallest = smallest_names(&open, after.as_deref(), missing)
                .map_err(|error| Error::io("list", directory, error))?;
            // A full answer means that there may be more, which matters when some of it is filtered out.
            let last_round = smallest.len() < missing || listing.having.is_none();
            after = smallest.last().cloned();
            wanted.extend(smallest.into_iter().filter(|name| has(&open, name, listing.having)));
            if last_round || wanted.len() == listing.limit {
                return Ok(wanted);
            }
        }
    }
}

/// Whether `name` has the object below it that the listing asks for.
fn has(directory: impl AsFd, name: &str, having: Option<&str>) -> bool {
    having.is_none_or(|below| {
        statat(directory, format!("{name}/{below}"), AtFlags::empty()).is_ok_and(|status| status.st_size > 0)
    })
}

/// The `limit` smallest names after `after`, sorted.
fn smallest_names(directory: impl AsFd, after: Option<&str>, limit: usize) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        // Other encodings are not ours: every name we make is ASCII.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.starts_with('.') || after.is_some_and(|after| name <= after) {
            continue;
        }
        names.push(name.to_owned());
        if names.len() >= limit.saturating_mul(2).saturating_add(SLACK) {
            names.select_nth_unstable(limit);
            names.truncate(limit);
        }
    }
    names.sort_unstable();
    names.truncate(limit);
    Ok(names)
}
