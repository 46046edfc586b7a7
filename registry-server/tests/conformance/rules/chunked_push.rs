//! A blob in chunks: `PATCH` with `Content-Range`, `GET` of the session, the closing `PUT` (end-5, end-6, end-13).

use std::ops::Range;

use registry_server::oci::Algorithm;

use crate::{
    content::Blob,
    reply::Reply,
    repository::with_digest,
    rule::section,
    target::{Payload, Target},
};

section! {
    "Pushing a blob in chunks";
    V1_1:
        a_minimum_length_is_a_number,
        chunks_are_sent_one_after_the_other,
        a_blob_may_be_one_chunk,
        the_last_chunk_may_come_with_the_put,
        the_session_tells_how_much_has_arrived,
        a_first_chunk_out_of_order_is_416_and_the_session_goes_on,
        a_later_chunk_out_of_order_is_416_and_the_session_goes_on,
        a_chunk_sent_twice_is_416,
        a_malformed_content_range_is_refused,
        a_length_that_contradicts_the_range_is_refused,
        a_wrong_digest_is_400_and_leaves_nothing,
        a_wrong_digest_with_the_last_chunk_is_400;
    Main:
        a_last_chunk_out_of_order_is_416_and_the_session_goes_on
}

/// Three chunks: two of them full, the last one shorter.
const SIZE: usize = 3 * 1024 - 5;

async fn send(server: &Target, method: &str, location: &str, blob: &Blob, range: Range<usize>) -> Reply {
    let place = format!("{}-{}", range.start, range.end - 1);
    let headers = [("content-range", &*place), ("content-type", "application/octet-stream")];
    server.send(method, location, &headers, blob.content.slice(range)).await
}

/// Sends the next chunk and checks that it was taken; where to go on.
async fn proceed(server: &Target, location: &str, blob: &Blob, range: Range<usize>) -> String {
    let last = range.end - 1;
    let reply = send(server, "PATCH", location, blob, range).await.expect(202);
    reply.expect_header("range", &format!("0-{last}")).location()
}

/// Closes the session and pulls the blob from where it is said to be.
async fn finish(server: &Target, location: &str, blob: &Blob) {
    let reply = server.put(&with_digest(location, blob.digest), "").await.expect(201).expect_digest(&blob.digest);
    server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
}

async fn a_minimum_length_is_a_number(server: &Target) {
    let reply = server.post(&server.repository().uploads(), "").await.expect(202);
    let minimum = reply.header("oci-chunk-min-length").unwrap_or("0");
    assert!(minimum.parse::<u64>().is_ok(), "{reply}");
}

async fn chunks_are_sent_one_after_the_other(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, SIZE);
        let mut location = server.repository().begin().await;
        for range in [0..1024, 1024..2048, 2048..SIZE] {
            location = proceed(server, &location, &blob, range).await;
        }
        finish(server, &location, &blob).await;
    }
}

async fn a_blob_may_be_one_chunk(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, 512);
        let location = server.repository().begin().await;
        let location = proceed(server, &location, &blob, 0..512).await;
        finish(server, &location, &blob).await;
    }
}

async fn the_last_chunk_may_come_with_the_put(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, SIZE);
        let location = server.repository().begin().await;
        let location = proceed(server, &location, &blob, 0..1024).await;
        let location = proceed(server, &location, &blob, 1024..2048).await;
        let path = with_digest(&location, blob.digest);
        let reply = send(server, "PUT", &path, &blob, 2048..SIZE).await.expect(201).expect_digest(&blob.digest);
        server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
    }
}

async fn the_session_tells_how_much_has_arrived(server: &Target) {
    let blob = Blob::random(Algorithm::Sha256, SIZE);
    let location = server.repository().begin().await;
    let location = proceed(server, &location, &blob, 0..1024).await;
    let reply = server.get(&location).await.expect(204).expect_header("range", "0-1023");
    let location = proceed(server, &reply.location(), &blob, 1024..SIZE).await;
    finish(server, &location, &blob).await;
}

/// Where the session goes on, by its own word, after a chunk was refused.
async fn recover(server: &Target, refused: Reply, location: &str) -> (String, Option<usize>) {
    refused.expect(416);
    let reply = server.get(location).await.expect(204);
    let last = reply.header("range").and_then(|range| range.strip_prefix("0-")).and_then(|last| last.parse().ok());
    (reply.location(), last)
}

