//! `DELETE` of a session (end-14).

use registry_server::oci::Algorithm;

use crate::{content::Blob, repository::with_digest, rule::section, target::Target};

section! {
    "Cancel a blob upload";
    Main:
        a_session_is_cancelled,
        a_session_that_has_bytes_is_cancelled,
        a_cancelled_session_is_not_cancelled_again
}

async fn a_session_is_cancelled(server: &Target) {
    let location = server.repository().begin().await;
    server.delete(&location).await.expect(204);
    server.get(&location).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
}

async fn a_session_that_has_bytes_is_cancelled(server: &Target) {
    let repository = server.repository();
    let blob = Blob::random(Algorithm::Sha256, 2048);
    let location = repository.begin().await;
    let location = server.patch(&location, blob.content.slice(..1024)).await.expect(202).location();
    server.delete(&location).await.expect(204);
    server.patch(&location, blob.content.slice(1024..)).await.expect(404);
    server.put(&with_digest(&location, blob.digest), "").await.expect(404);
    server.head(&repository.blob(blob.digest)).await.expect(404);
}

async fn a_cancelled_session_is_not_cancelled_again(server: &Target) {
    let location = server.repository().begin().await;
    server.delete(&location).await.expect(204);
    server.delete(&location).await.expect(404);
}
