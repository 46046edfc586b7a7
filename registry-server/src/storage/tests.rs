//! What every [`Store`] must do, run against each of them.

mod directories;
mod objects;
mod writes;

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
