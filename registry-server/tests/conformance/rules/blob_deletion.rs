//! `DELETE` of a blob (end-10).

use registry_server::oci::Algorithm;

use crate::{content::Blob, rule::section, target::Target};

section! {
    "Deleting Blobs";
    V1_1:
        a_deleted_blob_is_gone_at_once,
        a_deleted_blob_can_be_pushed_again,
        another_repository_keeps_the_blob,
        a_blob_that_does_not_exist_is_404,
        a_malformed_digest_is_400
}

async fn a_deleted_blob_is_gone_at_once(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, 512).await;
        let path = repository.blob(blob.digest);
        server.get(&path).await.expect(200);
        server.delete(&path).await.expect(202);
        server.head(&path).await.expect(404);
        server.get(&path).await.expect_error(404, "BLOB_UNKNOWN");
    }
}

async fn a_deleted_blob_can_be_pushed_again(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, 512).await;
        server.delete(&repository.blob(blob.digest)).await.expect(202);
        repository.push_blob(&blob).await;
        server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
    }
}

async fn another_repository_keeps_the_blob(server: &Target) {
    let (one, other) = (server.repository(), server.repository());
    let blob = one.push_random(Algorithm::Sha256, 512).await;
    other.push_blob(&blob).await;
    server.delete(&one.blob(blob.digest)).await.expect(202);
    server.get(&other.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
}

async fn a_blob_that_does_not_exist_is_404(server: &Target) {
    for algorithm in Algorithm::ALL {
        let path = server.repository().blob(Blob::random(algorithm, 8).digest);
        server.delete(&path).await.expect_error(404, "BLOB_UNKNOWN");
    }
}

async fn a_malformed_digest_is_400(server: &Target) {
    let path = server.repository().blob("sha256:baddigeststring");
    server.delete(&path).await.expect_error(400, "DIGEST_INVALID");
}
