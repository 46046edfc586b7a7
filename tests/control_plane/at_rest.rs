//! When nothing changes, nothing is asked.

use std::time::Duration;

use anyhow::{Result, ensure};
use support::control_plane::{Operator, Requests, on_control_plane};
use support::wait::eventually;

/// Longer than any pause between two requests of an operator that is at work.
const REST: Duration = Duration::from_secs(10);

#[tokio::test]
async fn ten_registries_at_rest_cause_no_request() -> Result<()> {
    on_control_plane("at_rest", async |stage| {
        let operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        for number in 0..10 {
            stage.namespace.registry(&format!("team-{number}")).created().await?;
        }
        for number in 0..10 {
            stage.namespace.registry(&format!("team-{number}")).ready().await?;
        }
        until_at_rest(&operator).await
    })
    .await
}

/// Waits until there was no request for a while.
async fn until_at_rest(operator: &Operator) -> Result<()> {
    eventually("the operator to come to rest", async || {
        let before = operator.requests().await?;
        // Here time itself is what is tested.
        tokio::time::sleep(REST).await;
        let asked = operator.requests().await?.since(&before).at_rest();
        ensure!(asked == Requests::default(), "it asked: {asked:?}");
        Ok(())
    })
    .await
}
