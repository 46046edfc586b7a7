//! Deleting the resource removes all it made, apart from the data, unless the data was meant to go too.

use anyhow::Result;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use support::namespace::in_namespace;
use support::wait::until_gone;

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_stays_and_everything_else_goes() -> Result<()> {
    in_namespace("deletion", async |namespace| {
        let team = namespace.registry("team").ready().await?;

        team.delete().await?;

        team.until_children_gone().await?;
        let claim = namespace.api::<PersistentVolumeClaim>().get("team").await?;
        assert_eq!(claim.metadata.deletion_timestamp, None, "the claim stays");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_goes_too_when_the_spec_says_delete() -> Result<()> {
    in_namespace("deletion", async |namespace| {
        let team = namespace.registry("team").spec("{storage: {deletionPolicy: Delete}}")?.ready().await?;

        team.delete().await?;

        team.until_children_gone().await?;
        until_gone(&namespace.api::<PersistentVolumeClaim>(), "team").await
    })
    .await
}
