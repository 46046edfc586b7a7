//! What keeps a copy of a pull Secret from being made, and what goes on with copies while their registry is paused.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::{Operator, Options, Stage, on_control_plane, on_own_control_plane};
use support::manifest::at;
use support::pki::Authority;
use support::registry::{Registry, condition};
use support::wait::eventually;

use crate::place::{Place, TAKES, copy_name, until_counted};

const EVERYWHERE: &str = "{pullSecrets: {namespaceSelector: {}}}";

/// An operator of the test's namespace and of this one, which takes copies.
async fn operator_of(stage: &Stage<'_>, hall: &Place) -> Result<Operator> {
    let watched = format!("--watch-namespaces={}", hall.name);
    let listed = format!("--pull-secret-namespaces={}", hall.name);
    stage.operator()?.flags([watched.as_str(), listed.as_str()]).start().await
}

#[tokio::test]
async fn without_the_right_to_list_namespaces_a_registry_says_so_and_serves() -> Result<()> {
    on_own_control_plane("waiting", Options::default(), async |stage| {
        let rights = stage.plane.set_verbs("namespaces", &["watch"]).await?;
        let _operator = stage.operator_of_cluster()?.flags(["--leader-elect=false"]).start().await?;
        let _controllers = stage.play_controllers();
        let hall = Place::new(stage, "hall", json!({TAKES: "true"})).await?;
        let team = stage.namespace.registry("team").spec(EVERYWHERE)?.created().await?;
        let told =
            team.until_condition("CredentialsReady", "False", "check that the operator's role allows list").await?;
        ensure!(told["reason"] == "WaitingForNamespaces", "{told}");
        let serving = team.until_ready().await?;
        ensure!(at(&serving, "/status/pullSecrets").is_null(), "counted without having looked: {:?}", serving.data);

        stage.plane.set_verbs("namespaces", &rights).await?;
        hall.until_copy_of(&team).await?;
        team.until_condition("CredentialsReady", "True", "other namespaces with the pull Secret: 1").await.map(drop)
    })
    .await
}

#[tokio::test]
async fn what_is_larger_than_64_kib_is_not_copied_and_the_registry_says_what_to_shorten() -> Result<()> {
    on_control_plane("large", async |stage| {
        let hall = Place::new(stage, "hall", json!({})).await?;
        let _operator = operator_of(stage, &hall).await?;
        let _controllers = stage.play_controllers();
        let authority = Authority::new("the one that counts")?;
        let leaf = authority.issue(&["team"])?;
        let mut authorities = authority.certificate();
        while authorities.len() <= 64 * 1024 {
            authorities += &Authority::new("one of many")?.certificate();
        }
        let write = async |ca: &str| {
            let values = [("tls.crt", leaf.certificate.as_str()), ("tls.key", leaf.key.as_str()), ("ca.crt", ca)];
            stage.namespace.put_secret("own", "kubernetes.io/tls", values).await
        };
        write(&authorities).await?;
        let spec = json!({"tls": {"secretRef": {"name": "own"}}, "pullSecrets": {"namespaceSelector": {}}});
        let team = stage.namespace.registry("team").spec(&spec.to_string())?.created().await?;
        let refused = "no copy of more than 65536 is made: shorten ca.crt in the Secret of spec.tls.secretRef";
        team.until_condition("CredentialsReady", "False", refused).await?;
        until_counted(&team, 0, 1).await?;
        ensure!(hall.secret_names().await?.is_empty(), "{:?}", hall.secret_names().await?);
        ensure!(team.credentials("pull").await?.ca.len() > 64 * 1024, "its own namespace is told all of them");

        write(&authority.certificate()).await?;
        hall.until_copy_of(&team).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn copies_of_a_paused_registry_get_new_passwords_and_neither_come_nor_go() -> Result<()> {
    on_control_plane("paused", async |stage| {
        let hall = Place::new(stage, "hall", json!({})).await?;
        let _operator = operator_of(stage, &hall).await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").spec(EVERYWHERE)?.ready().await?;
        let late = stage.namespace.registry("late").ready().await?;
        hall.until_copy_of(&team).await?;
        for registry in [&team, &late] {
            registry.annotate("privateregistry.io/paused", "true").await?;
            registry.until("Paused", |object| condition(object, "Reconciling")["reason"] == "Paused").await?;
        }

        // One may not go any more, the other not come.
        team.apply(json!({})).await?;
        late.apply(json!({"pullSecrets": {"namespaceSelector": {}}})).await?;
        for registry in [&team, &late] {
            rotate(&stage.namespace.api(), registry).await?;
        }
        hall.until_copy_of(&team).await?;
        ensure!(hall.secret_names().await? == [copy_name(&team)], "{:?}", hall.secret_names().await?);

        for registry in [&team, &late] {
            registry.annotate("privateregistry.io/paused", Value::Null).await?;
        }
        hall.until_no_copy_of(&team).await?;
        hall.until_copy_of(&late).await.map(drop)
    })
    .await
}

/// Has another password generated for the pull user, and waits until clients are told.
async fn rotate(secrets: &Api<Secret>, registry: &Registry) -> Result<()> {
    let before = registry.credentials("pull").await?.password;
    let forget = Patch::Merge(json!({"data": {"pull": null}}));
    secrets.patch(&format!("{}-credentials", registry.name()), &PatchParams::default(), &forget).await?;
    eventually("another password", async || {
        ensure!(registry.credentials("pull").await?.password != before, "it is still the old one");
        Ok(())
    })
    .await
}
