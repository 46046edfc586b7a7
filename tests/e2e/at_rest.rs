//! At rest the operator writes nothing and asks nothing, watches and its lease aside, and both programs are small.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::ResourceExt as _;
use support::figure::figure;
use support::namespace::{Namespace, alone};
use support::operator;
use support::registry::Registry;
use support::wait::eventually;

/// How long nothing may happen.
const REST: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn for_a_minute_nothing_is_written_and_nothing_is_asked() -> Result<()> {
    alone("at_rest", async |namespace| {
        let team = namespace.registry("team").users(["ci"]).ready().await?;
        until_quiet(&namespace).await?;
        let (versions, requests) = (versions(&team).await?, requests(&namespace).await?);

        // Here time itself is what is tested.
        tokio::time::sleep(REST).await;

        assert_eq!(self::requests(&namespace).await?, requests, "requests by verb and resource");
        assert_eq!(self::versions(&team).await?, versions, "resourceVersions");
        show_memory(&namespace, &team).await
    })
    .await
}

/// Waits for five seconds without a request: what a test before this one set in motion has then ended.
async fn until_quiet(namespace: &Namespace) -> Result<()> {
    eventually("the operator to come to rest", async || {
        let before = requests(namespace).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let after = requests(namespace).await?;
        anyhow::ensure!(before == after, "it asked: before {before:?}, after {after:?}");
        Ok(())
    })
    .await
}

/// The resourceVersion of the resource and of each child.
async fn versions(team: &Registry) -> Result<BTreeMap<String, Option<String>>> {
    let mut objects = team.child_objects().await?;
    objects.push(team.object().await?);
    let kind = |object: &kube::core::DynamicObject| object.types.clone().unwrap_or_default().kind;
    Ok(objects
        .iter()
        .map(|object| (format!("{}/{}", kind(object), object.name_any()), object.resource_version()))
        .collect())
}

/// The operator's requests so far, by labels; watches, which it opens again from time to time, and its lease aside.
async fn requests(namespace: &Namespace) -> Result<Vec<String>> {
    let metrics = operator::metrics(&namespace.client).await?;
    let counted = metrics.lines().filter(|line| line.starts_with("private_registry_operator_api_requests_total{"));
    let aside = |line: &&str| !line.contains("verb=\"watch\"") && !line.contains("resource=\"leases\"");
    let mut requests: Vec<_> = counted.filter(aside).map(str::to_owned).collect();
    anyhow::ensure!(!requests.is_empty(), "the operator counts no requests:\n{metrics}");
    requests.sort();
    Ok(requests)
}

async fn show_memory(namespace: &Namespace, team: &Registry) -> Result<()> {
    let programs = [
        ("operator", operator::metrics(&namespace.client).await?),
        ("server", team.get_debug("/metrics").await?.text()),
    ];
    for (program, metrics) in programs {
        let bytes =
            metrics.lines().find(|line| line.contains("process_resident_memory_bytes") && !line.starts_with('#'));
        let bytes: f64 = bytes.and_then(|line| line.rsplit(' ').next()?.parse().ok()).context(program)?;
        figure(&format!("at_rest: resident memory of the {program}"), format_args!("{:.1} MiB", bytes / 1_048_576.0));
    }
    Ok(())
}
