//! Passwords change without a restart and without a gap, and a mistake in a Secret is told and breaks nothing.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use support::namespace::in_namespace;
use support::registry::restarts;
use support::wait::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_password_works_without_restarting_the_pod() -> Result<()> {
    in_namespace("credentials", async |namespace| {
        let team = namespace.registry("team").users(["ci"]).ready().await?;
        let pod = team.pod().await?;
        team.accepts("ci", "first").await?;

        team.set_password("ci", "second").await?;

        team.eventually_accepts("ci", "second").await?;
        team.eventually_refuses("ci", "first").await?;
        assert_eq!(team.pod().await?.uid(), pod.uid(), "the server re-reads htpasswd by itself");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_the_pull_secret_never_notices_its_rotation() -> Result<()> {
    in_namespace("credentials", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let pod = team.pod().await?;
        let first = team.credentials("pull").await?;

        let forget = Patch::Merge(json!({"data": {"pull": null}}));
        let secrets = namespace.api::<Secret>();
        secrets.patch("team-credentials", &PatchParams::default(), &forget).await?;

        // A client in parallel to the rotation, from its first step until the old password is refused.
        let mut asked = 0;
        loop {
            let pull = team.credentials("pull").await?;
            let status = team.get("/v2/_catalog", Some(pull.login())).await?.status;
            assert_eq!(status, 200, "request {asked}, with the Secret read just before");
            asked += 1;
            if pull.password != first.password && team.refuses("pull", &first.password).await.is_ok() {
                break;
            }
        }
        assert_eq!(team.pod().await?.uid(), pod.uid(), "the server re-reads htpasswd by itself");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_password_is_named_and_put_right_by_writing_it() -> Result<()> {
    in_namespace("credentials", async |namespace| {
        let spec = "{auth: {users: [{name: ci, access: Push, passwordSecretRef: {name: forgotten, key: word}}]}}";
        let team = namespace.registry("team").spec(spec)?.created().await?;

        team.until_condition("CredentialsReady", "False", "forgotten").await?;
        team.until_condition("Ready", "False", "forgotten").await?;

        namespace.put_secret("forgotten", "Opaque", [("other", "value")]).await?;
        team.until_condition("CredentialsReady", "False", "word").await?;

        namespace.put_secret("forgotten", "Opaque", [("word", "found")]).await?;
        team.until_ready().await?;
        team.eventually_accepts("ci", "found").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_cannot_be_one_keeps_the_last_good_one() -> Result<()> {
    in_namespace("credentials", async |namespace| {
        let team = namespace.registry("team").users(["ci"]).ready().await?;

        for (wrong, said) in [("", "is empty"), ("with a NUL \0 inside", "NUL"), (&"x".repeat(73), "73 bytes")] {
            team.set_password("ci", wrong).await?;
            let condition = team.until_condition("CredentialsReady", "False", said).await?;
            assert!(condition["message"].to_string().contains("ci-password"), "it names the Secret: {condition}");
            team.accepts("ci", "first").await?;
        }

        team.set_password("ci", "second").await?;
        team.until_ready().await?;
        team.eventually_accepts("ci", "second").await?;
        assert_eq!(restarts(&team.pod().await?), 0, "nothing has crashed");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_generated_secret_is_made_whole() -> Result<()> {
    in_namespace("credentials", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let secrets = namespace.api::<Secret>();

        for (name, key) in
            [("team-htpasswd", "htpasswd"), ("team-pull", ".dockerconfigjson"), ("team-push", "password")]
        {
            let damage = Patch::Merge(json!({"stringData": {key: "{}"}}));
            let damaged = secrets.patch(name, &PatchParams::default(), &damage).await?;
            eventually(&format!("key {key} of Secret {name} to be put right"), async || {
                let data = secrets.get(name).await?.data.unwrap_or_default();
                let value = data.get(key).with_context(|| format!("no key {key}"))?;
                anyhow::ensure!(value.0.len() > 2, "it is still {:?}", damaged.metadata.resource_version);
                Ok(())
            })
            .await?;
        }

        team.until_ready().await?;
        let push = team.credentials("push").await?;
        team.eventually_accepts("push", &push.password).await?;
        assert_eq!(restarts(&team.pod().await?), 0, "nothing has crashed");
        Ok(())
    })
    .await
}
