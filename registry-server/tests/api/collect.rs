//! Garbage collection: what goes, what stays, and what is told about it.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use insta::assert_snapshot;
use registry_server::{
    oci::Digest,
    registry::collect::{Line, Options, Summary},
};
use serde_json::{Value, json};

use crate::support::{OCI_IMAGE, OCI_INDEX, Server, on_a_directory, on_every_store, open, options, sha256, sha512};

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

#[test]
fn a_deleted_image_goes_at_once_and_takes_its_repository_with_it() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        server.push_image("app-2", "v1", "y").await;
        delete(&server, &format!("app/manifests/{digest}")).await;
        let (lines, summary) = server.collect(DEFAULT).await;
        assert_snapshot!(text(&lines), @r"
        app
        app-2
        app-2: marking manifest sha256:a48641 
        app-2: marking blob sha256:c25a0b
        app-2: marking blob sha256:dac1d7

        3 blobs marked, 2 blobs and 0 manifests eligible for deletion
        blob eligible for deletion: sha256:60f627
        blob eligible for deletion: sha256:963818
        app: layer link eligible for deletion: sha256:60f627
        app: layer link eligible for deletion: sha256:dac1d7
        app: empty repository eligible for deletion

        removed: 2 blobs (375 bytes), 0 manifests, 2 layer links and 1 repositories; 0 blobs and manifests kept because they were uploaded or confirmed lately; 0 problems
        ");
        assert_eq!((summary.blobs, summary.links, summary.repositories), (2, 2, 1));
        assert_eq!(catalog(&server).await, json!(["app-2"]));
        assert!(has(&server, "app-2/manifests/v1").await);
        assert!(!has(&server, &format!("app/blobs/{}", sha256("layer"))).await);
        server.push_image("app", "v1", "x").await;
        assert!(has(&server, &format!("app/blobs/{}", sha256("config x"))).await);
    });
}

#[test]
fn a_dry_run_tells_the_same_and_changes_nothing() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        server.push_image("app", "v1", "y").await;
        let before = files(&root);
        let (dry, planned) = server.collect(Options { dry_run: true, ..UNTAGGED }).await;
        assert_eq!(files(&root), before);
        assert!(has(&server, &format!("app/manifests/{digest}")).await);
        let (wet, summary) = server.collect(UNTAGGED).await;
        assert_eq!(dry[..dry.len() - 1], wet[..wet.len() - 1]);
        assert_eq!(planned, summary);
        assert!(
            text(&dry).contains(&format!("manifest eligible for deletion: {{app {} [v1]}}", &digest.to_string()[..13]))
        );
        let (quiet, nothing) = server.collect(Options { quiet: true, ..UNTAGGED }).await;
        assert_eq!((quiet, nothing), (vec![], Summary::default()));
    });
}

#[test]
fn untagged_manifests_go_only_when_asked_to() {
    on_every_store(async |server| {
        let old = server.push_image("app", "v1", "x").await;
        let new = server.push_image("app", "v1", "y").await;
        assert_eq!(server.collect(DEFAULT).await.1, Summary::default());
        assert!(has(&server, &format!("app/manifests/{old}")).await);
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.blobs, summary.links), (1, 2, 1));
        assert!(!has(&server, &format!("app/manifests/{old}")).await);
        assert!(has(&server, &format!("app/manifests/{new}")).await);
        assert!(has(&server, &format!("app/blobs/{}", sha256("layer"))).await, "what both had stays");
    });
}

#[test]
fn a_deleted_tag_leaves_an_untagged_manifest() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        delete(&server, "app/manifests/v1").await;
        server.collect(DEFAULT).await;
        assert!(has(&server, &format!("app/manifests/{digest}")).await);
        assert_eq!(server.collect(UNTAGGED).await.1.repositories, 1);
        assert_eq!(catalog(&server).await, json!([]));
    });
}

