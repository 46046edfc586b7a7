//! When nothing changes, nothing is asked.

use std::time::Duration;

use anyhow::Result;
use support::control_plane::on_control_plane;

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
        operator.until_at_rest(Duration::from_secs(10)).await?;
        Ok(())
    })
    .await
}
