//! `HEAD` of blobs and manifests (end-2, end-3).

use registry_server::oci::Algorithm;

use crate::{
    content::{Blob, Document, OCI_IMAGE},
    rule::section,
    target::Target,
};

section! {
    "Checking if content exists in the registry";
    V1_1:
        a_blob_that_exists_is_200,
        a_blob_that_does_not_exist_is_404,
        a_manifest_that_exists_is_200,
        a_manifest_that_does_not_exist_is_404,
        a_head_request_gets_the_headers_of_a_get_request;
    Main:
        the_length_and_the_digest_are_told
}

async fn a_blob_that_exists_is_200(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, 100).await;
        server.head(&repository.blob(blob.digest)).await.expect(200);
    }
}

async fn a_blob_that_does_not_exist_is_404(server: &Target) {
    for algorithm in Algorithm::ALL {
        server.head(&server.repository().blob(Blob::random(algorithm, 8).digest)).await.expect(404);
    }
}

async fn a_manifest_that_exists_is_200(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    server.head(&repository.manifest("v1")).await.expect(200);
    server.head(&repository.manifest(image.sha256())).await.expect(200);
}

async fn a_manifest_that_does_not_exist_is_404(server: &Target) {
    let repository = server.repository();
    repository.push_image("v1").await;
    server.head(&repository.manifest("v2")).await.expect(404);
    server.head(&repository.manifest(repository.image().await.sha256())).await.expect(404);
}

async fn a_head_request_gets_the_headers_of_a_get_request(server: &Target) {
    let repository = server.repository();
    let image = repository.push_image("v1").await;
    let blob = repository.push_random(Algorithm::Sha256, 100).await;
    for path in [
        repository.manifest("v1"),
        repository.manifest(image.sha256()),
        repository.manifest("absent"),
        repository.blob(blob.digest),
        repository.blob(Blob::random(Algorithm::Sha256, 8).digest),
        repository.tags(),
        repository.referrers(image.sha256()),
    ] {
        let (mut get, mut head) = (server.get(&path).await, server.head(&path).await);
        for reply in [&mut get, &mut head] {
            reply.headers.remove("date");
        }
        assert_eq!(get.headers, head.headers, "{path}");
    }
}

async fn the_length_and_the_digest_are_told(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, 100).await;
        let reply = server.head(&repository.blob(blob.digest)).await.expect(200).expect_digest(&blob.digest);
        reply.expect_header("content-length", "100");
        let image = Document::of(OCI_IMAGE, &repository.image_value(algorithm).await);
        let digest = image.digest(algorithm);
        repository.put(digest, &image).await.expect(201);
        let reply = server.head(&repository.manifest(digest)).await.expect(200).expect_digest(&digest);
        let reply = reply.expect_header("content-type", OCI_IMAGE);
        reply.expect_header("content-length", &image.content.len().to_string());
    }
}
