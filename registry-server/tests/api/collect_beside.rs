//! Collections beside clients that push, mount, move tags and delete: what a client was told is there stays there.
//!
//! Operations come from a seed, which is printed; `COLLECT_SEED` repeats a run as far as threads let it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::body::Body;
use registry_server::{
    oci::Digest,
    registry::collect::{Line, Options, Summary},
};
use serde_json::{Value, json};

use crate::support::{OCI_IMAGE, OCI_INDEX, Server, open, options, sha256};

const CLIENTS: u64 = 3;
const ROUNDS: usize = 60;
/// Layers that all clients share.
const LAYERS: u64 = 8;
const REPOSITORIES: [&str; 3] = ["fleet", "fleet/north", "harbour"];

/// Numbers that look random (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Something that a client pushed under a tag of its own, and was told is there.
struct Pushed {
    repository: &'static str,
    tag: String,
    digest: Digest,
}

/// One that pushes what no other does, of layers that all do.
struct Client {
    name: u64,
    server: Server,
    random: Random,
    pushed: Vec<Pushed>,
    counter: usize,
    /// Whether a push may be refused because what it needs was collected in between.
    may_be_refused: bool,
}

impl Client {
    async fn run(mut self) -> Self {
        for _ in 0..ROUNDS {
            match self.random.below(12) {
                0..=5 => self.push_image().await,
                6 | 7 => self.push_index().await,
                8 => self.delete("digest").await,
                9 => self.delete("tag").await,
                10 => self.abandon_upload().await,
                _ => self.pull_all().await,
            }
        }
        self.pull_all().await;
        self
    }

    fn repository(&mut self) -> &'static str {
        REPOSITORIES[self.random.below(3) as usize]
    }

    /// A tag of this client's: a new one, or one that moves.
    fn tag(&mut self) -> String {
        format!("client-{}-{}", self.name, self.random.below(6))
    }

    async fn push_image(&mut self) {
        let (repository, tag) = (self.repository(), self.tag());
        loop {
            let image = self.image(repository).await;
            if self.put(repository, &tag, OCI_IMAGE, &image).await {
                return;
            }
        }
    }

    async fn push_index(&mut self) {
        let (repository, tag) = (self.repository(), self.tag());
        'again: loop {
            let mut manifests = Vec::new();
            for _ in 0..2 {
                let image = self.image(repository).await;
                let digest = sha256(image.to_string());
                if !self.put(repository, &digest.to_string(), OCI_IMAGE, &image).await {
                    continue 'again;
                }
                manifests.push(json!({ "mediaType": OCI_IMAGE, "digest": digest, "size": image.to_string().len() }));
            }
            let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
            if self.put(repository, &tag, OCI_INDEX, &index).await {
                return;
            }
        }
    }

    /// A manifest that no other client has, and its blobs, each made sure of in one of the ways that clients have.
    async fn image(&mut self, repository: &str) -> Value {
        self.counter += 1;
        let config = format!("config {} {}", self.name, self.counter);
        let mut descriptors = vec![self.blob(repository, &config).await];
        for _ in 0..=self.random.below(3) {
            let layer = format!("layer {}", self.random.below(LAYERS));
            descriptors.push(self.blob(repository, &layer).await);
        }
        let layers = descriptors.split_off(1);
        json!({ "schemaVersion": 2, "mediaType": OCI_IMAGE, "config": descriptors[0], "layers": layers })
    }

    async fn blob(&mut self, repository: &str, content: &str) -> Value {
        let digest = sha256(content);
        let descriptor = json!({ "mediaType": "application/vnd.test", "digest": digest, "size": content.len() });
        if self.server.head(&format!("/v2/{repository}/blobs/{digest}")).await.status == 200 {
            return descriptor;
        }
        let status = match self.random.below(3) {
            0 => {
                let from = self.repository();
                let target = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
                let reply = self.server.post(&target).await;
                match reply.status.as_u16() {
                    202 => {
                        let target = format!("{}&digest={digest}", reply.location());
                        self.server.call("PUT", &target, &[], content.to_owned()).await.status
                    }
                    _ => reply.status,
                }
            }
            1 => {
                let location = self.server.begin_upload(repository).await;
                for chunk in content.as_bytes().chunks(4) {
                    self.server.call("PATCH", &location, &[], chunk.to_vec()).await;
                }
                self.server.call("PUT", &format!("{location}&digest={digest}"), &[], Body::empty()).await.status
            }
            _ => {
                let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
                self.server.call("POST", &target, &[], content.to_owned()).await.status
            }
        };
        assert_eq!(status, 201, "{content} to {repository}");
        descriptor
    }

    /// Whether the manifest was taken; under a tag it is this client's then.
    async fn put(&mut self, repository: &'static str, reference: &str, media_type: &str, manifest: &Value) -> bool {
        let text = manifest.to_string();
        let digest = sha256(&text);
        let target = format!("/v2/{repository}/manifests/{reference}");
        let reply = self.server.put_manifest(&target, media_type, text).await;
        if reply.status != 201 {
            assert!(self.may_be_refused, "{reply}\n{manifest}");
            return false;
        }
        if !reference.contains(':') {
            self.pushed.retain(|pushed| pushed.repository != repository || pushed.tag != reference);
            self.pushed.push(Pushed { repository, tag: reference.to_owned(), digest });
        }
        true
    }

    async fn delete(&mut self, by: &str) {
        if self.pushed.is_empty() {
            return;
        }
        let index = self.random.below(self.pushed.len() as u64) as usize;
        let Pushed { repository, tag, digest } = self.pushed.swap_remove(index);
        let reference = if by == "tag" { tag } else { digest.to_string() };
        let reply = self.server.delete(&format!("/v2/{repository}/manifests/{reference}")).await;
        assert_eq!(reply.status, 202, "{reply}");
    }

    async fn abandon_upload(&mut self) {
        let repository = self.repository();
        let location = self.server.begin_upload(repository).await;
        self.server.call("PATCH", &location, &[], "abandoned").await;
    }

    async fn pull_all(&self) {
        for pushed in &self.pushed {
            let digest = pull(&self.server, pushed.repository, &pushed.tag).await;
            assert_eq!(digest, pushed.digest, "{}:{}", pushed.repository, pushed.tag);
        }
    }
}

