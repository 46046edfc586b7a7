//! A volume that is full, a small one on purpose: it is said, what is there is pulled, and what does not fit leaves nothing behind.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use support::crane::Crane;
use support::image::Image;
use support::namespace::in_namespace;
use support::wait::eventually;

use crate::disk;

/// Size of the volume, and of the images.
const VOLUME: usize = 16 << 20;
const IMAGE: usize = 6 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_volume_is_said_and_pulls_go_on() -> Result<()> {
    in_namespace("full_volume", async |namespace| {
        disk::claim(&namespace, VOLUME).await?;
        let team = namespace.registry("team").spec(disk::STORAGE)?.ready().await?;
        let crane = Crane::with(&team, "push").await?;
        let images = [Image::random(1, IMAGE)?, Image::random(1, IMAGE)?, Image::random(1, IMAGE)?];
        crane.push(&images[0], "app:1").await?;
        crane.push(&images[1], "app:2").await?;
        let said = crane.push_refused(&images[2], "app:3").await?;
        ensure!(said.contains("storage is full"), "{said}");

        // The next question to the Pod would come within five minutes; it comes with every change of the Deployment.
        let touch = Patch::Merge(json!({"metadata": {"annotations": {"example.com/touched": "yes"}}}));
        namespace.api::<Deployment>().patch("team", &PatchParams::default(), &touch).await?;
        team.until_condition("StorageReady", "False", "PersistentVolumeClaim disk is full").await?;
        eventually("a warning of it", async || {
            let events = namespace.api::<Event>().list(&ListParams::default()).await?;
            ensure!(events.iter().any(|event| event.reason.as_deref() == Some("VolumeFull")), "there is none");
            Ok(())
        })
        .await?;
        team.until_condition("Ready", "True", "images are served").await?;
        let crane = Crane::with(&team, "pull").await?;
        crane.pull_same(&images[0], "app:1").await?;
        crane.pull_same(&images[1], "app:2").await
    })
    .await
}
