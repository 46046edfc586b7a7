//! A volume that is full: what a registry has is served, what does not fit is refused and leaves nothing behind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use registry_server::oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::{
    client::{Client, Response},
    eventually,
    process::{Process, registry},
    server::Files,
};

const VOLUME: usize = 4 << 20;
const PAGE: usize = 4 << 10;
const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A server on a volume of its own.
struct Server {
    process: Process,
    client: Client,
    debug: Client,
}

impl Server {
    fn start() -> Self {
        let variables = [
            ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "DIR/data"),
            ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
            ("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0"),
            ("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", "true"),
        ];
        let process = Process::start_on_volume_of(VOLUME, Files::new(), &variables);
        let (client, debug) = (process.http(), Client::http(process.debug_address()));
        Self { process, client, debug }
    }

    /// The volume, which only the server has under its own name.
    fn data(&self) -> PathBuf {
        let inside = self.process.files.path("data");
        Path::new("/proc").join(self.process.id().to_string()).join("root").join(inside.strip_prefix("/").unwrap())
    }

    fn push(&self, content: &str) -> Response {
        self.client.request("POST", &format!("/v2/app/blobs/uploads/?digest={}", sha256(content)), content)
    }

    /// Pushes blobs of this size until one is refused; those that were not.
    fn fill_with(&self, size: usize) -> Vec<String> {
        let mut pushed = Vec::new();
        loop {
            let content = format!("{:08}{}", pushed.len(), ".".repeat(size - 8));
            let response = self.push(&content);
            if response.status != 201 {
                assert_refused(&response);
                return pushed;
            }
            pushed.push(content);
        }
    }

    /// An image; the digest of its manifest.
    fn push_image(&self, layer: &str) -> Digest {
        for content in ["{}", layer] {
            assert_eq!(self.push(content).status, 201);
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": { "mediaType": "application/vnd.test.config", "digest": sha256("{}"), "size": 2 },
            "layers": [{ "mediaType": "application/vnd.test.layer", "digest": sha256(layer), "size": layer.len() }],
        });
        let text = manifest.to_string();
        let response = self.client.request("PUT", "/v2/app/manifests/v1", &text);
        assert_eq!(response.status, 201, "{response:?}");
        sha256(&text)
    }

    fn storage(&self) -> Value {
        serde_json::from_str(&self.debug.get("/storage").body).unwrap()
    }
}

fn sha256(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

#[track_caller]
fn assert_refused(response: &Response) {
    assert_eq!(response.status, 500, "{response:?}");
    assert!(
        response.body.contains("\"code\":\"UNKNOWN\"") && response.body.contains("storage is full"),
        "{response:?}"
    );
}

/// Every file below a directory.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn pulls_go_on_from_a_full_volume_and_pushes_when_there_is_room_again() {
    let server = Server::start();
    eventually("the volume is measured", || server.storage()["volume"].is_object());
    let volume = server.storage();
    assert_eq!((&volume["volume"]["capacityBytes"], &volume["refusedWrites"]["total"]), (&json!(VOLUME), &json!(0)));
    assert_eq!(volume["refusedWrites"]["secondsAgo"], Value::Null);

    // To the last page: where a layer does not fit, a manifest or a link may.
    let image = server.push_image(&"x".repeat(VOLUME / 2));
    let pushed: Vec<String> =
        [VOLUME / 8, 8 * PAGE, PAGE].into_iter().flat_map(|size| server.fill_with(size)).collect();
    assert!(pushed.len() > 3, "{}", pushed.len());
    server.process.eventually_logs("No space left on device");
    eventually("what has arrived of refused uploads is gone", || {
        let left = files_below(&server.data());
        !left
            .iter()
            .any(|path| path.to_str().unwrap().contains("_uploads") || path.extension().is_some_and(|it| it == "tmp"))
    });

    let status = |method: &str, target: &str| server.client.request(method, &format!("/v2/{target}"), "").status;
    for target in
        [format!("app/manifests/{image}"), "app/manifests/v1".to_owned(), format!("app/blobs/{}", sha256("{}"))]
    {
        assert_eq!((status("GET", &target), status("HEAD", &target)), (200, 200), "{target}");
    }
    for content in &pushed {
        let response = server.client.get(&format!("/v2/app/blobs/{}", sha256(content)));
        assert_eq!((response.status, &response.body), (200, content));
    }
    for target in ["_catalog", "app/tags/list", &format!("app/referrers/{image}")] {
        assert_eq!(status("GET", target), 200, "{target}");
    }
    assert_eq!(server.debug.get("/readyz").status, 200, "pulls are to be sent here");
    eventually("the volume is known to be full", || {
        server.storage()["volume"]["availableBytes"].as_u64() < Some(8 * PAGE as u64)
    });
    assert!(server.storage()["refusedWrites"]["secondsAgo"].as_u64() < Some(60), "{}", server.storage());
    let metrics = server.debug.get("/metrics").body;
    assert!(metrics.contains(&format!("\nregistry_storage_volume_capacity_bytes {VOLUME}\n")), "{metrics}");
    assert!(!metrics.contains("\nregistry_storage_volume_refused_writes_total 0\n"), "{metrics}");

    // What is deleted on a full volume makes room.
    assert_eq!(status("DELETE", &format!("app/manifests/{image}")), 202);
    let mut collect = registry();
    collect
        .args(["garbage-collect", "--grace=0", "-q"])
        .env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", server.data());
    let output = collect.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr).unwrap());
    server.push_image(&"y".repeat(VOLUME / 2));
    eventually("the volume is known to have room", || {
        server.storage()["volume"]["usedBytes"].as_u64() < Some(VOLUME as u64 * 3 / 4)
    });
}
