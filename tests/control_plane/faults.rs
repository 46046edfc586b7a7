//! The API server and the way to it fail in every way they can: the operator comes to its end all the same, with few requests,
//! issues nothing twice, and says in its metrics what it was refused.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::{Method, StatusCode};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;
use support::control_plane::{
    Asked, Fault, Operator, Options, Requests, Stage, first, on_control_plane, on_own_control_plane,
};
use support::figure::figure;
use support::wait::until;

/// Longer than the longest pause of an operator after a handful of failures.
const REST: Duration = Duration::from_secs(10);
/// Requests for one registry from nothing to rest and through one change, faults included; without any it is about 50.
const ENOUGH: u64 = 150;

/// A registry is made and changed while requests meet `rule`. Returns the operator at rest, and what it has asked.
async fn survive(
    test: &str,
    rule: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static,
    examine: impl AsyncFnOnce(&Operator, &Requests) -> Result<()>,
) -> Result<()> {
    on_control_plane(test, async |stage| {
        let proxy = stage.proxy().await?;
        proxy.inject(rule);
        let operator = stage.operator()?.kubeconfig(stage.kubeconfig_through(&proxy)?).start().await?;
        let _controllers = stage.play_controllers();
        let witness = stage.witness();
        let team = stage.namespace.registry("team").ready().await?;
        team.apply(json!({"imagePullPolicy": "Always"})).await?;
        until_changed(stage).await?;
        let requests = operator.until_at_rest(REST).await?.at_rest();
        figure(&format!("faults: requests, {test}"), requests.total());
        ensure!(requests.total() < ENOUGH, "too many requests: {requests:?}");
        witness.ensure_issued_once("team")?;
        examine(&operator, &requests).await
    })
    .await
}

async fn until_changed(stage: &Stage<'_>) -> Result<()> {
    let pulls = |deployment: &Deployment| {
        let spec = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        spec.is_some_and(|spec| spec.containers[0].image_pull_policy.as_deref() == Some("Always"))
    };
    until(&stage.namespace.api::<Deployment>(), "team", "the changed policy", pulls).await.map(drop)
}

/// Watches and lists apart, every request about an object.
fn about_objects(asked: &Asked) -> bool {
    !asked.watch && asked.path.contains("/namespaces/") && asked.method != Method::GET
}

#[tokio::test]
async fn without_faults_it_takes_few_requests() -> Result<()> {
    survive(
        "no_faults",
        |_| None,
        async |operator, _| {
            ensure!(operator.sum("api_errors_total", "").await? == 0.0, "{}", operator.metrics().await?);
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn conflicts_are_tried_again() -> Result<()> {
    survive("conflict", first(4, Fault::answer(StatusCode::CONFLICT), about_objects), async |operator, _| {
        ensure!(operator.sum("api_errors_total", r#"code="409""#).await? == 4.0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_api_server_with_too_much_to_do_is_given_time() -> Result<()> {
    survive("too_many_requests", first(4, Fault::too_many_requests(1), about_objects), async |operator, _| {
        ensure!(operator.sum("api_errors_total", r#"code="429""#).await? == 4.0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn errors_of_the_api_server_are_tried_again() -> Result<()> {
    let failing = first(4, Fault::answer(StatusCode::INTERNAL_SERVER_ERROR), about_objects);
    survive("internal_error", failing, async |operator, _| {
        ensure!(operator.sum("api_errors_total", r#"code="500""#).await? == 4.0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_slow_api_server_is_waited_for() -> Result<()> {
    survive("slow", |_: &Asked| Some(Fault::Delay(Duration::from_millis(500))), async |_, _| Ok(())).await
}

#[tokio::test]
async fn watches_that_end_early_are_opened_again() -> Result<()> {
    let cut = first(40, Fault::Cut(Duration::from_millis(500)), |asked: &Asked| asked.watch);
    survive("dropped_watches", cut, async |_, _| Ok(())).await
}

#[tokio::test]
async fn a_version_that_is_gone_is_listed_anew() -> Result<()> {
    // Whichever watches come first, that of Secrets meets both.
    let secrets = |asked: &Asked| asked.watch && asked.path.ends_with("/secrets");
    let others = |asked: &Asked| asked.watch && !asked.path.ends_with("/secrets");
    let gone = Fault::answer(StatusCode::GONE);
    let (gone, gone_elsewhere) = (first(1, gone.clone(), secrets), first(7, gone, others));
    let (expired, expired_elsewhere) = (first(1, Fault::expired(), secrets), first(7, Fault::expired(), others));
    survive(
        "gone",
        move |asked: &Asked| {
            let of_secrets = gone(asked).or_else(|| expired(asked));
            of_secrets.or_else(|| gone_elsewhere(asked)).or_else(|| expired_elsewhere(asked))
        },
        async |operator, requests| {
            ensure!(requests.count("list", "secrets") > 1, "nothing was listed anew: {requests:?}");
            ensure!(operator.sum("watch_errors_total", "").await? >= 8.0, "{}", operator.metrics().await?);
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_comes_back_finds_everything_as_it_was() -> Result<()> {
    on_own_control_plane("restart", Options::default(), async |stage| {
        let operator = stage.operator()?.start().await?;
        let controllers = stage.play_controllers();
        let witness = stage.witness();
        let team = stage.namespace.registry("team").ready().await?;
        let before = operator.until_at_rest(REST).await?;

        stage.plane.kill_api_server();
        stage.plane.start_api_server().await?;
        team.apply(json!({"imagePullPolicy": "Always"})).await?;
        until_changed(stage).await?;
        drop(controllers);

        let requests = operator.until_at_rest(REST).await?.since(&before).at_rest();
        ensure!(requests.total() < ENOUGH, "too many requests: {requests:?}");
        ensure!(operator.sum("watch_errors_total", "").await? > 0.0, "{}", operator.metrics().await?);
        witness.ensure_issued_once("team")
    })
    .await
}
