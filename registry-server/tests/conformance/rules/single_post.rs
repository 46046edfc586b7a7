//! A whole blob in one request: `POST` with `digest` (end-4b).

use registry_server::oci::Algorithm;

use crate::{
    content::{Blob, random},
    repository::Repository,
    rule::section,
    target::{Payload, Target},
};

section! {
    "Pushing a blob monolithically: single POST";
    V1_1:
        a_blob_is_there_where_the_post_says,
        a_blob_may_have_no_bytes,
        the_length_need_not_be_known,
        a_wrong_digest_is_400_and_leaves_nothing,
        a_malformed_digest_is_400;
    Main:
        the_digest_is_told
}

fn target(repository: &Repository<'_>, digest: impl std::fmt::Display) -> String {
    format!("{}?digest={digest}", repository.uploads())
}

async fn a_blob_is_there_where_the_post_says(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = Blob::random(algorithm, 512);
        let reply = server.post(&target(&repository, blob.digest), blob.content.clone()).await.expect(201);
        server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
    }
}

async fn a_blob_may_have_no_bytes(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let reply = server.post(&target(&repository, Blob::of(algorithm, "").digest), "").await.expect(201);
        server.get(&reply.location()).await.expect(200).expect_body(b"");
    }
}

async fn the_length_need_not_be_known(server: &Target) {
    let repository = server.repository();
    let blob = Blob::random(Algorithm::Sha256, 512);
    let body = Payload::Streamed(vec![blob.content.slice(..100), blob.content.slice(100..)]);
    server.post(&target(&repository, blob.digest), body).await.expect(201);
    server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
}

async fn a_wrong_digest_is_400_and_leaves_nothing(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let announced = Blob::random(algorithm, 512).digest;
        server.post(&target(&repository, announced), random(512)).await.expect_error(400, "DIGEST_INVALID");
        server.head(&repository.blob(announced)).await.expect(404);
    }
}

async fn a_malformed_digest_is_400(server: &Target) {
    let path = target(&server.repository(), "sha256:baddigeststring");
    server.post(&path, random(8)).await.expect_error(400, "DIGEST_INVALID");
}

async fn the_digest_is_told(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, 512);
        let path = target(&server.repository(), blob.digest);
        server.post(&path, blob.content.clone()).await.expect(201).expect_digest(&blob.digest);
    }
}