#[test]
fn what_an_index_lists_stays_in_any_depth() {
    on_every_store(async |server| {
        let amd64 = put_untagged(&server, "app", OCI_IMAGE, &server.image("app", "amd64").await).await;
        let arm64 = put_untagged(&server, "app", OCI_IMAGE, &server.image("app", "arm64").await).await;
        let inner = put_untagged(&server, "app", OCI_INDEX, &index(&[&amd64])).await;
        let outer = put(&server, "app", "v1", OCI_INDEX, &index(&[&inner, &arm64])).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
        delete(&server, &format!("app/manifests/{outer}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.repositories, summary.kept), (3, 1, 0));
    });
}

#[test]
fn a_part_of_an_index_that_is_still_being_pushed_stays_for_a_while() {
    on_every_store(async |server| {
        let part = put_untagged(&server, "app", OCI_IMAGE, &server.image("app", "amd64").await).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.blobs, summary.kept), (0, 0, 1));
        assert!(has(&server, &format!("app/manifests/{part}")).await);
        put(&server, "app", "v1", OCI_INDEX, &index(&[&part])).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
    });
}

#[test]
fn referrers_stay_with_their_subject_and_go_with_it() {
    on_every_store(async |server| {
        let image = server.push_image("app", "v1", "x").await;
        let signature = referrer(&server, "app", &image, "signature").await;
        let signature = put_untagged(&server, "app", OCI_IMAGE, &signature).await;
        let countersigned = referrer(&server, "app", &signature, "countersigned").await;
        let countersigned = put_untagged(&server, "app", OCI_IMAGE, &countersigned).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
        let referrers = server.get(&format!("/v2/app/referrers/{image}")).await.json();
        assert_eq!(referrers["manifests"][0]["digest"], json!(signature));

        delete(&server, &format!("app/manifests/{image}")).await;
        assert_eq!(server.collect(UNTAGGED).await.1.manifests, 2);
        for gone in [signature, countersigned] {
            assert!(!has(&server, &format!("app/manifests/{gone}")).await);
        }
        let referrers = server.get(&format!("/v2/app/referrers/{image}")).await.json();
        assert_eq!(referrers["manifests"], json!([]));
    });
}

#[test]
fn a_signature_may_wait_for_what_it_signs() {
    on_every_store(async |server| {
        let subject = sha256("not pushed yet");
        let early = referrer(&server, "app", &subject, "early").await;
        put_untagged(&server, "app", OCI_IMAGE, &early).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.kept), (0, 1));
        assert_eq!(server.collect(NO_GRACE).await.1.manifests, 1);
    });
}

#[test]
fn the_fallback_tag_goes_with_its_subject() {
    on_every_store(async |server| {
        let image = server.push_image("app", "v1", "x").await;
        let signature = referrer(&server, "app", &image, "signature").await;
        let signature = put_untagged(&server, "app", OCI_IMAGE, &signature).await;
        let fallback = image.to_string().replace(':', "-");
        put(&server, "app", &fallback, OCI_INDEX, &index(&[&signature])).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
        delete(&server, &format!("app/manifests/{image}")).await;
        assert_eq!(server.collect(DEFAULT).await.1.manifests, 0, "manifests stay unless asked to");
        server.push_image("app", "v2", "x").await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default(), "the subject is back");
        delete(&server, &format!("app/manifests/{image}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.repositories), (2, 1));
    });
}

#[test]
fn an_upload_without_a_manifest_stays_for_a_while() {
    on_every_store(async |server| {
        let digest = server.push_blob("app", "just uploaded").await;
        let unfinished = server.begin_upload("other").await;
        assert_eq!(server.collect(UNTAGGED).await.1, Summary { kept: 1, ..Summary::default() });
        assert!(has(&server, &format!("app/blobs/{digest}")).await);
        let summary = server.collect(NO_GRACE).await.1;
        assert_eq!((summary.blobs, summary.links, summary.repositories), (1, 1, 1));
        assert!(!has(&server, &format!("app/blobs/{digest}")).await);
        let reply = server.call("PUT", &format!("{unfinished}&digest={}", sha256("rest")), &[], "rest").await;
        assert_eq!(reply.status, 201, "sessions are not the collection's: {reply}");
    });
}

#[test]
fn what_a_client_was_told_of_stays_for_a_while() {
    on_every_store(async |server| {
        let image = server.image("app", "x").await;
        let digest = put(&server, "app", "v1", OCI_IMAGE, &image).await;
        let layer = sha256("layer");
        let mount = format!("/v2/fork/blobs/uploads/?mount={}&from=app", sha256("config x"));
        assert_eq!(server.post(&mount).await.status, 201);
        assert_eq!(server.head(&format!("/v2/app/blobs/{layer}")).await.status, 200);
        delete(&server, &format!("app/manifests/{digest}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.blobs, summary.links, summary.kept), (1, 1, 2), "the manifest's content alone goes");
        server.push_blob("app", "config x").await;
        put(&server, "app", "v1", OCI_IMAGE, &image).await;
        assert_eq!(server.collect(NO_GRACE).await.1.links, 1, "the fork's");
    });
}

#[test]
fn what_a_client_was_told_of_stays_after_a_restart() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        delete(&server, &format!("app/manifests/{digest}")).await;
        assert_eq!(server.head(&format!("/v2/app/blobs/{}", sha256("layer"))).await.status, 200);
        drop(server);
        let server = Server::new(open(root), options());
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.blobs, summary.kept), (2, 1));
        assert!(has(&server, &format!("app/blobs/{}", sha256("layer"))).await);
    });
}

