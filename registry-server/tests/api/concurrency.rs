//! Several requests at once.

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt, channel::mpsc, future::join_all};

use crate::support::{on_every_store, sha256};

#[test]
fn one_blob_pushed_by_many_is_one_blob() {
    on_every_store(async |server| {
        let content = "popular".repeat(50_000);
        join_all((0..8).map(|index| server.push_blob(if index % 2 == 0 { "a" } else { "b" }, content.clone()))).await;
        let digest = sha256(&content);
        for repository in ["a", "b"] {
            assert!(server.get(&format!("/v2/{repository}/blobs/{digest}")).await.body == content);
        }
    });
}

#[test]
fn one_tag_pushed_by_many_points_at_one_of_them() {
    on_every_store(async |server| {
        let marks: Vec<String> = (0..8).map(|index| index.to_string()).collect();
        let digests = join_all(marks.iter().map(|mark| server.push_image("app", "v1", mark))).await;
        let reply = server.get("/v2/app/manifests/v1").await;
        assert!(digests.iter().any(|digest| reply.header("docker-content-digest") == Some(&*digest.to_string())));
    });
}

#[test]
fn a_push_and_a_deletion_leave_no_tag_that_points_at_nothing() {
    on_every_store(async |server| {
        for _ in 0..20 {
            let digest = server.push_image("app", "v1", "x").await;
            let target = format!("/v2/app/manifests/{digest}");
            futures::join!(server.push_image("app", "v2", "x"), server.delete(&target));
            for tag in server.get("/v2/app/tags/list").await.json()["tags"].as_array().unwrap() {
                let target = format!("/v2/app/manifests/{}", tag.as_str().unwrap());
                assert_eq!(server.get(&target).await.status, 200, "{target}");
            }
        }
    });
}

#[test]
fn a_second_request_of_a_session_waits_for_the_first() {
    on_every_store(async |server| {
        let location = server.begin_upload("app").await;
        let (sender, frames) = mpsc::unbounded();
        let body = Body::from_stream(frames.map(Ok::<Bytes, std::io::Error>));
        sender.unbounded_send(Bytes::from_static(b"first ")).unwrap();
        let first = server.call("PATCH", &location, &[], body);
        let digest = sha256("first second");
        let target = format!("{location}&digest={digest}");
        let last = async {
            tokio::task::yield_now().await;
            server.call("PUT", &target, &[], "second").await
        };
        let end = async {
            // By the time another upload was begun, the second request has come as far as it may.
            server.begin_upload("other").await;
            drop(sender);
        };
        let (first, last, ()) = futures::join!(first, last, end);
        assert_eq!((first.status.as_u16(), last.status.as_u16()), (202, 201), "{first}\n{last}");
    });
}
