//! The operator works on no more registries at a time than it is told to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use support::control_plane::{Asked, Fault, on_control_plane};

const REGISTRIES: [&str; 3] = ["first", "second", "third"];
/// Long enough for a pass over another registry to get in between.
const SLOW: Duration = Duration::from_millis(100);

#[tokio::test]
async fn an_operator_that_is_to_work_on_one_registry_at_a_time_ends_one_pass_before_the_next() -> Result<()> {
    on_control_plane("concurrency", async |stage| {
        let proxy = stage.proxy().await?;
        let written = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&written);
        proxy.inject(move |asked: &Asked| {
            let of = |registry: &&&str| asked.path.contains(&format!("/secrets/{registry}-"));
            let registry = REGISTRIES.iter().filter(|_| asked.writes("secrets")).find(of)?;
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(*registry);
            Some(Fault::Delay(SLOW))
        });
        let request = stage.operator()?.kubeconfig(stage.kubeconfig_through(&proxy)?);
        for registry in REGISTRIES {
            stage.namespace.registry(registry).created().await?;
        }
        let _controllers = stage.play_controllers();
        let _operator = request.flags(["--concurrency=1"]).start().await?;
        for registry in REGISTRIES {
            stage.namespace.registry(registry).ready().await?;
        }

        // A pass writes seven Secrets; a later one of the same registry may write a few of them again.
        let written = written.lock().unwrap_or_else(PoisonError::into_inner);
        for registry in REGISTRIES {
            let first = written.iter().position(|name| *name == registry).unwrap_or_default();
            let pass = &written[first..written.len().min(first + 7)];
            ensure!(pass.len() == 7 && pass.iter().all(|name| *name == registry), "{written:?}");
        }
        Ok(())
    })
    .await
}
