//! Damaged stores, and repositories below others: nothing that is needed is lost.

use std::fs;

use insta::assert_snapshot;
use registry_server::oci::Digest;
use registry_server::registry::collect::Line;
use serde_json::json;

use super::{NO_GRACE, UNTAGGED, catalog, delete, has, text};
use crate::support::{Server, on_a_directory, open, options, sha256};

#[test]
fn damage_is_told_and_nothing_is_lost_to_it() {
    on_a_directory(async |server, root| {
        let broken = server.push_image("broken", "v1", "x").await;
        let fine = server.push_image("fine", "v1", "y").await;
        server.push_image("fine", "gone", "z").await;
        let stray = server.push_blob("broken", "stray").await;
        drop(server);
        let registry = root.join("docker/registry/v2");
        let blob = |digest: &Digest| {
            let hex = digest.hex();
            registry.join("blobs/sha256").join(&hex[..2]).join(hex).join("data")
        };
        fs::write(blob(&broken), "").unwrap();
        fs::write(blob(&sha256("layer")), "lay").unwrap();
        fs::remove_file(blob(&sha256("config y"))).unwrap();
        fs::write(registry.join("repositories/fine/_manifests/tags/gone/current/link"), "").unwrap();
        let dangling = registry.join("repositories/fine/_manifests/tags/dangling/current");
        fs::create_dir_all(&dangling).unwrap();
        fs::write(dangling.join("link"), broken.to_string()).unwrap();

        let server = Server::new(open(root), options());
        let (lines, summary) = server.collect(NO_GRACE).await;
        let problems: Vec<Line> = lines.into_iter().filter(|line| matches!(line, Line::Problem(_))).collect();
        assert_snapshot!(text(&problems), @"
        ! broken: manifest sha256:963818 is damaged or missing: push it again, or delete it
        ! broken: nothing is removed as long as manifests of it are damaged
        ! fine: the link of tag gone is damaged: push the tag again
        ! fine: tag dangling points at sha256:963818, which is not there
        ! blob sha256:dac1d7 has 3 bytes, manifests say 5: if it is damaged, push it again
        ! blob sha256:c25a0b is missing, although manifests name it: push it again
        ");
        assert_eq!(summary.problems as usize, problems.len());
        assert_eq!((summary.manifests, summary.repositories), (1, 0), "the one whose tag is damaged");
        assert!(has(&server, &format!("fine/manifests/{fine}")).await);
        assert!(has(&server, &format!("broken/blobs/{stray}")).await);
        server.push_image("broken", "v1", "x").await;
        assert!(has(&server, "broken/manifests/v1").await, "a push mends it");
    });
}

#[test]
fn repositories_below_an_empty_one_stay() {
    on_a_directory(async |server, root| {
        let digest = server.push_image("team/app", "v1", "x").await;
        server.push_image("team/app/test", "v1", "x").await;
        let deep = server.push_image("lone/ly/deep", "v1", "x").await;
        delete(&server, &format!("team/app/manifests/{digest}")).await;
        delete(&server, &format!("lone/ly/deep/manifests/{deep}")).await;
        assert_eq!(server.collect(UNTAGGED).await.1.repositories, 2);
        assert_eq!(catalog(&server).await, json!(["team/app/test"]));
        assert!(has(&server, "team/app/test/manifests/v1").await);
        let repositories = root.join("docker/registry/v2/repositories");
        assert!(!repositories.join("lone").exists(), "no empty directories above either");
        assert_eq!(server.get("/v2/team/app/tags/list").await.status, 404);
    });
}
