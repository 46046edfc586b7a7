//! Files that take effect again whenever they change, by looking at them every second.
//!
//! Polling instead of notifications: Kubernetes swaps the symbolic link above a mounted file, which a watch on the file
//! does not see. A file that cannot be used leaves the last good one in force.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::{ArcSwap, Guard};
use aws_lc_rs::digest;

/// Time between two looks.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A change this close to the last look may be followed by another within the clock's resolution, invisible in the
/// metadata; the content is compared then.
const RECENT: Duration = Duration::from_secs(2);

/// The largest file that is read. Thousands of users or certificates fit.
const MAX_BYTES: u64 = 4 << 20;

/// The bytes of one file.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Content {
    /// SHA-256 of the bytes in lower-case hex.
    pub(crate) fn sha256(&self) -> String {
        hex(digest::digest(&digest::SHA256, &self.bytes).as_ref())
    }
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a look at the files came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing new.
    Unchanged,
    /// New content is in force.
    Changed,
    /// New content cannot be used, for this reason, which is told once; the last good one stays in force.
    Refused(String),
}

/// Something that [`Outcome`]s come from; what the poller knows of a [`Reloading`].
pub(crate) trait Poll: Send + Sync {
    /// What it is, for logs and metrics: `certificate`, `htpasswd`, `access`.
    fn what(&self) -> &'static str;

    /// Looks at the files once. Blocks.
    fn poll(&self) -> Outcome;
}

type Load<T> = Box<dyn Fn(&[Content]) -> Result<T, String> + Send + Sync>;

/// A value made from files, as of their last good content.
pub(crate) struct Reloading<T> {
    what: &'static str,
    paths: Vec<PathBuf>,
    load: Load<T>,
    current: ArcSwap<T>,
    seen: Mutex<Seen>,
}

/// What the last look saw, good or bad.
#[derive(Default)]
struct Seen {
    /// `None`: look at the content next time, whatever the metadata say.
    signatures: Option<Vec<Signature>>,
    /// Digest of the content, or the text of the error that reading it gave.
    content: Vec<u8>,
}

/// What tells a file from its predecessor without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Signature {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn is_recent(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        now.saturating_sub(u64::try_from(self.changed.0).unwrap_or(0)) <= RECENT.as_secs()
    }
}

impl<T> Reloading<T> {
    /// Loads the value for the first time.
    ///
    /// # Errors
    /// The text of what is wrong with the files; `what` and the paths are not repeated in it.
    pub(crate) fn open(
        what: &'static str,
        paths: Vec<PathBuf>,
        load: impl Fn(&[Content]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let contents = read_all(&paths).map_err(|(path, error)| format!("{}: {error}", path.display()))?;
        let value = load(&contents)?;
        let seen = Seen { signatures: None, content: fingerprint(&contents) };
        Ok(Self { what, paths, load: Box::new(load), current: ArcSwap::from_pointee(value), seen: Mutex::new(seen) })
    }

    /// The value in force.
    pub(crate) fn current(&self) -> Guard<Arc<T>> {
        self.current.load()
    }

    /// The value in force, to be kept for a while.
    pub(crate) fn snapshot(&self) -> Arc<T> {
        self.current.load_full()
    }
}

impl<T: Send + Sync> Poll for Reloading<T> {
    fn what(&self) -> &'static str {
        self.what
    }

    fn poll(&self) -> Outcome {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = signatures(&self.paths);
        if before.is_some() && before == seen.signatures {
            return Outcome::Unchanged;
        }
        let contents = read_all(&self.paths);
        if signatures(&self.paths) != before {
            // Swapped while being read: the files may not belong together. The next look will tell.
            return Outcome::Unchanged;
        }
        let settled = before.filter(|signatures| !signatures.iter().any(Signature::is_recent));
        seen.signatures = settled;
        let (content, loaded) = match contents {
            Ok(contents) => (fingerprint(&contents), Ok(contents)),
            Err((path, error)) => {
                let text = format!("{}: {error}", path.display());
                (text.clone().into_bytes(), Err(text))
            }
        };
        if std::mem::replace(&mut seen.content, content.clone()) == content {
            return Outcome::Unchanged;
        }
        match loaded.and_then(|contents| (self.load)(&contents)) {
            Ok(value) => {
                self.current.store(Arc::new(value));
                Outcome::Changed
            }
            Err(reason) => Outcome::Refused(reason),
        }
    }
}

