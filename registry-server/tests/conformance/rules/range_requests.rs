//! Parts of blobs: `GET` with `Range` (end-2; RFC 9110, section 14).

use registry_server::oci::Algorithm;

use crate::{reply::Reply, rule::section, target::Target};

section! {
    "Pulling blobs: range requests";
    V1_1:
        a_part_is_sent_with_its_place,
        a_part_may_reach_to_the_end,
        the_last_bytes_may_be_asked_for,
        a_part_that_reaches_too_far_is_cut,
        an_inverted_range_is_416,
        a_range_past_the_end_is_416,
        blobs_say_that_parts_can_be_asked_for
}

const SIZE: usize = 2048;

/// The answer to `range` of a blob, for each algorithm, and the blob's bytes.
async fn parts(server: &Target, range: &str) -> Vec<(Reply, bytes::Bytes)> {
    let mut replies = Vec::new();
    for algorithm in Algorithm::ALL {
        let repository = server.repository();
        let blob = repository.push_random(algorithm, SIZE).await;
        let reply = server.send("GET", &repository.blob(blob.digest), &[("range", range)], "").await;
        replies.push((reply, blob.content));
    }
    replies
}

/// `range` gets the bytes from `first` to `last`.
async fn expect_part(server: &Target, range: &str, first: usize, last: usize) {
    for (reply, content) in parts(server, range).await {
        let reply = reply.expect(206).expect_body(&content[first..=last]);
        let reply = reply.expect_header("content-length", &(last - first + 1).to_string());
        reply.expect_header("content-range", &format!("bytes {first}-{last}/{SIZE}"));
    }
}

async fn a_part_is_sent_with_its_place(server: &Target) {
    expect_part(server, "bytes=500-1499", 500, 1499).await;
}

async fn a_part_may_reach_to_the_end(server: &Target) {
    expect_part(server, "bytes=500-", 500, SIZE - 1).await;
}

async fn the_last_bytes_may_be_asked_for(server: &Target) {
    expect_part(server, "bytes=-500", SIZE - 500, SIZE - 1).await;
}

async fn a_part_that_reaches_too_far_is_cut(server: &Target) {
    expect_part(server, "bytes=2000-5000", 2000, SIZE - 1).await;
}

async fn an_inverted_range_is_416(server: &Target) {
    for (reply, _) in parts(server, "bytes=500-0").await {
        reply.expect(416);
    }
}

async fn a_range_past_the_end_is_416(server: &Target) {
    for (reply, _) in parts(server, "bytes=5000-10000").await {
        reply.expect(416).expect_header("content-range", &format!("bytes */{SIZE}"));
    }
}

async fn blobs_say_that_parts_can_be_asked_for(server: &Target) {
    let repository = server.repository();
    let blob = repository.push_random(Algorithm::Sha256, 8).await;
    server.head(&repository.blob(blob.digest)).await.expect(200).expect_header("accept-ranges", "bytes");
}
