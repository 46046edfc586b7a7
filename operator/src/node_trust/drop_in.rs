//! The one file with all hosts that CRI-O reads. It is ours when its first line says so.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{Owner, file, tree::Error};

/// A line a host and a few more: far more than a thousand of them take.
const LIMIT: usize = 4 * 1024 * 1024;

/// What there is to say about the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Unchanged,
    Changed,
    /// Somebody else's has the name.
    Taken(PathBuf),
}

/// Brings the file below `directory` to `desired`, or removes it.
pub(super) fn bring_to(directory: &Path, owner: &Owner, desired: Option<&str>) -> Result<Written, Error> {
    let name = format!("private-registry-operator.{}.conf", owner.namespace());
    let path = directory.join(&name);
    let found = match file::read(&path, LIMIT) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        found => Some(found.map_err(Error::new("read", &path))?.unwrap_or_default()),
    };
    if found.as_ref().is_some_and(|content| Owner::of_content(content).as_ref() != Some(owner)) {
        return Ok(if desired.is_some() { Written::Taken(path) } else { Written::Unchanged });
    }
    match desired {
        Some(text) if found.as_deref() == Some(text.as_bytes()) => return Ok(Written::Unchanged),
        None if found.is_none() => return Ok(Written::Unchanged),
        Some(text) => {
            fs::create_dir_all(directory).map_err(Error::new("make", directory))?;
            file::replace(directory, &name, text.as_bytes()).map_err(Error::new("write", &path))?;
        }
        None => {
            let removed = file::delete(&path).and_then(|()| file::sync(directory));
            removed.map_err(Error::new("remove", &path))?;
        }
    }
    Ok(Written::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_written_changed_and_removed_and_never_somebody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let conf_d = directory.path().join("registries.conf.d");
        let owner = Owner::new("system").unwrap();
        let bring_to = |desired: Option<&str>| {
            let text = desired.map(|text| format!("{}{text}", owner.line()));
            bring_to(&conf_d, &owner, text.as_deref()).unwrap()
        };
        assert_eq!(bring_to(None), Written::Unchanged);
        assert!(!conf_d.exists(), "nothing is made where nothing is wanted");
        assert_eq!(bring_to(Some("a = 1\n")), Written::Changed);
        assert_eq!(bring_to(Some("a = 1\n")), Written::Unchanged);
        assert_eq!(bring_to(Some("a = 2\n")), Written::Changed);
        let path = conf_d.join("private-registry-operator.system.conf");
        assert!(fs::read_to_string(&path).unwrap().ends_with("is lost\na = 2\n"));
        assert_eq!(fs::read_dir(&conf_d).unwrap().count(), 1, "nothing is left beside it");
        fs::write(&path, "# by hand\n").unwrap();
        assert_eq!(bring_to(Some("a = 2\n")), Written::Taken(path.clone()));
        assert_eq!(bring_to(None), Written::Unchanged);
        assert_eq!(fs::read_to_string(&path).unwrap(), "# by hand\n");
        fs::write(&path, owner.line()).unwrap();
        assert_eq!(bring_to(None), Written::Changed);
        assert!(!path.exists());
    }
}
