//! `GET` of manifests (end-3).

use registry_server::oci::Algorithm;
use serde_json::{Value, json};

use crate::{
    content::{DOCKER_IMAGE, DOCKER_LIST, Document, OCI_IMAGE, OCI_INDEX, index},
    rule::section,
    target::Target,
};

section! {
    "Pulling manifests";
    V1_1:
        a_manifest_is_pulled_by_tag_and_by_digest,
        the_content_type_is_the_one_that_was_pushed,
        the_manifest_is_served_whatever_the_client_accepts,
        an_unknown_tag_is_404,
        an_unknown_digest_is_404,
        an_unknown_repository_is_404,
        a_malformed_digest_is_refused,
        a_manifest_is_not_seen_from_another_repository,
        a_tag_has_128_characters_at_most;
    Main:
        the_digest_is_told_on_every_pull,
        a_manifest_keeps_the_algorithm_it_was_pushed_with
}

async fn a_manifest_is_pulled_by_tag_and_by_digest(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    repository.expect_manifest("v1", &image).await;
    repository.expect_manifest(image.sha256(), &image).await;
}

async fn the_content_type_is_the_one_that_was_pushed(server: &Target) {
    let repository = server.repository();
    let image = repository.image_value(Algorithm::Sha256).await;
    let typed = |kind: &str, value: &Value| {
        let mut value = value.clone();
        value["mediaType"] = json!(kind);
        value
    };
    for (kind, value) in [
        (OCI_IMAGE, image.clone()),
        (OCI_INDEX, index(&[])),
        (DOCKER_IMAGE, typed(DOCKER_IMAGE, &image)),
        (DOCKER_LIST, typed(DOCKER_LIST, &index(&[]))),
    ] {
        let document = Document::of(kind, &value);
        repository.put("v1", &document).await.expect(201);
        repository.expect_manifest("v1", &document).await;
    }
}

async fn the_manifest_is_served_whatever_the_client_accepts(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    let path = repository.manifest("v1");
    for accepted in [
        &[("accept", OCI_INDEX), ("accept", OCI_IMAGE)][..],
        &[("accept", "*/*")],
        &[("accept", DOCKER_IMAGE)],
        &[("accept", "text/html")],
    ] {
        let reply = server.send("GET", &path, accepted, "").await.expect(200);
        reply.expect_header("content-type", OCI_IMAGE).expect_body(&image.content);
    }
}

async fn an_unknown_tag_is_404(server: &Target) {
    let repository = server.repository();
    repository.push_image("v1").await;
    server.get(&repository.manifest("v2")).await.expect_error(404, "MANIFEST_UNKNOWN");
}

async fn an_unknown_digest_is_404(server: &Target) {
    let repository = server.repository();
    repository.push_image("v1").await;
    let other = repository.image().await;
    for algorithm in Algorithm::ALL {
        let path = repository.manifest(other.digest(algorithm));
        server.get(&path).await.expect_error(404, "MANIFEST_UNKNOWN");
    }
}

async fn an_unknown_repository_is_404(server: &Target) {
    server.get(&server.repository().manifest("v1")).await.expect(404);
}

async fn a_malformed_digest_is_refused(server: &Target) {
    let repository = server.repository();
    for digest in ["sha256:baddigeststring", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e", ":"] {
        server.get(&repository.manifest(digest)).await.expect_error(400, "DIGEST_INVALID");
    }
}

async fn a_manifest_is_not_seen_from_another_repository(server: &Target) {
    let image = server.repository().push_image("v1").await;
    server.get(&server.repository().manifest(image.sha256())).await.expect(404);
}

async fn a_tag_has_128_characters_at_most(server: &Target) {
    let repository = server.repository();
    let longest = format!("_{}", "Aa0.-".repeat(26)).chars().take(128).collect::<String>();
    let image = repository.push_image(&longest).await;
    repository.expect_manifest(&longest, &image).await;
    for tag in [format!("{longest}x"), ".hidden".to_owned(), "-dash".to_owned()] {
        repository.put(&tag, &image).await.expect_any(&[400, 404]);
        server.get(&repository.manifest(&tag)).await.expect_any(&[400, 404]);
    }
}

async fn the_digest_is_told_on_every_pull(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    for reference in ["v1".to_owned(), image.sha256().to_string()] {
        repository.expect_manifest(reference, &image).await.expect_digest(&image.sha256());
    }
}

async fn a_manifest_keeps_the_algorithm_it_was_pushed_with(server: &Target) {
    let repository = server.repository();
    let image = Document::of(OCI_IMAGE, &repository.image_value(Algorithm::Sha512).await);
    let digest = image.digest(Algorithm::Sha512);
    repository.put(digest, &image).await.expect(201).expect_digest(&digest);
    repository.expect_manifest(digest, &image).await.expect_digest(&digest);
}
