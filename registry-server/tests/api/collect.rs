//! Garbage collection: what goes, what stays, and what is told about it.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use registry_server::{
    oci::Digest,
    registry::collect::{Line, Options},
};
use serde_json::{Value, json};

use crate::support::{OCI_IMAGE, OCI_INDEX, Server, sha256};

mod blobs;
mod damage;
mod manifests;

const UNTAGGED: Options = Options { delete_untagged: true, ..DEFAULT };
const DEFAULT: Options =
    Options { dry_run: false, delete_untagged: false, quiet: false, grace: Duration::from_secs(3600) };
const NO_GRACE: Options = Options { grace: Duration::ZERO, ..UNTAGGED };

/// Whether the blob, the manifest or the tag is there.
async fn has(server: &Server, target: &str) -> bool {
    server.get(&format!("/v2/{target}")).await.status == 200
}

async fn delete(server: &Server, target: &str) {
    assert_eq!(server.delete(&format!("/v2/{target}")).await.status, 202, "{target}");
}

async fn catalog(server: &Server) -> Value {
    server.get("/v2/_catalog").await.json()["repositories"].clone()
}

async fn put(server: &Server, repository: &str, reference: &str, media_type: &str, manifest: &Value) -> Digest {
    let target = format!("/v2/{repository}/manifests/{reference}");
    let reply = server.put_manifest(&target, media_type, manifest.to_string()).await;
    assert_eq!(reply.status, 201, "{reply}");
    sha256(manifest.to_string())
}

/// Pushes a manifest by its digest.
async fn put_untagged(server: &Server, repository: &str, media_type: &str, manifest: &Value) -> Digest {
    let digest = sha256(manifest.to_string());
    put(server, repository, &digest.to_string(), media_type, manifest).await
}

fn listed(media_type: &str, digest: &Digest) -> Value {
    json!({ "mediaType": media_type, "digest": digest, "size": 1 })
}

fn index(children: &[&Digest]) -> Value {
    let manifests: Vec<Value> = children.iter().map(|child| listed(OCI_IMAGE, child)).collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })
}

/// A manifest that refers to `subject`, not stored yet.
async fn referrer(server: &Server, repository: &str, subject: &Digest, mark: &str) -> Value {
    let mut manifest = server.image(repository, mark).await;
    manifest["subject"] = listed(OCI_IMAGE, subject);
    manifest
}

/// What was told, without the sessions' times and with digests shortened.
fn text(lines: &[Line]) -> String {
    let line = |line: &Line| match line {
        Line::Progress(text) => text.clone(),
        Line::Problem(text) => format!("! {text}"),
    };
    let text = lines.iter().map(line).collect::<Vec<_>>().join("\n");
    let mut short = String::new();
    let mut rest = &*text;
    while let Some(at) = rest.find("sha256:") {
        short.push_str(&rest[..at + 13]);
        rest = &rest[at + 71..];
    }
    short + rest
}

/// Every file of content and links.
fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec![root.join("docker")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.insert(path.display().to_string());
            }
        }
    }
    found
}
