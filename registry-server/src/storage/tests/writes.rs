//! Writes: in stages, beside each other, and into what vanishes.

use super::*;

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
