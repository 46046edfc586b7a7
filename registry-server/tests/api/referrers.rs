//! Listing what refers to a manifest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use registry_server::{
    oci::Digest,
    registry::Registry,
    storage::filesystem::{self, Filesystem},
};
use serde_json::{Value, json};

use crate::support::{
    OCI_IMAGE, OCI_INDEX, Reply, Server, in_memory, on_a_directory, on_every_store, open, options, sha256, sha512,
};

/// An artifact of a type that refers to `subject`.
async fn artifact(server: &Server, subject: &Digest, kind: &str) -> Value {
    let mut artifact = server.image("app", kind).await;
    artifact["artifactType"] = json!(kind);
    artifact["annotations"] = json!({ "kind": kind });
    artifact["subject"] = json!({ "mediaType": OCI_IMAGE, "digest": subject, "size": 1 });
    artifact
}

async fn attach(server: &Server, subject: &Digest, kind: &str) -> Digest {
    let document = artifact(server, subject, kind).await.to_string();
    let digest = sha256(&document);
    let reply = server.put_manifest(&format!("/v2/app/manifests/{digest}"), OCI_IMAGE, document).await;
    assert_eq!(reply.header("oci-subject"), Some(&*subject.to_string()), "{reply}");
    digest
}

/// Digests of a list, sorted.
async fn listed(server: &Server, target: &str) -> Vec<String> {
    let manifests = server.get(target).await.json()["manifests"].clone();
    manifests.as_array().unwrap().iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
}

fn sorted(digests: &[Digest]) -> Vec<String> {
    let mut texts: Vec<String> = digests.iter().map(Digest::to_string).collect();
    texts.sort();
    texts
}

#[test]
fn nothing_refers_to_what_does_not_exist() {
    on_every_store(async |server| {
        assert_snapshot!(server.get(&format!("/v2/no/where/referrers/{}", sha256("x"))).await, @r#"
        200 OK
        content-length: 89
        content-type: application/vnd.oci.image.index.v1+json
        docker-distribution-api-version: registry/2.0

        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}
        "#);
        assert_eq!(server.get("/v2/app/referrers/sha256:bad").await.code(), "DIGEST_INVALID");
    });
}

#[test]
fn referrers_are_described() {
    on_every_store(async |server| {
        let subject = server.push_image("app", "v1", "subject").await;
        attach(&server, &subject, "application/vnd.test.signature").await;
        assert_snapshot!(server.get(&format!("/v2/app/referrers/{subject}")).await, @r#"
        200 OK
        content-length: 345
        content-type: application/vnd.oci.image.index.v1+json
        docker-distribution-api-version: registry/2.0

        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:409fef7a4a721db6eb8b312527f9ee381fda90413441449136fa965560f0d9bf","size":633,"artifactType":"application/vnd.test.signature","annotations":{"kind":"application/vnd.test.signature"}}]}
        "#);
    });
}

#[test]
fn referrers_are_filtered_by_type() {
    on_every_store(async |server| {
        let subject = server.push_image("app", "v1", "subject").await;
        let signature = attach(&server, &subject, "application/vnd.test.signature+json").await;
        attach(&server, &subject, "application/vnd.test.sbom").await;
        for written in ["application/vnd.test.signature+json", "application%2Fvnd.test.signature%2Bjson"] {
            let target = format!("/v2/app/referrers/{subject}?artifactType={written}");
            assert_eq!(listed(&server, &target).await, [signature.to_string()]);
            assert_eq!(server.get(&target).await.header("oci-filters-applied"), Some("artifactType"));
        }
        let none = format!("/v2/app/referrers/{subject}?artifactType=other");
        assert!(listed(&server, &none).await.is_empty());
    });
}

#[test]
fn a_subject_may_come_later_and_have_any_algorithm() {
    on_every_store(async |server| {
        for subject in [sha256("later"), sha512("later")] {
            let signature = attach(&server, &subject, "application/vnd.test.signature").await;
            assert_eq!(listed(&server, &format!("/v2/app/referrers/{subject}")).await, [signature.to_string()]);
            assert!(listed(&server, &format!("/v2/other/referrers/{subject}")).await.is_empty());
        }
    });
}

#[test]
fn an_index_may_refer_as_well() {
    on_every_store(async |server| {
        let subject = sha256("subject");
        let document = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [],
            "subject": { "mediaType": OCI_IMAGE, "digest": subject, "size": 1 } });
        server.put_manifest("/v2/app/manifests/index", OCI_INDEX, document.to_string()).await;
        let reply = server.get(&format!("/v2/app/referrers/{subject}")).await.json();
        assert_eq!(reply["manifests"][0]["mediaType"], OCI_INDEX);
        assert_eq!(reply["manifests"][0].get("artifactType"), None);
    });
}

