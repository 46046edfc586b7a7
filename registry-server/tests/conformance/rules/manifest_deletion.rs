//! `DELETE` of a manifest by its digest (end-9).

use registry_server::oci::Algorithm;

use crate::{
    content::{Document, OCI_IMAGE, OCI_INDEX, index},
    rule::section,
    target::Target,
};

section! {
    "Deleting Manifests";
    V1_1:
        a_deleted_manifest_is_gone_at_once,
        its_tags_are_gone_with_it,
        a_manifest_in_an_index_can_be_deleted,
        a_deleted_manifest_can_be_pushed_again,
        a_manifest_that_does_not_exist_is_404,
        another_repository_keeps_the_manifest,
        a_malformed_digest_is_400
}

async fn a_deleted_manifest_is_gone_at_once(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let image = Document::of(OCI_IMAGE, &repository.image_value(algorithm).await);
        let path = repository.manifest(image.digest(algorithm));
        repository.put(image.digest(algorithm), &image).await.expect(201);
        server.get(&path).await.expect(200);
        server.delete(&path).await.expect(202);
        server.head(&path).await.expect(404);
        server.get(&path).await.expect_error(404, "MANIFEST_UNKNOWN");
    }
}

async fn its_tags_are_gone_with_it(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    repository.put("v2", &image).await.expect(201);
    let other = repository.push_image("v3").await;
    server.delete(&repository.manifest(image.sha256())).await.expect(202);
    for tag in ["v1", "v2"] {
        server.head(&repository.manifest(tag)).await.expect(404);
    }
    assert_eq!(repository.listed_tags().await, ["v3"]);
    repository.expect_manifest("v3", &other).await;
}

async fn a_manifest_in_an_index_can_be_deleted(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    let all = Document::of(OCI_INDEX, &index(&[image.descriptor(Algorithm::Sha256)]));
    repository.put("all", &all).await.expect(201);
    server.delete(&repository.manifest(image.sha256())).await.expect(202);
    server.head(&repository.manifest(image.sha256())).await.expect(404);
    repository.expect_manifest("all", &all).await;
}

async fn a_deleted_manifest_can_be_pushed_again(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    server.delete(&repository.manifest(image.sha256())).await.expect(202);
    repository.put("v1", &image).await.expect(201);
    repository.expect_manifest("v1", &image).await;
}

async fn a_manifest_that_does_not_exist_is_404(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    server.delete(&repository.manifest(image.sha256())).await.expect(202);
    server.delete(&repository.manifest(image.sha256())).await.expect_error(404, "MANIFEST_UNKNOWN");
    server.delete(&server.repository().manifest(image.sha256())).await.expect(404);
}

async fn another_repository_keeps_the_manifest(server: &Target) {
    let (one, other) = (server.repository(), server.repository());
    let empty = Document::of(OCI_INDEX, &index(&[]));
    one.push(&empty).await;
    other.push(&empty).await;
    server.delete(&one.manifest(empty.sha256())).await.expect(202);
    server.head(&one.manifest(empty.sha256())).await.expect(404);
    other.expect_manifest(empty.sha256(), &empty).await;
}

async fn a_malformed_digest_is_400(server: &Target) {
    let path = server.repository().manifest("sha256:baddigeststring");
    server.delete(&path).await.expect_error(400, "DIGEST_INVALID");
}
