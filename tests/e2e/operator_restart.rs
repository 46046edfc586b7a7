//! An operator that is killed in the middle of its work finishes it when it is back.

use anyhow::Result;
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{DeleteParams, ListParams};
use support::namespace::{Namespace, alone};
use support::operator;
use support::registry::ensure_same;
use support::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_operator_finishes_what_it_began() -> Result<()> {
    alone("operator_restart", async |namespace| {
        let whole = namespace.registry("whole").ready().await?.children().await?;

        // Killed after the first child, and between two later ones.
        let first = namespace.registry("first").created().await?;
        until(&namespace.api::<Service>(), "first", "the operator to begin", |_| true).await?;
        kill_operator(&namespace).await?;
        let second = namespace.registry("second").created().await?;
        until(&namespace.api::<Secret>(), "second-tls", "the operator to go on", |_| true).await?;
        kill_operator(&namespace).await?;

        for registry in [first, second] {
            registry.until_ready().await?;
            let expected =
                whole.iter().map(|child| child.replace("/whole", &format!("/{}", registry.name()))).collect();
            ensure_same(&expected, &registry.children().await?)?;
            let push = registry.credentials("push").await?;
            registry.eventually_accepts("push", &push.password).await?;
        }
        Ok(())
    })
    .await
}

/// Kills every Pod of the operator at once, without asking.
async fn kill_operator(namespace: &Namespace) -> Result<()> {
    let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    let only: ListParams = operator::selector();
    operator::pods(&namespace.client).delete_collection(&at_once, &only).await?;
    Ok(())
}
