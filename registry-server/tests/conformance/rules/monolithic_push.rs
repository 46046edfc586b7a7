//! A session, then the whole blob: `POST`, then `PUT` (end-4a, end-6).

use registry_server::oci::Algorithm;

use crate::{
    content::{Blob, random},
    repository::with_digest,
    rule::section,
    target::Target,
};

section! {
    "Pushing a blob monolithically: POST then PUT";
    V1_1:
        a_session_has_a_location_of_its_own,
        a_blob_is_there_where_the_put_says,
        the_algorithm_may_be_known_at_the_put_only,
        a_blob_may_have_no_bytes,
        a_blob_may_be_the_empty_json_object,
        a_blob_may_be_pushed_again,
        a_wrong_digest_is_400_and_leaves_nothing,
        a_missing_digest_is_400,
        a_malformed_digest_is_400,
        an_unknown_session_is_404,
        a_session_belongs_to_its_repository;
    Main:
        the_algorithm_may_be_told_with_the_post,
        an_algorithm_that_is_not_supported_is_400
}

async fn a_session_has_a_location_of_its_own(server: &Target) {
    let repository = server.repository();
    let (one, other) = (repository.begin().await, repository.begin().await);
    assert_ne!(one, other);
    server.get(&one).await.expect(204);
    server.get(&other).await.expect(204);
}

async fn a_blob_is_there_where_the_put_says(server: &Target) {
    let repository = server.repository();
    let blob = Blob::random(Algorithm::Sha256, 512);
    let path = with_digest(&repository.begin().await, blob.digest);
    let reply = server.put(&path, blob.content.clone()).await.expect(201).expect_digest(&blob.digest);
    server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
}

async fn the_algorithm_may_be_known_at_the_put_only(server: &Target) {
    let repository = server.repository();
    let blob = Blob::random(Algorithm::Sha512, 512);
    let path = with_digest(&repository.begin().await, blob.digest);
    let reply = server.put(&path, blob.content.clone()).await.expect(201).expect_digest(&blob.digest);
    let reply = server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
    reply.expect_digest(&blob.digest);
}

async fn a_blob_may_have_no_bytes(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = Blob::of(algorithm, "");
        let reply = server.put(&with_digest(&repository.begin().await, blob.digest), "").await.expect(201);
        server.get(&reply.location()).await.expect(200).expect_body(b"");
    }
}

async fn a_blob_may_be_the_empty_json_object(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = Blob::of(algorithm, "{}");
        repository.push_blob(&blob).await;
        server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(b"{}");
    }
}

async fn a_blob_may_be_pushed_again(server: &Target) {
    let repository = server.repository();
    let blob = repository.push_random(Algorithm::Sha256, 512).await;
    repository.push_blob(&blob).await;
    server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
}

async fn a_wrong_digest_is_400_and_leaves_nothing(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let announced = Blob::random(algorithm, 512).digest;
        let path = with_digest(&repository.begin().await, announced);
        server.put(&path, random(512)).await.expect_error(400, "DIGEST_INVALID");
        server.head(&repository.blob(announced)).await.expect(404);
    }
}

async fn a_missing_digest_is_400(server: &Target) {
    let location = server.repository().begin().await;
    server.put(&location, random(8)).await.expect_error(400, "DIGEST_INVALID");
}

async fn a_malformed_digest_is_400(server: &Target) {
    let location = server.repository().begin().await;
    for digest in ["sha256:baddigeststring", "latest", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        server.put(&with_digest(&location, digest), random(8)).await.expect_error(400, "DIGEST_INVALID");
    }
}

async fn an_unknown_session_is_404(server: &Target) {
    let repository = server.repository();
    let blob = Blob::random(Algorithm::Sha256, 8);
    let unknown = repository.path("blobs/uploads/00000000-0000-4000-8000-000000000000");
    let code = "BLOB_UPLOAD_UNKNOWN";
    server.get(&unknown).await.expect_error(404, code);
    server.patch(&unknown, blob.content.clone()).await.expect_error(404, code);
    server.put(&with_digest(&unknown, blob.digest), blob.content.clone()).await.expect_error(404, code);
    server.delete(&unknown).await.expect_error(404, code);
}

async fn a_session_belongs_to_its_repository(server: &Target) {
    let (mine, other) = (server.repository(), server.repository());
    let location = mine.begin().await;
    server.get(&location.replace(&mine.name, &other.name)).await.expect(404);
    server.get(&location).await.expect(204);
}

async fn the_algorithm_may_be_told_with_the_post(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = Blob::random(algorithm, 512);
        let path = format!("{}?digest-algorithm={algorithm}", repository.uploads());
        let location = server.post(&path, "").await.expect(202).location();
        let location = server.patch(&location, blob.content.clone()).await.expect(202).location();
        let reply = server.put(&with_digest(&location, blob.digest), "").await.expect(201);
        server.get(&reply.expect_digest(&blob.digest).location()).await.expect(200).expect_body(&blob.content);
    }
}

async fn an_algorithm_that_is_not_supported_is_400(server: &Target) {
    let path = format!("{}?digest-algorithm=md5", server.repository().uploads());
    server.post(&path, "").await.expect_error(400, "DIGEST_INVALID");
}
