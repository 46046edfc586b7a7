//! Nothing makes the operator run hot: neither somebody who keeps undoing what it does, nor what is refused for ever.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::StreamExt as _;
use http::StatusCode;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;
use support::control_plane::{Asked, Fault, on_control_plane};
use support::figure::figure;
use support::wait::eventually;

/// How long requests are counted.
const WHILE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn who_fights_over_a_child_is_answered_twelve_times_a_minute_and_others_do_not_notice() -> Result<()> {
    on_control_plane("fight", async |stage| {
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        stage.namespace.registry("team").ready().await?;
        let fighter = tokio::spawn(fight(stage.namespace.api()));
        eventually("the operator to put passes off", async || {
            ensure!(operator.metric("passes_deferred_total").await? > 0.0, "it does not");
            Ok(())
        })
        .await?;

        let before = operator.requests().await?;
        stage.namespace.registry("other").ready().await?;
        let others = operator.requests().await?.since(&before).total();
        let before = operator.requests().await?;
        // Here the rate is what is tested.
        tokio::time::sleep(WHILE).await;
        let asked = operator.requests().await?.since(&before).at_rest();
        fighter.abort();
        figure("hot_loop: requests in 30 s of a fight", asked.total());
        // Six passes; the first second of `other` may still be in it.
        ensure!(asked.total() <= 6 * 3 + others, "the operator runs hot: {asked:?}");
        Ok(())
    })
    .await
}

/// Undoes what the operator writes as soon as it is written.
async fn fight(services: Api<Service>) {
    let config = watcher::Config::default().fields("metadata.name=team");
    let mut changes = watcher(services.clone(), config).default_backoff().applied_objects().boxed();
    while changes.next().await.is_some() {
        let patch = json!({"metadata": {"labels": {"app.kubernetes.io/component": "mine"}}});
        // Refused only when the namespace goes.
        let _ = services.patch("team", &PatchParams::default(), &Patch::Merge(patch)).await;
    }
}

#[tokio::test]
async fn what_is_refused_for_ever_is_asked_for_less_and_less_often() -> Result<()> {
    on_control_plane("refused", async |stage| {
        let proxy = stage.proxy().await?;
        proxy.inject(|asked: &Asked| {
            asked.writes("persistentvolumeclaims").then(|| Fault::answer(StatusCode::FORBIDDEN))
        });
        let operator = stage.operator()?.kubeconfig(stage.kubeconfig_through(&proxy)?).start().await?;
        let team = stage.namespace.registry("team").created().await?;
        team.until_condition("Reconciling", "True", "refused by the proxy of a test").await?;
        eventually("a few attempts", async || {
            ensure!(operator.sum("api_errors_total", r#"code="403""#).await? >= 4.0, "too few");
            Ok(())
        })
        .await?;
        ensure!(operator.metric("objects_in_backoff").await? == 1.0, "{}", operator.metrics().await?);

        let before = operator.requests().await?;
        // Here the rate is what is tested.
        tokio::time::sleep(WHILE).await;
        let asked = operator.requests().await?.since(&before).at_rest();
        figure("hot_loop: requests in 30 s of a refusal", asked.total());
        ensure!(asked.total() < 20, "the operator runs hot: {asked:?}");
        proxy.heal();
        Ok(())
    })
    .await
}