/// Pulls a manifest with all it names, and returns its digest.
async fn pull(server: &Server, repository: &str, reference: &str) -> Digest {
    let reply = server.get(&format!("/v2/{repository}/manifests/{reference}")).await;
    assert_eq!(reply.status, 200, "{repository}:{reference}: {reply}");
    let manifest = reply.json();
    for child in manifest["manifests"].as_array().into_iter().flatten() {
        Box::pin(pull(server, repository, child["digest"].as_str().unwrap())).await;
    }
    for blob in manifest["layers"].as_array().into_iter().flatten().chain(manifest.get("config")) {
        let digest = blob["digest"].as_str().unwrap();
        let reply = server.get(&format!("/v2/{repository}/blobs/{digest}")).await;
        assert_eq!(reply.status, 200, "{repository}:{reference} needs {digest}: {reply}");
        assert_eq!(sha256(&reply.body).to_string(), digest);
    }
    sha256(&reply.body)
}

/// The seed of a run.
fn seed() -> u64 {
    let given = std::env::var("COLLECT_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64)
}

/// Runs clients and collections side by side, and looks at everything once more at the end, also after a restart. What
/// the collections did in all.
fn clients_beside_collections(seed: u64, grace: Duration) -> (usize, Summary) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::new(open(directory.path().to_owned()), options());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let collecting = runtime.spawn(collections(server.clone(), grace, Arc::clone(&done)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|name| {
            let random = Random(seed.wrapping_add(name));
            let server = server.clone();
            let may_be_refused = grace.is_zero();
            runtime.spawn(Client { name, server, random, pushed: Vec::new(), counter: 0, may_be_refused }.run())
        })
        .collect();
    runtime.block_on(async {
        let mut pushed = Vec::new();
        for client in clients {
            pushed.extend(client.await.unwrap().pushed);
        }
        done.store(true, Ordering::Release);
        let did = collecting.await.unwrap();
        drop(server);
        let server = Server::new(open(directory.path().to_owned()), options());
        let (_, last) =
            server.collect(Options { delete_untagged: true, grace: Duration::ZERO, ..Options::default() }).await;
        assert_eq!(last.problems, 0);
        for Pushed { repository, tag, digest } in pushed {
            assert_eq!(pull(&server, repository, &tag).await, digest, "{repository}:{tag}");
        }
        did
    })
}

async fn collections(server: Server, grace: Duration, done: Arc<AtomicBool>) -> (usize, Summary) {
    let (mut times, mut total) = (0, Summary::default());
    while !done.load(Ordering::Acquire) {
        let delete_untagged = times % 3 != 0;
        let (lines, summary) = server.collect(Options { delete_untagged, grace, ..Options::default() }).await;
        let problem = lines.iter().find(|line| matches!(line, Line::Problem(_)));
        assert_eq!(problem, None, "{lines:?}");
        times += 1;
        total.blobs += summary.blobs;
        total.manifests += summary.manifests;
        total.links += summary.links;
    }
    (times, total)
}

#[test]
fn what_a_client_was_told_of_can_be_pushed_and_pulled() {
    let seed = seed();
    println!("COLLECT_SEED={seed}");
    let (times, did) = clients_beside_collections(seed, Duration::from_secs(3600));
    println!("{times} collections: {did}");
    assert!(times > 1);
}

#[test]
fn what_was_acknowledged_can_be_pulled_even_without_grace() {
    let seed = seed();
    println!("COLLECT_SEED={seed}");
    let (times, did) = clients_beside_collections(seed, Duration::ZERO);
    println!("{times} collections: {did}");
    assert!(times > 1 && did.blobs > 0 && did.links > 0, "{did}");
}
