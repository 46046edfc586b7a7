//! The codes of errors: one way to get each that a client can cause without being refused for who it is.

use registry_server::oci::Algorithm;
use serde_json::json;

use crate::{
    content::{Blob, Document, OCI_IMAGE, OCI_LAYER, random},
    repository::with_digest,
    rule::section,
    target::Target,
};

section! {
    "Error Codes";
    V1_1:
        blob_unknown,
        blob_upload_unknown,
        denied,
        digest_invalid,
        manifest_blob_unknown,
        manifest_invalid,
        manifest_unknown,
        name_unknown,
        size_invalid
}

async fn blob_unknown(server: &Target) {
    let path = server.repository().blob(Blob::random(Algorithm::Sha256, 8).digest);
    server.get(&path).await.expect_error(404, "BLOB_UNKNOWN");
}

async fn blob_upload_unknown(server: &Target) {
    let repository = server.repository();
    let digest = Blob::random(Algorithm::Sha256, 8).digest;
    let location = repository.begin().await;
    server.delete(&location).await.expect(204);
    server.put(&with_digest(&location, digest), random(8)).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
}

async fn denied(server: &Target) {
    let hidden = server.hidden_repository();
    let blob = hidden.push_random(Algorithm::Sha256, 8).await;
    server.get(&hidden.blob(blob.digest)).await.expect_error(403, "DENIED");
}

async fn digest_invalid(server: &Target) {
    let location = server.repository().begin().await;
    let path = with_digest(&location, Blob::random(Algorithm::Sha256, 8).digest);
    server.put(&path, random(8)).await.expect_error(400, "DIGEST_INVALID");
}

async fn manifest_blob_unknown(server: &Target) {
    let repository = server.repository();
    let mut value = repository.image_value(Algorithm::Sha256).await;
    let absent = [Blob::random(Algorithm::Sha256, 8), Blob::random(Algorithm::Sha512, 8)];
    value["layers"] = json!(absent.each_ref().map(|blob| blob.descriptor(OCI_LAYER)));
    let reply = repository.put("v1", &Document::of(OCI_IMAGE, &value)).await;
    let reply = reply.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(reply.json()["errors"].as_array().unwrap().len(), absent.len(), "one for each: {reply}");
}

async fn manifest_invalid(server: &Target) {
    let repository = server.repository();
    repository.put("v1", &Document::new(OCI_IMAGE, "[]")).await.expect_error(400, "MANIFEST_INVALID");
}

async fn manifest_unknown(server: &Target) {
    server.get(&server.repository().manifest("v1")).await.expect_error(404, "MANIFEST_UNKNOWN");
}

async fn name_unknown(server: &Target) {
    server.get(&server.repository().tags()).await.expect_error(404, "NAME_UNKNOWN");
}

async fn size_invalid(server: &Target) {
    let location = server.repository().begin().await;
    let headers = [("content-range", "0-9")];
    server.send("PATCH", &location, &headers, "12345678").await.expect_error(400, "SIZE_INVALID");
}
