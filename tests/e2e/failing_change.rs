//! A change that breaks the server does not take it down without saying so.

use anyhow::Result;
use serde_json::json;
use support::crane::Crane;
use support::image::Image;
use support::namespace::in_namespace;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_breaks_the_server_is_told_and_taken_back() -> Result<()> {
    in_namespace("failing_change", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let image = Image::random(1, 1 << 20)?;
        Crane::with(&team, "push").await?.push(&image, "app:1").await?;
        let uid = team.pod().await?.metadata.uid;

        // What can be told before is no reason to end a Pod.
        team.apply(json!({"config": {"http": {"prefix": "hub"}}})).await?;
        team.until_condition("Stalled", "True", "http.prefix is hub").await?;
        assert_eq!(team.pod().await?.metadata.uid, uid);

        // Of what is in a Secret only the server knows whether it makes sense.
        namespace.put_secret("levels", "Opaque", [("level", "loud")]).await?;
        let level =
            json!({"name": "REGISTRY_LOG_LEVEL", "valueFrom": {"secretKeyRef": {"name": "levels", "key": "level"}}});
        team.apply(json!({"env": [level]})).await?;
        let told = team.until_condition("Ready", "False", "the server ended with exit code").await?;
        assert!(told["message"].as_str().is_some_and(|message| message.contains("has to be error")), "{told}");
        assert_eq!(told["reason"], "ServerEnded");

        team.apply(json!({"image": "localhost/nowhere/server:1"})).await?;
        let told = team.until_condition("Ready", "False", "localhost/nowhere/server:1").await?;
        assert!(
            told["message"]
                .as_str()
                .is_some_and(|message| message.contains("Generation 1 of this resource has served"))
        );
        assert_eq!(told["reason"], "ImageNotPulled");

        team.apply(json!({})).await?;
        team.until_ready().await?;
        Crane::with(&team, "pull").await?.pull_same(&image, "app:1").await
    })
    .await
}
