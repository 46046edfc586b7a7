//! Manifests: which go, and what they keep.

use insta::assert_snapshot;
use registry_server::registry::collect::{Options, Summary};
use serde_json::json;

use super::{DEFAULT, NO_GRACE, UNTAGGED, catalog, delete, files, has, index, put, put_untagged, referrer, text};
use crate::support::{OCI_IMAGE, OCI_INDEX, on_a_directory, on_every_store, sha256};

#[test]
fn a_deleted_image_goes_at_once_and_takes_its_repository_with_it() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        server.push_image("app-2", "v1", "y").await;
        delete(&server, &format!("app/manifests/{digest}")).await;
        let (lines, summary) = server.collect(DEFAULT).await;
        assert_snapshot!(text(&lines), @r"
        app
        app-2
        app-2: marking manifest sha256:a48641 
        app-2: marking blob sha256:c25a0b
        app-2: marking blob sha256:dac1d7

        3 blobs marked, 2 blobs and 0 manifests eligible for deletion
        blob eligible for deletion: sha256:60f627
        blob eligible for deletion: sha256:963818
        app: layer link eligible for deletion: sha256:60f627
        app: layer link eligible for deletion: sha256:dac1d7
        app: empty repository eligible for deletion

        removed: 2 blobs (375 bytes), 0 manifests, 2 layer links and 1 repositories; 0 blobs and manifests kept because they were uploaded or confirmed lately; 0 problems
        ");
        assert_eq!((summary.blobs, summary.links, summary.repositories), (2, 2, 1));
        assert_eq!(catalog(&server).await, json!(["app-2"]));
        assert!(has(&server, "app-2/manifests/v1").await);
        assert!(!has(&server, &format!("app/blobs/{}", sha256("layer"))).await);
        server.push_image("app", "v1", "x").await;
        assert!(has(&server, &format!("app/blobs/{}", sha256("config x"))).await);
    });
}

#[test]
fn a_dry_run_tells_the_same_and_changes_nothing() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("app", "v1", "x").await;
        server.push_image("app", "v1", "y").await;
        let before = files(&root);
        let (dry, planned) = server.collect(Options { dry_run: true, ..UNTAGGED }).await;
        assert_eq!(files(&root), before);
        assert!(has(&server, &format!("app/manifests/{digest}")).await);
        let (wet, summary) = server.collect(UNTAGGED).await;
        assert_eq!(dry[..dry.len() - 1], wet[..wet.len() - 1]);
        assert_eq!(planned, summary);
        assert!(
            text(&dry).contains(&format!("manifest eligible for deletion: {{app {} [v1]}}", &digest.to_string()[..13]))
        );
        let (quiet, nothing) = server.collect(Options { quiet: true, ..UNTAGGED }).await;
        assert_eq!((quiet, nothing), (vec![], Summary::default()));
    });
}

#[test]
fn untagged_manifests_go_only_when_asked_to() {
    on_every_store(async |server| {
        let old = server.push_image("app", "v1", "x").await;
        let new = server.push_image("app", "v1", "y").await;
        assert_eq!(server.collect(DEFAULT).await.1, Summary::default());
        assert!(has(&server, &format!("app/manifests/{old}")).await);
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.blobs, summary.links), (1, 2, 1));
        assert!(!has(&server, &format!("app/manifests/{old}")).await);
        assert!(has(&server, &format!("app/manifests/{new}")).await);
        assert!(has(&server, &format!("app/blobs/{}", sha256("layer"))).await, "what both had stays");
    });
}

#[test]
fn a_deleted_tag_leaves_an_untagged_manifest() {
    on_every_store(async |server| {
        let digest = server.push_image("app", "v1", "x").await;
        delete(&server, "app/manifests/v1").await;
        server.collect(DEFAULT).await;
        assert!(has(&server, &format!("app/manifests/{digest}")).await);
        assert_eq!(server.collect(UNTAGGED).await.1.repositories, 1);
        assert_eq!(catalog(&server).await, json!([]));
    });
}

#[test]
fn what_an_index_lists_stays_in_any_depth() {
    on_every_store(async |server| {
        let amd64 = put_untagged(&server, "app", OCI_IMAGE, &server.image("app", "amd64").await).await;
        let arm64 = put_untagged(&server, "app", OCI_IMAGE, &server.image("app", "arm64").await).await;
        let inner = put_untagged(&server, "app", OCI_INDEX, &index(&[&amd64])).await;
        let outer = put(&server, "app", "v1", OCI_INDEX, &index(&[&inner, &arm64])).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
        delete(&server, &format!("app/manifests/{outer}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.repositories, summary.kept), (3, 1, 0));
    });
}

#[test]
fn a_part_of_an_index_that_is_still_being_pushed_stays_for_a_while() {
    on_every_store(async |server| {
        let part = put_untagged(&server, "app", OCI_IMAGE, &server.image("app", "amd64").await).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.blobs, summary.kept), (0, 0, 1));
        assert!(has(&server, &format!("app/manifests/{part}")).await);
        put(&server, "app", "v1", OCI_INDEX, &index(&[&part])).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
    });
}

#[test]
fn referrers_stay_with_their_subject_and_go_with_it() {
    on_every_store(async |server| {
        let image = server.push_image("app", "v1", "x").await;
        let signature = referrer(&server, "app", &image, "signature").await;
        let signature = put_untagged(&server, "app", OCI_IMAGE, &signature).await;
        let countersigned = referrer(&server, "app", &signature, "countersigned").await;
        let countersigned = put_untagged(&server, "app", OCI_IMAGE, &countersigned).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
        let referrers = server.get(&format!("/v2/app/referrers/{image}")).await.json();
        assert_eq!(referrers["manifests"][0]["digest"], json!(signature));

        delete(&server, &format!("app/manifests/{image}")).await;
        assert_eq!(server.collect(UNTAGGED).await.1.manifests, 2);
        for gone in [signature, countersigned] {
            assert!(!has(&server, &format!("app/manifests/{gone}")).await);
        }
        let referrers = server.get(&format!("/v2/app/referrers/{image}")).await.json();
        assert_eq!(referrers["manifests"], json!([]));
    });
}

#[test]
fn a_signature_may_wait_for_what_it_signs() {
    on_every_store(async |server| {
        let subject = sha256("not pushed yet");
        let early = referrer(&server, "app", &subject, "early").await;
        put_untagged(&server, "app", OCI_IMAGE, &early).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.kept), (0, 1));
        assert_eq!(server.collect(NO_GRACE).await.1.manifests, 1);
    });
}

#[test]
fn the_fallback_tag_goes_with_its_subject() {
    on_every_store(async |server| {
        let image = server.push_image("app", "v1", "x").await;
        let signature = referrer(&server, "app", &image, "signature").await;
        let signature = put_untagged(&server, "app", OCI_IMAGE, &signature).await;
        let fallback = image.to_string().replace(':', "-");
        put(&server, "app", &fallback, OCI_INDEX, &index(&[&signature])).await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default());
        delete(&server, &format!("app/manifests/{image}")).await;
        assert_eq!(server.collect(DEFAULT).await.1.manifests, 0, "manifests stay unless asked to");
        server.push_image("app", "v2", "x").await;
        assert_eq!(server.collect(NO_GRACE).await.1, Summary::default(), "the subject is back");
        delete(&server, &format!("app/manifests/{image}")).await;
        let summary = server.collect(UNTAGGED).await.1;
        assert_eq!((summary.manifests, summary.repositories), (2, 1));
    });
}
