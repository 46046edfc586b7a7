//! Of several operators one works: another takes over within seconds when it ends, and never while it works.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use support::control_plane::{Operator, Options, Stage, on_own_control_plane};
use support::figure::figure;
use support::wait::eventually;

/// A candidate looks every two seconds; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_standby_takes_over_within_seconds_when_the_holder_ends() -> Result<()> {
    on_own_control_plane("lease", Options::default(), async |stage| {
        let mut first = stage.operator_of_cluster()?.start().await?;
        until_leading(&first).await?;
        let second = stage.operator_of_cluster()?.start().await?;
        stage.namespace.registry("before").created().await?;
        until_served(stage, "before").await?;
        ensure!(!is_leading(&second).await?, "two work at the same time");
        for probe in ["/livez", "/readyz"] {
            ensure!(second.ask(probe).await?.status == 200, "the standby fails {probe}");
        }

        let begun = Instant::now();
        ensure!(first.stop().await?, "the holder did not end in order: {}", first.log());
        until_leading(&second).await?;
        figure("lease: seconds until a standby works", format_args!("{:.1}", begun.elapsed().as_secs_f64()));
        ensure!(begun.elapsed() < SOON, "the standby took {:?}", begun.elapsed());

        stage.namespace.registry("after").created().await?;
        until_served(stage, "after").await
    })
    .await
}

#[tokio::test]
async fn a_holder_that_cannot_reach_the_api_server_stops_before_another_begins() -> Result<()> {
    on_own_control_plane("partition", Options::default(), async |stage| {
        let proxy = stage.proxy().await?;
        let mut first = stage.operator_of_cluster()?.kubeconfig(stage.kubeconfig_through(&proxy)?).start().await?;
        until_leading(&first).await?;
        let second = stage.operator_of_cluster()?.start().await?;
        stage.namespace.registry("team").created().await?;
        until_served(stage, "team").await?;
        let witness = stage.witness();

        proxy.partition();
        ensure!(!first.ended().await?, "an operator that has lost its lease is to end with an error");
        ensure!(first.log().contains("lost the lease"), "it does not say why it ends: {}", first.log());
        ensure!(!is_leading(&second).await?, "two worked at the same time");

        until_leading(&second).await?;
        second.until_at_rest(Duration::from_secs(5)).await?;
        witness.ensure_issued_once("team")
    })
    .await
}

#[tokio::test]
async fn a_holder_that_was_killed_is_followed_when_its_lease_ends() -> Result<()> {
    on_own_control_plane("killed", Options::default(), async |stage| {
        let mut first = stage.operator_of_cluster()?.start().await?;
        until_leading(&first).await?;
        let second = stage.operator_of_cluster()?.start().await?;
        first.kill();
        let begun = Instant::now();
        until_leading(&second).await?;
        ensure!(begun.elapsed() < Duration::from_secs(15) + SOON, "it took {:?}", begun.elapsed());
        Ok(())
    })
    .await
}

async fn is_leading(operator: &Operator) -> Result<bool> {
    Ok(operator.metric("leader").await? > 0.0)
}

async fn until_leading(operator: &Operator) -> Result<()> {
    eventually("the operator to hold the lease", async || {
        ensure!(is_leading(operator).await?, "it does not");
        Ok(())
    })
    .await
}

/// Waits until the operator has done all it can without a kubelet.
async fn until_served(stage: &Stage<'_>, name: &str) -> Result<()> {
    let _controllers = stage.play_controllers();
    stage.namespace.registry(name).ready().await.map(drop)
}
