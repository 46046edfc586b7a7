//! A blob as a stream: `PATCH` with neither `Content-Range` nor `Content-Length`, as Docker pushes.

use registry_server::oci::Algorithm;

use crate::{
    content::Blob,
    repository::with_digest,
    rule::section,
    target::{Payload, Target},
};

section! {
    "Pushing a blob as a stream";
    V1_1:
        a_stream_of_unknown_length_is_taken,
        several_streams_follow_each_other,
        the_put_may_carry_a_stream,
        a_stream_may_have_no_bytes,
        a_wrong_digest_is_400_and_leaves_nothing
}

/// The content in pieces of `size` bytes.
fn pieces(blob: &Blob, size: usize) -> Payload {
    let starts = (0..blob.content.len()).step_by(size);
    Payload::Streamed(starts.map(|start| blob.content.slice(start..(start + size).min(blob.content.len()))).collect())
}

async fn a_stream_of_unknown_length_is_taken(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, 100_000);
        let location = server.repository().begin().await;
        let reply = server.patch(&location, pieces(&blob, 7000)).await.expect(202).expect_header("range", "0-99999");
        let reply = server.put(&with_digest(&reply.location(), blob.digest), "").await.expect(201);
        server.get(&reply.expect_digest(&blob.digest).location()).await.expect(200).expect_body(&blob.content);
    }
}

async fn several_streams_follow_each_other(server: &Target) {
    let repository = server.repository();
    let (one, two) = (Blob::random(Algorithm::Sha256, 5000), Blob::random(Algorithm::Sha256, 3000));
    let whole = Blob::of(Algorithm::Sha256, [&one.content[..], &two.content[..]].concat());
    let location = server.patch(&repository.begin().await, pieces(&one, 1000)).await.expect(202).location();
    let reply = server.patch(&location, pieces(&two, 1000)).await.expect(202).expect_header("range", "0-7999");
    server.put(&with_digest(&reply.location(), whole.digest), "").await.expect(201);
    server.get(&repository.blob(whole.digest)).await.expect(200).expect_body(&whole.content);
}

async fn the_put_may_carry_a_stream(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = Blob::random(algorithm, 5000);
        let path = with_digest(&repository.begin().await, blob.digest);
        server.put(&path, pieces(&blob, 1000)).await.expect(201);
        server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(&blob.content);
    }
}

async fn a_stream_may_have_no_bytes(server: &Target) {
    let repository = server.repository();
    let blob = Blob::of(Algorithm::Sha256, "");
    let location = server.patch(&repository.begin().await, pieces(&blob, 1)).await.expect(202).location();
    server.put(&with_digest(&location, blob.digest), "").await.expect(201);
    server.get(&repository.blob(blob.digest)).await.expect(200).expect_body(b"");
}

async fn a_wrong_digest_is_400_and_leaves_nothing(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let (blob, other) = (Blob::random(algorithm, 5000), Blob::random(algorithm, 8));
        let location = server.patch(&repository.begin().await, pieces(&blob, 1000)).await.expect(202).location();
        server.put(&with_digest(&location, other.digest), "").await.expect_error(400, "DIGEST_INVALID");
        server.head(&repository.blob(other.digest)).await.expect(404);
    }
}