#[test]
fn a_deleted_referrer_is_not_listed() {
    on_every_store(async |server| {
        let subject = server.push_image("app", "v1", "subject").await;
        let signature = attach(&server, &subject, "application/vnd.test.signature").await;
        let target = format!("/v2/app/referrers/{subject}");
        assert_eq!(listed(&server, &target).await.len(), 1);
        server.delete(&format!("/v2/app/manifests/{signature}")).await;
        assert!(listed(&server, &target).await.is_empty());
        assert_eq!(server.get("/v2/app/manifests/v1").await.status, 200);
    });
}

#[test]
fn what_clients_listed_under_the_fallback_tag_is_listed_too() {
    on_every_store(async |server| {
        let subject = server.push_image("app", "v1", "subject").await;
        let known = attach(&server, &subject, "application/vnd.test.signature").await;
        // A client of a registry without this API: the manifest has no subject here, the tag's index names it.
        let old = server.push_image("app", "old", "old").await;
        let entry = |digest: &Digest| json!({ "mediaType": OCI_IMAGE, "digest": digest, "size": 1, "artifactType": "application/vnd.test.old" });
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(&old), entry(&known)] });
        let tag = subject.to_string().replace(':', "-");
        let reply = server.put_manifest(&format!("/v2/app/manifests/{tag}"), OCI_INDEX, index.to_string()).await;
        assert_eq!(reply.status, 201, "{reply}");
        let target = format!("/v2/app/referrers/{subject}");
        assert_eq!(listed(&server, &target).await, sorted(&[old, known]));
        assert_eq!(
            listed(&server, &format!("{target}?artifactType=application/vnd.test.old")).await,
            [old.to_string()]
        );
        server.delete(&format!("/v2/app/manifests/{old}")).await;
        assert_eq!(listed(&server, &target).await, [known.to_string()]);
    });
}

#[test]
fn a_volume_without_an_index_is_read_once() {
    on_a_directory(async |server, root| {
        let subject = server.push_image("app", "v1", "subject").await;
        let signature = attach(&server, &subject, "application/vnd.test.signature").await;
        let target = format!("/v2/app/referrers/{subject}");
        drop(server);
        // As the reference leaves it, which knows no referrers.
        fs::remove_dir_all(root.join("private-registry")).unwrap();
        let server = Server::new(open(root.clone()), options());
        assert_eq!(listed(&server, &target).await, [signature.to_string()]);
        let added = attach(&server, &subject, "application/vnd.test.sbom").await;
        assert_eq!(listed(&server, &target).await, sorted(&[signature, added]));
        drop(server);
        let server = Server::new(open(root), options());
        assert_eq!(listed(&server, &target).await, sorted(&[signature, added]));
    });
}

/// Stores a blob and a manifest as the reference does, which notes no referrers.
fn store_as_the_reference(root: &Path, repository: &str, manifest: &str) -> Digest {
    let digest = sha256(manifest);
    let hex = digest.hex();
    let registry = root.join("docker/registry/v2");
    let put = |directory: PathBuf, name: &str, content: &str| {
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), content).unwrap();
    };
    put(registry.join(format!("blobs/sha256/{}/{hex}", &hex[..2])), "data", manifest);
    let revision = registry.join(format!("repositories/{repository}/_manifests/revisions/sha256/{hex}"));
    put(revision, "link", &digest.to_string());
    digest
}

