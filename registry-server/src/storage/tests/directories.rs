//! Directories: names in pages, and what goes with them.

use super::*;

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
