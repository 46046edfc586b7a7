//! An operator that is cut off from the API server in the middle of its work goes on where it was when it is back.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use http::Method;
use support::control_plane::{Asked, Fault, after, on_control_plane};
use support::wait::eventually;

use crate::create::ensure_complete;

/// Writes of a new registry that got through before the network ends: none, some of its children, all of them and not its status.
/// It ends before a write and after it in turn: then the API server has done it, and the operator does not know.
const STEPS: [(u32, Fault); 7] = [
    (0, Fault::PartitionAfter),
    (2, Fault::PartitionBefore),
    (4, Fault::PartitionAfter),
    (6, Fault::PartitionBefore),
    (8, Fault::PartitionAfter),
    (10, Fault::PartitionAfter),
    (12, Fault::PartitionAfter),
];

#[tokio::test]
async fn an_operator_that_was_cut_off_at_any_step_goes_on_from_there() -> Result<()> {
    try_join_all(STEPS.map(|(passed, end)| Box::pin(cut_off(passed, end)))).await.map(drop)
}

async fn cut_off(passed: u32, end: Fault) -> Result<()> {
    on_control_plane("cut_off", async |stage| {
        let proxy = stage.proxy().await?;
        let operator = stage.operator()?.kubeconfig(stage.kubeconfig_through(&proxy)?).start().await?;
        let _controllers = stage.play_controllers();
        let witness = stage.witness();
        proxy.inject(after(passed, end, |asked: &Asked| asked.method == Method::PATCH));

        let team = stage.namespace.registry("team").created().await?;
        proxy.until_partitioned().await?;
        eventually("the operator to give a request up", async || {
            ensure!(operator.sum("api_errors_total", r#"code="none""#).await? > 0.0, "it waits for an answer");
            Ok(())
        })
        .await?;
        proxy.heal();

        team.until_ready().await?;
        ensure_complete(&team).await?;
        witness.ensure_issued_once("team")
    })
    .await
}
