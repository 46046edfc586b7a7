//! Whether the directories of the node that this Pod has are still those that have their names there.
//!
//! A mount is of a directory and not of its name. Who moves `certs.d` away on the node, or removes it and makes another one, leaves
//! this Pod with the old one, where nothing looks, or with none; only a Pod that is started again gets the new one. The kernel tells
//! of every mount where in its file system the directory is by now (`proc_pid_mountinfo(5)`).

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::file;

const MOUNTINFO: &str = "/proc/self/mountinfo";
/// A line a mount, and a Pod has some dozens.
const LIMIT: u64 = 1024 * 1024;
/// What the kernel puts behind the path of a directory that was removed.
const REMOVED: &str = "//deleted";

/// What is mounted cannot be gone by.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The kernel does not say.
    #[error("failed to read {MOUNTINFO}")]
    Read(#[source] io::Error),
    /// The path is the node's own.
    #[error(
        "the node's {} was moved or removed since this Pod was started: it ends, to be started with the directory that is there now",
        .0.display()
    )]
    Replaced(PathBuf),
}

/// The mounts below the node's root directory.
#[derive(Debug)]
pub(super) struct Mounts {
    root: PathBuf,
    /// By where this process sees them: where they are in their file system.
    directories: BTreeMap<PathBuf, String>,
}

impl Mounts {
    /// Those that are there now. `root` is where this process sees the node's root directory.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) fn read(root: &Path) -> Result<Self, Error> {
        let mut content = Vec::new();
        let file = File::open(MOUNTINFO).and_then(|file| file.take(LIMIT).read_to_end(&mut content));
        file.map_err(Error::Read)?;
        Ok(Self::parse(root, &String::from_utf8_lossy(&content)))
    }

    fn parse(root: &Path, mountinfo: &str) -> Self {
        let mounts = mountinfo.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(3);
            Some((fields.next()?.to_owned(), PathBuf::from(fields.next()?)))
        });
        let below = mounts.filter(|(_, path)| path.starts_with(root));
        Self { root: root.to_owned(), directories: below.map(|(directory, path)| (path, directory)).collect() }
    }

    /// Nothing, as long as they are what they were.
    ///
    /// # Errors
    /// When one is not, or nobody can say.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.compare(&Self::read(&self.root)?)
    }

    fn compare(&self, now: &Self) -> Result<(), Error> {
        let is_other = |(path, directory): &(&PathBuf, &String)| {
            directory.ends_with(REMOVED) || now.directories.get(*path) != Some(*directory)
        };
        match self.directories.iter().find(is_other) {
            Some((path, _)) => Err(Error::Replaced(file::on_node(&self.root, path))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::node_trust::tree::tests::{again, mounted};

    /// As the kernel has written it in a Pod: the root, of no interest here, and the directories of the node.
    fn mounts(directories: &[(&str, &str)]) -> Mounts {
        let node = directories
            .iter()
            .map(|(path, at)| format!("41 30 8:1 {path} {at} ro,relatime shared:7 - ext4 /dev/vda1 rw\n"));
        let text = format!("30 29 0:57 / / rw,relatime - overlay overlay rw,lowerdir=/a\n{}", node.collect::<String>());
        Mounts::parse(Path::new("/host"), &text)
    }

    fn replaced(then: &Mounts, now: &[(&str, &str)]) -> Option<String> {
        match then.compare(&mounts(now)) {
            Err(Error::Replaced(path)) => Some(path.display().to_string()),
            Err(error) => Some(error.to_string()),
            Ok(()) => None,
        }
    }

    const CONFIG: (&str, &str) = ("/etc/containerd", "/host/etc/containerd");
    const CERTS: (&str, &str) = ("/etc/containerd/certs.d", "/host/etc/containerd/certs.d");

    #[test]
    fn a_directory_that_was_moved_or_removed_on_the_node_is_not_written_to_any_more() {
        let then = mounts(&[CONFIG, CERTS]);
        assert_eq!(replaced(&then, &[CONFIG, CERTS]), None);
        let moved = ("/etc/containerd/old", "/host/etc/containerd/old");
        assert_eq!(replaced(&then, &[CONFIG, moved]).as_deref(), Some("/etc/containerd/certs.d"));
        let removed = ("/etc/containerd/certs.d//deleted", CERTS.1);
        assert_eq!(replaced(&then, &[CONFIG, removed]).as_deref(), Some("/etc/containerd/certs.d"));
        // The kernel unmounts what is below another mount of the same file system.
        assert_eq!(replaced(&then, &[CONFIG]).as_deref(), Some("/etc/containerd/certs.d"));
        let above = ("/etc/old/certs.d", CERTS.1);
        assert_eq!(replaced(&then, &[("/etc/old", CONFIG.1), above]).as_deref(), Some("/etc/containerd"));
        let late = mounts(&[CONFIG, removed]);
        assert_eq!(replaced(&late, &[CONFIG, removed]).as_deref(), Some("/etc/containerd/certs.d"));
        assert_eq!(
            replaced(&then, &[CONFIG, CERTS, ("/srv", "/srv")]),
            None,
            "what is mounted elsewhere is none of its"
        );
    }

    /// Only the kernel knows how it tells of it: the test starts itself again with directories that are mounted.
    #[test]
    fn the_kernel_tells_of_a_directory_that_is_not_where_it_was() {
        if let Some(root) = mounted() {
            return replace(&root);
        }
        let root = tempfile::tempdir().unwrap();
        for directory in ["node/moved", "node/removed", "host/moved", "host/removed"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let name = "mounts::tests::the_kernel_tells_of_a_directory_that_is_not_where_it_was";
        again(
            name,
            "cd \"$0\" && mount --bind node/moved host/moved && mount --bind node/removed host/removed",
            root.path(),
        );
    }

    fn replace(root: &Path) {
        let (node, host) = (root.join("node"), root.join("host"));
        let mounts = Mounts::read(&host).unwrap();
        assert_eq!(mounts.directories.len(), 2, "{mounts:?}");
        mounts.check().unwrap();
        fs::rename(node.join("moved"), node.join("elsewhere")).unwrap();
        fs::create_dir(node.join("moved")).unwrap();
        assert!(mounts.check().unwrap_err().to_string().starts_with("the node's /moved was moved or removed"));
        fs::remove_dir(node.join("moved")).unwrap();
        fs::rename(node.join("elsewhere"), node.join("moved")).unwrap();
        mounts.check().unwrap();
        fs::remove_dir(node.join("removed")).unwrap();
        fs::create_dir(node.join("removed")).unwrap();
        assert!(mounts.check().unwrap_err().to_string().starts_with("the node's /removed was moved or removed"));
    }
}