/// The files' signatures, behind symbolic links; `None` when one of them cannot be looked at.
fn signatures(paths: &[PathBuf]) -> Option<Vec<Signature>> {
    paths.iter().map(|path| std::fs::metadata(path).map(|metadata| Signature::of(&metadata)).ok()).collect()
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Content>, (PathBuf, io::Error)> {
    paths
        .iter()
        .map(|path| match read(path) {
            Ok(bytes) => Ok(Content { path: path.clone(), bytes }),
            Err(error) => Err((path.clone(), error)),
        })
        .collect()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

fn fingerprint(contents: &[Content]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for content in contents {
        context.update(&(content.bytes.len() as u64).to_be_bytes());
        context.update(&content.bytes);
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    /// A number in a file, and the directory it is in.
    fn number() -> (tempfile::TempDir, Reloading<u32>) {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("first")).unwrap();
        fs::write(directory.path().join("first/number"), "1").unwrap();
        symlink("first", directory.path().join("..data")).unwrap();
        symlink("..data/number", directory.path().join("number")).unwrap();
        let number = open(directory.path()).unwrap();
        (directory, number)
    }

    fn open(directory: &Path) -> Result<Reloading<u32>, String> {
        Reloading::open("number", vec![directory.join("number")], |contents| {
            String::from_utf8_lossy(&contents[0].bytes).parse().map_err(|_| "not a number".to_owned())
        })
    }

    #[test]
    fn an_unchanged_file_stays_in_force() {
        let (_directory, number) = number();
        assert_eq!(number.poll(), Outcome::Unchanged);
        assert_eq!(**number.current(), 1);
    }

    #[test]
    fn a_file_behind_a_swapped_link_is_seen() {
        let (directory, number) = number();
        fs::create_dir(directory.path().join("second")).unwrap();
        fs::write(directory.path().join("second/number"), "2").unwrap();
        symlink("second", directory.path().join("..tmp")).unwrap();
        fs::rename(directory.path().join("..tmp"), directory.path().join("..data")).unwrap();

        assert_eq!(number.poll(), Outcome::Changed);
        assert_eq!(**number.current(), 2);
    }

    #[test]
    fn a_file_written_in_place_at_once_with_the_same_size_is_seen() {
        let (directory, number) = number();
        assert_eq!(number.poll(), Outcome::Unchanged);
        fs::write(directory.path().join("first/number"), "3").unwrap();
        assert_eq!(number.poll(), Outcome::Changed);
    }

    #[test]
    fn a_bad_file_is_told_once_and_the_last_good_one_stays() {
        let (directory, number) = number();
        fs::write(directory.path().join("first/number"), "x").unwrap();
        assert_eq!(number.poll(), Outcome::Refused("not a number".to_owned()));
        assert_eq!(number.poll(), Outcome::Unchanged);
        assert_eq!(**number.current(), 1);

        fs::write(directory.path().join("first/number"), "4").unwrap();
        assert_eq!(number.poll(), Outcome::Changed);
        assert_eq!(**number.current(), 4);
    }

    #[test]
    fn a_missing_file_is_told_once_and_the_last_good_one_stays() {
        let (directory, number) = number();
        fs::remove_file(directory.path().join("number")).unwrap();
        assert!(matches!(number.poll(), Outcome::Refused(reason) if reason.contains("No such file")));
        assert_eq!(number.poll(), Outcome::Unchanged);
        assert_eq!(**number.current(), 1);
    }

    #[test]
    fn the_first_load_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let reason = open(directory.path()).err().unwrap();
        assert!(reason.contains("/number: No such file"), "{reason}");
    }
}