#[test]
fn a_deleted_manifest_of_another_server_is_recognised_by_its_content() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        drop(server);
        // As the reference deletes: the link and the tag, nothing else.
        let manifests = root.join("docker/registry/v2/repositories/app/_manifests");
        fs::remove_dir_all(manifests.join("revisions/sha256").join(&digest.to_string()[7..])).unwrap();
        fs::remove_dir_all(manifests.join("tags/v1")).unwrap();
        let server = Server::new(open(root), options());
        let summary = server.collect(DEFAULT).await.1;
        assert_eq!((summary.blobs, summary.links, summary.repositories, summary.kept), (3, 2, 1, 0));
    });
}

#[test]
fn a_deleted_blob_goes_unless_another_repository_has_it() {
    on_every_store(async |server| {
        let digest = server.push_blob("app", "popular").await;
        server.push_blob("fork", "popular").await;
        delete(&server, &format!("app/blobs/{digest}")).await;
        assert_eq!(server.collect(UNTAGGED).await.1.blobs, 0);
        delete(&server, &format!("fork/blobs/{digest}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.blobs, summary.kept), (1, 0));
        assert_eq!(catalog(&server).await, json!([]));
    });
}

#[test]
fn sha512_and_foreign_layers_are_content_like_any_other() {
    on_every_store(async |server| {
        let long = sha512("long");
        let reply = server.call("POST", &format!("/v2/app/blobs/uploads/?digest={long}"), &[], "long").await;
        assert_eq!(reply.status, 201, "{reply}");
        let foreign = server.push_blob("app", "foreign").await;
        let stray = sha512("stray");
        server.call("POST", &format!("/v2/app/blobs/uploads/?digest={stray}"), &[], "stray").await;
        let mut image = server.image("app", "x").await;
        let layers = image["layers"].as_array_mut().unwrap();
        layers.push(json!({ "mediaType": "application/vnd.test.layer", "digest": long, "size": 4 }));
        for absent in [&foreign, &sha256("never pushed")] {
            layers.push(listed("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", absent));
        }
        let text = image.to_string();
        let digest = sha512(&text);
        let reply = server.put_manifest(&format!("/v2/app/manifests/{digest}?tag=v1"), OCI_IMAGE, text).await;
        assert_eq!(reply.status, 201, "{reply}");

        let (lines, summary) = server.collect(NO_GRACE).await;
        assert_eq!((summary.blobs, summary.links), (1, 1), "{lines:?}");
        for kept in [&long, &foreign] {
            assert!(has(&server, &format!("app/blobs/{kept}")).await, "{kept}");
        }
        assert!(!has(&server, &format!("app/blobs/{stray}")).await);
        assert!(has(&server, "app/manifests/v1").await);
    });
}

#[test]
fn content_that_the_reference_filed_under_another_digest_stays() {
    on_a_directory(async |server, root| {
        let [kept, stray] = ["kept", "stray"].map(|content| (content, sha512(content)));
        for (content, digest) in [&kept, &stray] {
            let filed = server.push_blob("app", *content).await;
            let links = root.join("docker/registry/v2/repositories/app/_layers/sha512").join(digest.hex());
            fs::create_dir_all(&links).unwrap();
            fs::write(links.join("link"), filed.to_string()).unwrap();
        }
        let mut image = server.image("app", "x").await;
        let layers = image["layers"].as_array_mut().unwrap();
        layers.push(json!({ "mediaType": "application/vnd.test.layer", "digest": kept.1, "size": 4 }));
        put(&server, "app", "v1", OCI_IMAGE, &image).await;

        assert_eq!(server.head(&format!("/v2/app/blobs/{}", stray.1)).await.status, 200);
        assert_eq!(server.collect(UNTAGGED).await.1, Summary { kept: 2, ..Summary::default() }, "it has two names");
        assert_eq!(server.collect(NO_GRACE).await.1, Summary { links: 2, blobs: 1, bytes: 5, ..Summary::default() });
        assert!(has(&server, &format!("app/blobs/{}", kept.1)).await);
        assert!(!has(&server, &format!("app/blobs/{}", stray.1)).await);
    });
}

#[test]
fn damage_is_told_and_nothing_is_lost_to_it() {
    on_a_directory(async |server, root| {
        let broken = server.push_image("broken", "v1", "x").await;
        let fine = server.push_image("fine", "v1", "y").await;
        server.push_image("fine", "gone", "z").await;
        let stray = server.push_blob("broken", "stray").await;
        drop(server);
        let registry = root.join("docker/registry/v2");
        let blob = |digest: &Digest| {
            let hex = digest.hex();
            registry.join("blobs/sha256").join(&hex[..2]).join(hex).join("data")
        };
        fs::write(blob(&broken), "").unwrap();
        fs::write(blob(&sha256("layer")), "lay").unwrap();
        fs::remove_file(blob(&sha256("config y"))).unwrap();
        fs::write(registry.join("repositories/fine/_manifests/tags/gone/current/link"), "").unwrap();
        let dangling = registry.join("repositories/fine/_manifests/tags/dangling/current");
        fs::create_dir_all(&dangling).unwrap();
        fs::write(dangling.join("link"), broken.to_string()).unwrap();

        let server = Server::new(open(root), options());
        let (lines, summary) = server.collect(NO_GRACE).await;
        let problems: Vec<Line> = lines.into_iter().filter(|line| matches!(line, Line::Problem(_))).collect();
        assert_snapshot!(text(&problems), @"
        ! broken: manifest sha256:963818 is damaged or missing: push it again, or delete it
        ! broken: nothing is removed as long as manifests of it are damaged
        ! fine: the link of tag gone is damaged: push the tag again
        ! fine: tag dangling points at sha256:963818, which is not there
        ! blob sha256:dac1d7 has 3 bytes, manifests say 5: if it is damaged, push it again
        ! blob sha256:c25a0b is missing, although manifests name it: push it again
        ");
        assert_eq!(summary.problems as usize, problems.len());
        assert_eq!((summary.manifests, summary.repositories), (1, 0), "the one whose tag is damaged");
        assert!(has(&server, &format!("fine/manifests/{fine}")).await);
        assert!(has(&server, &format!("broken/blobs/{stray}")).await);
        server.push_image("broken", "v1", "x").await;
        assert!(has(&server, "broken/manifests/v1").await, "a push mends it");
    });
}

#[test]
fn repositories_below_an_empty_one_stay() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("team/app", "v1", "x").await;
        server.push_image("team/app/test", "v1", "x").await;
        let deep = server.push_image("lone/ly/deep", "v1", "x").await;
        delete(&server, &format!("team/app/manifests/{digest}")).await;
        delete(&server, &format!("lone/ly/deep/manifests/{deep}")).await;
        assert_eq!(server.collect(UNTAGGED).await.1.repositories, 2);
        assert_eq!(catalog(&server).await, json!(["team/app/test"]));
        assert!(has(&server, "team/app/test/manifests/v1").await);
        let repositories = root.join("docker/registry/v2/repositories");
        assert!(!repositories.join("lone").exists(), "no empty directories above either");
        assert_eq!(server.get("/v2/team/app/tags/list").await.status, 404);
    });
}