#[test]
fn what_others_store_while_the_server_runs_is_listed_at_once() {
    on_a_directory(async |server, root| {
        let subject = server.push_image("app", "v1", "subject").await;
        let target = format!("/v2/app/referrers/{subject}");
        let mut all = vec![attach(&server, &subject, "application/vnd.test.signature").await];
        for kind in ["application/vnd.test.sbom", "application/vnd.test.scan"] {
            assert_eq!(listed(&server, &target).await, sorted(&all));
            let document = artifact(&server, &subject, kind).await.to_string();
            all.push(store_as_the_reference(&root, "app", &document));
        }
        assert_eq!(listed(&server, &target).await, sorted(&all));
        let gone = all.pop().unwrap().hex();
        let revisions = root.join("docker/registry/v2/repositories/app/_manifests/revisions/sha256");
        fs::remove_file(revisions.join(gone).join("link")).unwrap();
        assert_eq!(listed(&server, &target).await, sorted(&all));
    });
}

#[test]
fn questions_about_what_does_not_exist_leave_nothing_behind() {
    on_a_directory(async |server, root| {
        for repository in ["no/where", "nor/here"] {
            assert!(listed(&server, &format!("/v2/{repository}/referrers/{}", sha256("x"))).await.is_empty());
        }
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    });
}

#[test]
fn a_volume_of_another_registry_is_read_once() {
    on_a_directory(async |server, root| {
        let subject = sha256("subject");
        let document = artifact(&server, &subject, "application/vnd.test.signature").await.to_string();
        let signature = store_as_the_reference(&root, "app", &document);
        drop(server);
        let registry = open(root.clone());
        assert_eq!(registry.index_referrers().await.unwrap(), Some(1));
        assert_eq!(registry.index_referrers().await.unwrap(), None);
        let subjects = root.join("private-registry/referrers/app/_subjects/sha256");
        assert_eq!(fs::read_dir(subjects.join(subject.hex())).unwrap().count(), 1);
        let server = Server::new(registry, options());
        assert_eq!(listed(&server, &format!("/v2/app/referrers/{subject}")).await, [signature.to_string()]);
    });
}

#[test]
fn a_volume_that_is_not_to_be_written_to_has_referrers_as_well() {
    on_a_directory(async |server, root| {
        let subject = sha256("subject");
        let signature = attach(&server, &subject, "application/vnd.test.signature").await;
        drop(server);
        fs::remove_dir_all(root.join("private-registry")).unwrap();
        let store = Filesystem::open(root.clone(), filesystem::Options { read_only: true }).unwrap();
        let server = Server::new(Registry::new(store), options());
        for _ in 0..2 {
            assert_eq!(listed(&server, &format!("/v2/app/referrers/{subject}")).await, [signature.to_string()]);
        }
        assert!(!root.join("private-registry").exists());
    });
}

#[test]
fn a_page_is_no_larger_than_clients_read() {
    in_memory(async |server| {
        let subject = sha256("subject");
        for kind in ["a", "b", "c"] {
            let mut document = artifact(&server, &subject, kind).await;
            document["annotations"] = json!({ "large": "x".repeat(1_500_000) });
            let content = document.to_string();
            let target = format!("/v2/app/manifests/{}", sha256(&content));
            assert_eq!(server.put_manifest(&target, OCI_IMAGE, content).await.status, 201);
        }
        let first = server.get(&format!("/v2/app/referrers/{subject}")).await;
        let link = first.header("link").unwrap();
        let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0;
        let second = server.get(next).await;
        let count = |reply: &Reply| reply.json()["manifests"].as_array().unwrap().len();
        assert_eq!((count(&first), count(&second), second.header("link")), (2, 1, None));
    });
}

#[test]
fn many_referrers_come_in_pages() {
    in_memory(async |server| {
        let subject = sha256("popular");
        let mut all = Vec::new();
        let mut document = artifact(&server, &subject, "application/vnd.test.signature").await;
        for index in 0..503 {
            document["annotations"] = json!({ "index": index.to_string() });
            let content = document.to_string();
            let digest = sha256(&content);
            server.put_manifest(&format!("/v2/app/manifests/{digest}"), OCI_IMAGE, content).await;
            all.push(digest);
        }
        let target = format!("/v2/app/referrers/{subject}");
        let link = server.get(&target).await.header("link").unwrap().to_owned();
        let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0;
        let (mut first, second) = (listed(&server, &target).await, listed(&server, next).await);
        assert_eq!((first.len(), second.len()), (500, 3));
        assert_eq!(server.get(next).await.header("link"), None);
        first.extend(second);
        assert_eq!(first, sorted(&all));
    });
}
