//! `GET` of blobs (end-2).

use registry_server::oci::Algorithm;

use crate::{content::Blob, rule::section, target::Target};

section! {
    "Pulling blobs";
    V1_1:
        a_blob_is_pulled_byte_for_byte,
        a_large_blob_is_pulled_byte_for_byte,
        a_blob_without_bytes_is_pulled,
        a_blob_that_was_never_pushed_is_404,
        a_blob_is_not_seen_from_another_repository,
        a_malformed_digest_is_400;
    Main:
        the_digest_is_told_on_every_pull,
        an_algorithm_that_is_not_supported_is_400
}

async fn a_blob_is_pulled_byte_for_byte(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, 2048).await;
        let reply = server.get(&repository.blob(blob.digest)).await.expect(200);
        reply.expect_body(&blob.content).expect_header("content-length", "2048");
    }
}

async fn a_large_blob_is_pulled_byte_for_byte(server: &Target) {
    let repository = server.repository();
    let blob = repository.push_random(Algorithm::Sha256, (3 << 20) + 1).await;
    server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
}

async fn a_blob_without_bytes_is_pulled(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = Blob::of(algorithm, "");
        repository.push_blob(&blob).await;
        let reply = server.get(&repository.blob(blob.digest)).await.expect(200);
        reply.expect_body(b"").expect_header("content-length", "0").expect_digest(&blob.digest);
    }
}

async fn a_blob_that_was_never_pushed_is_404(server: &Target) {
    for algorithm in Algorithm::ALL {
        let path = server.repository().blob(Blob::random(algorithm, 8).digest);
        server.get(&path).await.expect_error(404, "BLOB_UNKNOWN");
    }
}

async fn a_blob_is_not_seen_from_another_repository(server: &Target) {
    let blob = server.repository().push_random(Algorithm::Sha256, 8).await;
    server.get(&server.repository().blob(blob.digest)).await.expect_error(404, "BLOB_UNKNOWN");
}

async fn a_malformed_digest_is_400(server: &Target) {
    let repository = server.repository();
    let upper = Blob::random(Algorithm::Sha256, 8).digest.to_string().to_uppercase().replace("SHA", "sha");
    for digest in ["sha256:bad", "sha256:", "sha256", &upper] {
        server.get(&repository.blob(digest)).await.expect_error(400, "DIGEST_INVALID");
    }
}

async fn the_digest_is_told_on_every_pull(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, 100).await;
        let path = repository.blob(blob.digest);
        server.get(&path).await.expect(200).expect_digest(&blob.digest);
        let part = [("range", "bytes=10-19")];
        server.send("GET", &path, &part, "").await.expect(206).expect_digest(&blob.digest);
    }
}

async fn an_algorithm_that_is_not_supported_is_400(server: &Target) {
    let path = server.repository().blob("md5:d41d8cd98f00b204e9800998ecf8427e");
    server.get(&path).await.expect_error(400, "DIGEST_INVALID");
}