async fn a_first_chunk_out_of_order_is_416_and_the_session_goes_on(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, SIZE);
        let location = server.repository().begin().await;
        let refused = send(server, "PATCH", &location, &blob, 1024..2048).await;
        let (location, last) = recover(server, refused, &location).await;
        assert!(last.is_some(), "an empty session has a Range that can be read, too");
        let location = proceed(server, &location, &blob, 0..SIZE).await;
        finish(server, &location, &blob).await;
    }
}

async fn a_later_chunk_out_of_order_is_416_and_the_session_goes_on(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, SIZE);
        let location = server.repository().begin().await;
        let location = proceed(server, &location, &blob, 0..1024).await;
        let refused = send(server, "PATCH", &location, &blob, 2048..SIZE).await;
        let (location, last) = recover(server, refused, &location).await;
        assert_eq!(last, Some(1023));
        let location = proceed(server, &location, &blob, 1024..SIZE).await;
        finish(server, &location, &blob).await;
    }
}

async fn a_chunk_sent_twice_is_416(server: &Target) {
    let blob = Blob::random(Algorithm::Sha256, SIZE);
    let location = server.repository().begin().await;
    let location = proceed(server, &location, &blob, 0..1024).await;
    let refused = send(server, "PATCH", &location, &blob, 0..1024).await;
    let (location, last) = recover(server, refused, &location).await;
    assert_eq!(last, Some(1023));
    let location = proceed(server, &location, &blob, 1024..SIZE).await;
    finish(server, &location, &blob).await;
}

async fn a_malformed_content_range_is_refused(server: &Target) {
    let location = server.repository().begin().await;
    for range in ["0", "-", "7-0", "bytes 0-7/8", "0-7/8", "a-b"] {
        let headers = [("content-range", range)];
        server.send("PATCH", &location, &headers, "12345678").await.expect_any(&[400, 416]);
    }
    server.get(&location).await.expect(204).expect_header("range", "0-0");
}

async fn a_length_that_contradicts_the_range_is_refused(server: &Target) {
    let location = server.repository().begin().await;
    let headers = [("content-range", "0-99")];
    server.send("PATCH", &location, &headers, "12345678").await.expect_error(400, "SIZE_INVALID");
    server.get(&location).await.expect(204).expect_header("range", "0-0");
    let stream = Payload::Streamed(vec!["12345678".into()]);
    server.send("PATCH", &location, &headers, stream).await.expect_error(400, "SIZE_INVALID");
}

async fn a_wrong_digest_is_400_and_leaves_nothing(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let (blob, other) = (Blob::random(algorithm, SIZE), Blob::random(algorithm, SIZE));
        let location = proceed(server, &repository.begin().await, &blob, 0..SIZE).await;
        server.put(&with_digest(&location, other.digest), "").await.expect_error(400, "DIGEST_INVALID");
        server.head(&repository.blob(other.digest)).await.expect(404);
        server.head(&repository.blob(blob.digest)).await.expect(404);
    }
}

async fn a_wrong_digest_with_the_last_chunk_is_400(server: &Target) {
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let (blob, other) = (Blob::random(algorithm, SIZE), Blob::random(algorithm, SIZE));
        let location = proceed(server, &repository.begin().await, &blob, 0..1024).await;
        let path = with_digest(&location, other.digest);
        send(server, "PUT", &path, &blob, 1024..SIZE).await.expect_error(400, "DIGEST_INVALID");
        server.head(&repository.blob(other.digest)).await.expect(404);
    }
}

async fn a_last_chunk_out_of_order_is_416_and_the_session_goes_on(server: &Target) {
    for algorithm in Algorithm::ALL {
        let blob = Blob::random(algorithm, SIZE);
        let location = server.repository().begin().await;
        let location = proceed(server, &location, &blob, 0..1024).await;
        let path = with_digest(&location, blob.digest);
        let refused = send(server, "PUT", &path, &blob, 2048..SIZE).await;
        let (location, last) = recover(server, refused, &path).await;
        assert_eq!(last, Some(1023));
        let path = with_digest(&location, blob.digest);
        let reply = send(server, "PUT", &path, &blob, 1024..SIZE).await.expect(201);
        server.get(&reply.location()).await.expect(200).expect_body(&blob.content);
    }
}
