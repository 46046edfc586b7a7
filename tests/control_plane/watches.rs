//! What the operator learns of objects by watching them: no more than it needs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use support::control_plane::{Asked, on_control_plane};

/// A Secret that has nothing to do with any registry.
const STRANGER: &str = "precious";

#[tokio::test]
async fn secrets_are_watched_as_metadata_and_only_those_that_a_registry_names_are_read() -> Result<()> {
    on_control_plane("watches", async |stage| {
        let proxy = stage.proxy().await?;
        let asked = Arc::new(Mutex::new(Vec::<Asked>::new()));
        let notes = Arc::clone(&asked);
        proxy.inject(move |request| {
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
            None
        });
        let operator = stage.operator()?.kubeconfig(stage.kubeconfig_through(&proxy)?).start().await?;
        let _controllers = stage.play_controllers();
        stage.namespace.registry("team").users(["ci"]).ready().await?;
        stage.namespace.put_secret(STRANGER, "Opaque", [("key", "value")]).await?;
        operator.until_at_rest(Duration::from_secs(5)).await?;

        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |plural: &str| {
            let end = format!("/{plural}");
            asked.iter().filter(move |request| request.method == Method::GET && request.path.ends_with(&end))
        };
        for plural in ["secrets", "configmaps", "serviceaccounts"] {
            ensure!(of(plural).any(|request| request.watch), "{plural} are not watched");
            ensure!(of(plural).all(|request| request.metadata), "more than metadata of {plural}");
        }
        for plural in ["configmaps", "serviceaccounts", "services", "persistentvolumeclaims", "deployments"] {
            let narrow = |request: &Asked| request.query.contains("labelSelector=app.kubernetes.io%2Fmanaged-by");
            ensure!(of(plural).all(narrow), "{plural} of others are watched: {:?}", of(plural).collect::<Vec<_>>());
        }
        let read = asked.iter().filter(|request| request.method == Method::GET && !request.metadata);
        let read: Vec<_> =
            read.filter_map(|request| request.path.split_once("/secrets/")).map(|(_, name)| name).collect();
        ensure!(read.contains(&"ci-password"), "the password of a user is read by its name: {read:?}");
        ensure!(read.iter().all(|name| *name == "ci-password" || name.starts_with("team-")), "{read:?}");
        Ok(())
    })
    .await
}
