//! What every [`Store`] must do, run against each of them.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;

use super::{
    Durability, Error, Key, Listing, Optional, Piece, Store, Touch,
    filesystem::Filesystem,
    memory::Memory,
    timed::{Action, Timed, Timings},
};
use crate::oci::{Algorithm, Digest};

fn key(text: &str) -> Key {
    Key(text.to_owned())
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn piece(text: &'static str) -> Piece {
    let mut piece = Piece::default();
    piece.fill(&mut bytes(text));
    piece
}

async fn put(store: &dyn Store, name: &str, content: &'static str) {
    store.put(&key(name), bytes(content), Durability::Durable).await.unwrap();
}

async fn get(store: &dyn Store, name: &str) -> Option<Bytes> {
    store.get(&key(name), 1024).await.optional().unwrap()
}

/// Nobody wants to know.
struct Untold;

impl Timings for Untold {
    fn took(&self, _: Action, _: Duration) {}

    fn refused(&self) {}
}

/// Runs a test on a fresh store of each kind.
async fn on_every_store<F: Future<Output = ()>>(test: impl Fn(Arc<dyn Store>) -> F) {
    test(Arc::new(Memory::default())).await;
    let directory = tempfile::tempdir().unwrap();
    let options = super::filesystem::Options::default();
    test(Arc::new(Filesystem::open(directory.path().to_owned(), options).unwrap())).await;
    test(Arc::new(Timed::new(Memory::default(), Box::new(Untold)))).await;
}

#[tokio::test]
async fn what_was_put_is_read_back_and_replaced() {
    on_every_store(async |store| {
        assert_eq!(get(&*store, "a/b/c").await, None);
        put(&*store, "a/b/c", "one").await;
        assert_eq!(get(&*store, "a/b/c").await, Some(bytes("one")));
        put(&*store, "a/b/c", "three").await;
        put(&*store, "a/b/c", "three").await;
        assert_eq!(get(&*store, "a/b/c").await, Some(bytes("three")));
        assert_eq!(store.metadata(&key("a/b/c")).await.unwrap().size, 5);
    })
    .await;
}

#[tokio::test]
async fn an_object_larger_than_expected_is_not_read() {
    on_every_store(async |store| {
        put(&*store, "a", "four").await;
        assert!(matches!(store.get(&key("a"), 3).await, Err(Error::TooLarge { size: 4, limit: 3, .. })));
    })
    .await;
}

#[tokio::test]
async fn directories_are_no_objects_but_have_metadata() {
    on_every_store(async |store| {
        put(&*store, "a/b", "x").await;
        assert!(matches!(store.get(&key("a"), 10).await, Err(Error::NotFound(_))));
        assert!(matches!(store.get(&key("a/b/c"), 10).await, Err(Error::NotFound(_))));
        assert!(store.metadata(&key("a")).await.is_ok());
        assert!(matches!(store.metadata(&key("b")).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn deleting_is_idempotent_and_leaves_siblings() {
    on_every_store(async |store| {
        put(&*store, "a/b/c", "x").await;
        put(&*store, "a/d", "y").await;
        for _ in 0..2 {
            store.delete(&key("a/b/c")).await.unwrap();
        }
        assert_eq!(get(&*store, "a/b/c").await, None);
        assert_eq!(store.list(&key("a"), Listing::ALL).await.unwrap(), ["d"]);
        put(&*store, "a/b/c", "again").await;
        assert_eq!(get(&*store, "a/b/c").await, Some(bytes("again")));
    })
    .await;
}

#[tokio::test]
async fn deleting_a_tree_leaves_what_only_begins_alike() {
    on_every_store(async |store| {
        for name in ["t/a/x", "t/a/y/z", "t/a-b", "t/a0"] {
            put(&*store, name, "x").await;
        }
        for _ in 0..2 {
            store.delete_tree(&key("t/a"), Durability::Durable).await.unwrap();
        }
        assert_eq!(get(&*store, "t/a/y/z").await, None);
        assert_eq!(store.list(&key("t"), Listing::ALL).await.unwrap(), ["a-b", "a0"]);
    })
    .await;
}

#[tokio::test]
async fn names_come_in_byte_order_in_pages() {
    on_every_store(async |store| {
        let sorted = ["A", "a", "a-b", "a.b", "a0", "ab", "b"];
        for name in ["b", "ab", "a0", "a.b", "a-b", "a", "A"] {
            put(&*store, &format!("d/{name}/x"), "x").await;
        }
        for limit in 1..=8 {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = store.list(&key("d"), Listing { after, limit, having: None }).await.unwrap();
                assert!(page.len() <= limit);
                after = page.last().cloned();
                all.extend(page);
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(all, sorted, "pages of {limit}");
        }
        assert!(store.list(&key("nowhere"), Listing::ALL).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn names_without_what_is_asked_for_do_not_fill_a_page() {
    on_every_store(async |store| {
        for index in 0..30 {
            put(&*store, &format!("d/{index:02}/{}", if index % 10 == 9 { "link" } else { "other" }), "x").await;
        }
        store.put(&key("d/05/link"), Bytes::new(), Durability::Durable).await.unwrap();
        let page =
            |after: Option<&str>, limit| Listing { after: after.map(str::to_owned), limit, having: Some("link") };
        assert_eq!(store.list(&key("d"), page(None, 2)).await.unwrap(), ["09", "19"]);
        assert_eq!(store.list(&key("d"), page(Some("09"), 9)).await.unwrap(), ["19", "29"]);
        let both = store.list_many(vec![(key("d/09"), Listing::ALL), (key("d/00"), Listing::ALL)]).await.unwrap();
        assert_eq!(both, [["link"], ["other"]]);
    })
    .await;
}

#[tokio::test]
async fn a_version_tells_when_names_came_or_went() {
    on_every_store(async |store| {
        let state = async || store.version(&key("d")).await.unwrap().state;
        let absent = state().await;
        assert_eq!(state().await, absent);
        put(&*store, "d/a/x", "1").await;
        let one = state().await;
        assert_ne!(one, absent);
        put(&*store, "d/a/x", "2").await;
        assert_eq!(state().await, one, "an object was replaced");
        put(&*store, "d/b/x", "1").await;
        let two = state().await;
        assert_ne!(two, one);
        store.delete_tree(&key("d/a"), Durability::Durable).await.unwrap();
        assert_ne!(state().await, two);
    })
    .await;
}

#[tokio::test]
async fn many_small_objects_are_read_in_order() {
    on_every_store(async |store| {
        put(&*store, "a", "1").await;
        put(&*store, "c", "3").await;
        put(&*store, "large", "more than ten bytes").await;
        let read = store.get_many(vec![key("c"), key("b"), key("a"), key("large")], 10).await.unwrap();
        assert_eq!(read, [Some(bytes("3")), None, Some(bytes("1")), None]);
    })
    .await;
}

#[tokio::test]
async fn an_object_is_streamed_whole_or_in_part() {
    on_every_store(async |store| {
        let content: Bytes = (0..700_000_u32).map(|index| (index % 251) as u8).collect::<Vec<_>>().into();
        store.put(&key("large"), content.clone(), Durability::Durable).await.unwrap();
        let size = content.len() as u64;
        for range in [0..size, 0..1, 65_535..65_537, 300_000..size, size..size] {
            let object = store.open(&key("large")).await.unwrap();
            assert_eq!(object.size(), size);
            let mut chunks = object.into_chunks(range.clone());
            assert_eq!(chunks.remaining(), range.end - range.start);
            let mut read = Vec::new();
            while let Some(chunk) = chunks.next().await {
                read.extend_from_slice(&chunk.unwrap());
            }
            assert!(read == content[range.start as usize..range.end as usize], "{range:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_opened_outlives_its_name() {
    on_every_store(async |store| {
        put(&*store, "a/b", "kept").await;
        let object = store.open(&key("a/b")).await.unwrap();
        store.delete(&key("a/b")).await.unwrap();
        assert_eq!(object.into_bytes().await.unwrap(), bytes("kept"));
    })
    .await;
}

#[tokio::test]
async fn a_link_is_compared_before_content_is_opened() {
    on_every_store(async |store| {
        put(&*store, "link", "content").await;
        put(&*store, "torn", "").await;
        put(&*store, "content", "x").await;
        let open = async |link| store.open_linked(&key(link), b"content", &key("content")).await.optional().unwrap();
        assert!(open("link").await.is_some());
        assert!(open("torn").await.is_none());
        assert!(open("absent").await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_staged_write_grows_and_is_committed_under_its_digest() {
    on_every_store(async |store| {
        let staged = store.staged(&key("uploads/one/data"));
        assert!(matches!(staged.size().await, Err(Error::NotFound(_))));
        staged.create().await.unwrap();
        assert_eq!(staged.size().await.unwrap(), 0);
        assert_eq!(staged.digest(Algorithm::Sha512).await.unwrap(), Digest::of(Algorithm::Sha512, b""));
        assert_eq!(staged.append(piece("anch"), Algorithm::Sha256).await.unwrap(), 4);
        assert_eq!(staged.append(piece("or"), Algorithm::Sha256).await.unwrap(), 6);
        for algorithm in Algorithm::ALL {
            assert_eq!(staged.digest(algorithm).await.unwrap(), Digest::of(algorithm, b"anchor"));
        }
        staged.commit(&key("blobs/final")).await.unwrap();
        assert_eq!(get(&*store, "blobs/final").await, Some(bytes("anchor")));
        assert!(matches!(staged.size().await, Err(Error::NotFound(_))));
        assert!(matches!(staged.append(piece("x"), Algorithm::Sha256).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_commit_replaces_a_torn_object() {
    on_every_store(async |store| {
        put(&*store, "blobs/final", "anc").await;
        let staged = store.staged(&key("uploads/two/data"));
        staged.create().await.unwrap();
        staged.append(piece("anchor"), Algorithm::Sha256).await.unwrap();
        staged.commit(&key("blobs/final")).await.unwrap();
        assert_eq!(get(&*store, "blobs/final").await, Some(bytes("anchor")));
    })
    .await;
}

#[tokio::test]
async fn removing_the_directory_ends_a_staged_write() {
    on_every_store(async |store| {
        let staged = store.staged(&key("uploads/three/data"));
        staged.create().await.unwrap();
        store.delete_tree(&key("uploads/three"), Durability::Volatile).await.unwrap();
        assert!(matches!(staged.size().await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn writers_of_one_key_leave_one_of_their_values() {
    on_every_store(async |store| {
        let writers = (0..16).map(|index| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for round in 0..8 {
                    let value = format!("{index}-{round}").repeat(100);
                    store.put(&key("d/contended"), value.into(), Durability::Volatile).await.unwrap();
                    let read = store.get(&key("d/contended"), 4096).await.unwrap();
                    let whole = String::from_utf8(read.to_vec()).unwrap();
                    let unit = &whole[..whole.len() / 100];
                    assert_eq!(unit.repeat(100), whole, "a reader saw a mixture");
                }
            })
        });
        for writer in futures::future::join_all(writers).await {
            writer.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_directory_that_vanishes_under_a_write_is_made_again() {
    on_every_store(async |store| {
        let remover = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..200 {
                    store.delete_tree(&key("d/e"), Durability::Volatile).await.unwrap();
                }
            })
        };
        for _ in 0..200 {
            store.put(&key("d/e/f/g"), bytes("x"), Durability::Volatile).await.unwrap();
        }
        remover.await.unwrap();
        put(&*store, "d/e/f/g", "last").await;
        assert_eq!(get(&*store, "d/e/f/g").await, Some(bytes("last")));
    })
    .await;
}

#[tokio::test]
async fn touching_changes_the_time_and_nothing_else() {
    on_every_store(async |store| {
        put(&*store, "a/b", "x").await;
        let written = store.metadata(&key("a/b")).await.unwrap().modified;
        store.touch(vec![key("a/b"), key("a/missing")], Touch::Ancient).await.unwrap();
        assert_eq!(store.metadata(&key("a/b")).await.unwrap().modified, std::time::UNIX_EPOCH);
        store.touch(vec![key("a/b")], Touch::Now).await.unwrap();
        assert!(store.metadata(&key("a/b")).await.unwrap().modified >= written);
        assert_eq!(get(&*store, "a/b").await, Some(bytes("x")));
        assert_eq!(get(&*store, "a/missing").await, None);
    })
    .await;
}

#[tokio::test]
async fn many_are_looked_at_and_removed_in_one_step() {
    on_every_store(async |store| {
        for name in ["a/b/data", "a/c/data", "a/d/data"] {
            put(&*store, name, "xy").await;
        }
        let keys = vec![key("a/b/data"), key("a/missing/data"), key("a/d/data")];
        let sizes = store.metadata_many(keys.clone()).await.unwrap();
        assert_eq!(
            sizes.iter().map(|found| found.map(|found| found.size)).collect::<Vec<_>>(),
            [Some(2), None, Some(2)]
        );
        store.delete_many(keys).await.unwrap();
        assert_eq!(store.list(&key("a"), Listing::ALL).await.unwrap(), ["c"]);
    })
    .await;
}

#[tokio::test]
async fn pruning_takes_empty_directories_and_leaves_objects() {
    on_every_store(async |store| {
        for name in ["top/a/b/c/x", "top/a/b/d/y", "top/z/x"] {
            put(&*store, name, "x").await;
        }
        store.delete_many(vec![key("top/a/b/c/x")]).await.unwrap();
        store.prune(&key("top/a/b"), &key("top")).await.unwrap();
        assert_eq!(store.list(&key("top/a/b"), Listing::ALL).await.unwrap(), ["d"]);
        store.delete_many(vec![key("top/a/b/d/y"), key("top/z/x")]).await.unwrap();
        for directory in ["top/a/b", "top/z", "top/never"] {
            store.prune(&key(directory), &key("top")).await.unwrap();
        }
        assert_eq!(store.list(&key("top"), Listing::ALL).await.unwrap(), [] as [&str; 0]);
    })
    .await;
}
