//! Whether a node's CRI-O reads again what is written for it: only with a setting, which it does not have from the start, or when it
//! is told to (crio.conf(5), crio.conf.d(5)).

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::configuration::{self, Error};

/// Its configuration, and the directory whose files are read after it.
const CONFIG: &str = "/etc/crio/crio.conf";
const CONFIG_D: &str = "/etc/crio/crio.conf.d";
/// Files beyond this many are no configuration.
const FILES_LIMIT: usize = 100;

/// A state in which CRI-O takes no notice of a registry that it is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "CRI-O does not read what is written for it until it is told to: set auto_reload_registries = true in the table [crio.image] of a \
     file below {CONFIG_D}, and restart it; or send it SIGHUP after each change"
)]
pub(super) struct NotReloaded;

impl NotReloaded {
    /// For programs.
    pub(super) const fn reason(self) -> &'static str {
        "RegistriesNotReloaded"
    }
}

/// What keeps a CRI-O from reading again what was written, as far as its configuration says. `root` is where this process sees the
/// node's root directory.
///
/// # Errors
/// When a file of it cannot be read or understood.
pub(super) fn trap(root: &Path) -> Result<Option<NotReloaded>, Error> {
    let (mut reloads, mut unread) = (false, false);
    for path in files(root)? {
        match configuration::read(root, &path)? {
            Some(document) => reloads = says(&document).unwrap_or(reloads),
            // A link that leads out of what this process sees of the node: it may say anything.
            None => unread = true,
        }
    }
    Ok((!reloads && !unread).then_some(NotReloaded))
}

fn says(document: &Table) -> Option<bool> {
    document.get("crio")?.get("image")?.get("auto_reload_registries").and_then(Value::as_bool)
}

/// In the order in which they are read: what a later one says counts.
fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let config = Path::new(CONFIG);
    let beside = config.parent().map(|directory| configuration::list(root, directory)).transpose()?;
    let has_config =
        beside.into_iter().flatten().any(|entry| Some(entry.file_name().as_os_str()) == config.file_name());
    let mut found: Vec<_> = has_config.then(|| config.to_owned()).into_iter().collect();
    below(root, Path::new(CONFIG_D), &mut found)?;
    Ok(found)
}

/// Every file below `directory`, whatever its name is.
fn below(root: &Path, directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in configuration::list(root, directory)? {
        if found.len() >= FILES_LIMIT {
            break;
        }
        let path = directory.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => below(root, &path, found)?,
            Ok(_) => found.push(path),
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use tempfile::TempDir;

    use super::*;

    const ON: &str = "[crio.image]\nauto_reload_registries = true\n";
    const OFF: &str = "[crio.image]\nauto_reload_registries = false\n";

    /// A node with these files below `/etc/crio`.
    fn node(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join("etc/crio").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn reads_again(files: &[(&str, &str)]) -> bool {
        trap(node(files).path()).unwrap().is_none()
    }

    #[test]
    fn crio_reads_again_what_is_written_where_its_configuration_says_so_last() {
        assert!(!reads_again(&[]), "it does not by default");
        assert!(!reads_again(&[("crio.conf", "[crio.runtime]\nlog_level = 'debug'\n")]));
        assert!(reads_again(&[("crio.conf", ON)]));
        assert!(reads_again(&[("crio.conf", OFF), ("crio.conf.d/10-reload.conf", ON)]));
        assert!(!reads_again(&[("crio.conf.d/10-reload.conf", ON), ("crio.conf.d/20-other.conf", OFF)]));
        assert!(reads_again(&[("crio.conf.d/20-crio.conf", "[crio.image]\n"), ("crio.conf.d/10-reload.conf", ON)]));
        assert!(reads_again(&[("crio.conf.d/10-more/reload", ON)]), "every file below the directory counts");
        assert!(!reads_again(&[
            ("other.conf", ON),
            ("crio.conf.d/10.conf", "[crio]\nauto_reload_registries = true\n")
        ]));
    }

    #[test]
    fn it_is_told_what_to_set_and_where() {
        let told = trap(node(&[]).path()).unwrap().unwrap().to_string();
        for part in ["auto_reload_registries = true", "[crio.image]", "/etc/crio/crio.conf.d", "SIGHUP"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn of_a_file_that_cannot_be_seen_nothing_is_said_and_what_is_no_toml_is_told_with_its_path() {
        let linked = node(&[("crio.conf.d/20-other.conf", OFF)]);
        symlink("/nowhere/crio.conf", linked.path().join("etc/crio/crio.conf")).unwrap();
        assert_eq!(trap(linked.path()).unwrap(), None);
        let error = trap(node(&[("crio.conf.d/a.conf", "[")]).path()).unwrap_err();
        assert_eq!(error.to_string(), "failed to understand /etc/crio/crio.conf.d/a.conf");
    }
}
