//! What was pushed stays: when the Pod goes, and when the resource goes and comes back.

use anyhow::Result;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use support::crane::Crane;
use support::image::Image;
use support::namespace::in_namespace;
use support::wait::until_gone;

#[tokio::test(flavor = "multi_thread")]
async fn images_survive_their_pod_and_their_resource() -> Result<()> {
    in_namespace("persistence", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let image = Image::random(2, 1 << 20)?;
        Crane::with(&team, "push").await?.push(&image, "app:1").await?;
        let claim = namespace.api::<PersistentVolumeClaim>().get("team").await?;

        let pod = team.pod().await?;
        namespace.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default()).await?;
        until_gone(&namespace.api::<Pod>(), &pod.name_any()).await?;
        team.pod().await?;
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await?;

        team.delete().await?;
        team.until_children_gone().await?;
        let team = namespace.registry("team").ready().await?;
        let taken_over = namespace.api::<PersistentVolumeClaim>().get("team").await?;
        assert_eq!(taken_over.uid(), claim.uid(), "the new resource takes the claim over");
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await
    })
    .await
}
