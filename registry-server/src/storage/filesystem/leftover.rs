//! What a crash leaves of a write or a removal in progress: a file or directory that its name hides from everybody.

use std::{
    io,
    time::{Duration, SystemTime},
};

use rustix::fs::{self as sys, AtFlags, FileType};
use uuid::Uuid;

use super::tree::Tree;

/// No write of a hidden file and no removal of a hidden directory takes so long.
const AGE: Duration = Duration::from_secs(60 * 60);

/// A new name for what is to be hidden.
pub(super) fn name() -> String {
    format!(".{}.tmp", Uuid::new_v4().simple())
}

/// Whether [`name`] has made it.
pub(super) fn is_name(name: &str) -> bool {
    let id = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}

impl Tree {
    /// Removes what is hidden at `path`, unless it may still be in use.
    pub(super) fn remove_leftover(&self, path: &str) -> io::Result<()> {
        let status = sys::statat(self.root(), path, AtFlags::SYMLINK_NOFOLLOW)?;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(status.st_mtime).unwrap_or_default());
        if !SystemTime::now().duration_since(modified).is_ok_and(|age| age > AGE) {
            return Ok(());
        }
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => std::fs::remove_dir_all(self.path().join(path)),
            _ => Ok(sys::unlinkat(self.root(), path, AtFlags::empty())?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::storage::{
        Key, Store,
        filesystem::{Filesystem, Options},
    };

    #[test]
    fn names_are_told_from_others() {
        assert!(is_name(&name()));
        for other in [".tmp", "..tmp", ".hidden.tmp", "0123456789abcdef0123456789abcdef.tmp", ".", ".."] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[tokio::test]
    async fn old_ones_go_with_the_empty_directories_around_them_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let store = Filesystem::open(root.path().to_owned(), Options::default()).unwrap();
        let old = SystemTime::now() - 2 * AGE;
        for (directory, modified) in [("top/old/link", old), ("top/fresh/link", SystemTime::now())] {
            let directory = root.path().join(directory);
            fs::create_dir_all(directory.join(name())).unwrap();
            for path in [directory.join(name()), directory.join(name()).join("data")] {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "x").unwrap();
            }
            for entry in fs::read_dir(directory).unwrap() {
                File::open(entry.unwrap().path()).unwrap().set_modified(modified).unwrap();
            }
        }
        for directory in ["top/old", "top/fresh"] {
            store.prune(&Key(directory.to_owned()), &Key("top".to_owned())).await.unwrap();
        }
        assert!(!root.path().join("top/old").exists());
        assert_eq!(fs::read_dir(root.path().join("top/fresh/link")).unwrap().count(), 3);
    }
}
