//! Objects: what was put, whole or in part, and what is known of it.

use super::*;

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
