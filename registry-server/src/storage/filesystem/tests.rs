use std::sync::atomic::Ordering;

use super::*;

impl Filesystem {
    /// As [`open`](Self::open), but directories are large above few entries, and a change is old after a moment.
    pub(crate) fn open_with_index(root: &Path, large: usize, settled_after: Duration) -> Self {
        let filesystem = Self::open(root.to_owned(), Options::default()).unwrap();
        let tree = Arc::try_unwrap(filesystem.tree).unwrap().with_index(index::Index::new(large, settled_after));
        Self { tree: Arc::new(tree), ..filesystem }
    }

    /// Directories listed, directory entries read and names looked up so far.
    pub(crate) fn effort(&self) -> [u64; 3] {
        let index::Effort { directories, entries, lookups } = self.tree.index().effort();
        [directories, entries, lookups].map(|count| count.load(Ordering::Relaxed))
    }
}

fn open(root: &Path) -> Filesystem {
    Filesystem::open(root.to_owned(), Options::default()).unwrap()
}

#[tokio::test]
async fn the_second_on_a_directory_is_not_exclusive_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let second = open(directory.path());
    assert!(first.is_exclusive() && !second.is_exclusive());
    drop(first);
    second.probe().await.unwrap();
    assert!(second.is_exclusive());
}

#[tokio::test]
async fn nobody_is_alone_beside_another_that_writes() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let second = open(directory.path());
    assert_eq!((first.lock(), second.lock()), (Lock::Held, Lock::Elsewhere));
    assert!(first.hold_others_off().await.unwrap().is_some(), "the second has not said that it writes");
    second.join_others();
    assert!(first.hold_others_off().await.unwrap().is_none());
    drop(first);
    second.probe().await.unwrap();
    assert!(second.hold_others_off().await.unwrap().is_some());
}

#[tokio::test]
async fn who_joins_waits_for_the_end_of_a_step() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let second = open(directory.path());
    let step = first.hold_others_off().await.unwrap().unwrap();
    let joining = spawn_blocking(move || second.join_others());
    tokio::task::yield_now().await;
    assert!(!joining.is_finished());
    drop(step);
    joining.await.unwrap();
    assert!(first.hold_others_off().await.unwrap().is_some(), "the second is gone again");
}

#[test]
fn a_directory_is_made_and_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("a/b");
    drop(open(&nested));
    assert!(nested.is_dir());
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Filesystem::open(file, Options::default()), Err(OpenError::Open { .. })));
}

#[test]
fn what_cannot_be_written_to_says_what_to_change() {
    let denied = || io::ErrorKind::PermissionDenied.into();
    let text = not_writable("/data".into(), ".", denied()).to_string();
    assert!(text.contains("/data is not writable by user") && text.contains("fsGroup"), "{text}");
    let text = not_writable("/data".into(), "docker/registry/v2", denied()).to_string();
    assert!(text.contains("/data/docker/registry/v2 is not writable") && text.contains(" /data)"), "{text}");
}

#[tokio::test]
async fn reading_needs_neither_lock_nor_new_directories() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path());
    let reader = Filesystem::open(directory.path().to_owned(), Options { read_only: true }).unwrap();
    assert!(writer.is_exclusive() && reader.is_exclusive());
    let absent = Filesystem::open(directory.path().join("absent"), Options { read_only: true });
    assert!(matches!(absent, Err(OpenError::Open { .. })));
}

#[tokio::test]
async fn no_temporary_file_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for _ in 0..3 {
        store.put(&Key("d/e/f".to_owned()), "x".into(), Durability::Durable).await.unwrap();
    }
    store.delete_tree(&Key("d/e".to_owned()), Durability::Durable).await.unwrap();
    assert_eq!(std::fs::read_dir(directory.path().join("d")).unwrap().count(), 0);
}
