//! A client that pulls through the Service, again and again, each time over a connection of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use support::credentials::Credentials;
use support::https;
use support::image::sha256;
use support::registry::Registry;
use support::wait::{eventually, turns};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A pull that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two pulls, so that the machine has time for what is measured.
const PAUSE: Duration = Duration::from_millis(50);

/// Ends when dropped.
pub(super) struct Puller {
    pulls: Arc<Mutex<Pulls>>,
    task: JoinHandle<()>,
}

/// What became of all pulls since somebody asked last.
#[derive(Default)]
pub(super) struct Pulls {
    /// When each ended that succeeded.
    ended: Vec<Instant>,
    /// Why each failed that did.
    pub(super) failed: Vec<String>,
}

impl Puller {
    /// Pulls `app:1` of `registry` from `address`, which has to lead to its Service, with the pull Secret of now.
    pub(super) async fn start(registry: &Registry, address: String) -> Result<Self> {
        let image = Pull { host: registry.host(), address, credentials: registry.credentials("pull").await? };
        let pulls = Arc::<Mutex<Pulls>>::default();
        let noted = Arc::clone(&pulls);
        let task = tokio::spawn(async move {
            let mut turns = turns(PAUSE);
            loop {
                turns.tick().await;
                let outcome = timeout(PATIENCE, image.once()).await.map_err(anyhow::Error::from).flatten();
                noted.lock().unwrap_or_else(PoisonError::into_inner).note(outcome);
            }
        });
        Ok(Self { pulls, task })
    }

    /// Waits for another pull that succeeds, and returns what became of all since it was asked last.
    pub(super) async fn pulls(&self) -> Result<Pulls> {
        let now = Instant::now();
        eventually("a pull", async || {
            let last = self.noted().ended.last().copied();
            ensure!(last.is_some_and(|last| last > now), "{:?}", self.noted().failed.last());
            Ok(())
        })
        .await?;
        let mut noted = self.noted();
        let last = noted.ended.last().copied();
        let pulls = std::mem::take(&mut *noted);
        // What follows is measured from here.
        noted.ended.extend(last);
        Ok(pulls)
    }

    fn noted(&self) -> MutexGuard<'_, Pulls> {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Puller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pulls {
    fn note(&mut self, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.ended.push(Instant::now()),
            Err(error) => self.failed.push(format!("{error:#}")),
        }
    }

    /// How many succeeded.
    pub(super) fn succeeded(&self) -> usize {
        self.ended.len()
    }

    /// The longest time from one that succeeded to the next.
    pub(super) fn gap(&self) -> Duration {
        let gaps = self.ended.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }
}

/// What is pulled, and as whom.
struct Pull {
    host: String,
    address: String,
    credentials: Credentials,
}

impl Pull {
    /// The manifest, and a layer that it names.
    async fn once(&self) -> Result<()> {
        let manifest: Value = serde_json::from_slice(&self.get("manifests/1").await?)?;
        let layer = manifest["layers"][0]["digest"].as_str().context("a manifest without layers")?;
        let content = self.get(&format!("blobs/{layer}")).await?;
        ensure!(sha256(&content) == layer, "layer {layer} has another content");
        Ok(())
    }

    async fn get(&self, what: &str) -> Result<Bytes> {
        let stream = TcpStream::connect(&self.address).await?;
        let connection = https::connect(stream, &self.host, &self.credentials.ca).await?;
        let (path, login) = (format!("/v2/app/{what}"), Some(self.credentials.login()));
        let answer = https::send(connection, Method::GET, &self.host, &path, login, Bytes::new()).await?;
        ensure!(answer.status == 200, "{} for {path}: {}", answer.status, answer.text());
        Ok(answer.body)
    }
}
