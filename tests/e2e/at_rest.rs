//! At rest the operator writes nothing and asks nothing, watches and its lease aside, and both programs are small.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;
use support::figure::figure;
use support::namespace::{Namespace, alone};
use support::operator;
use support::registry::Registry;
use support::wait::{eventually, let_pass};

use crate::disk;

/// How long nothing may happen.
const REST: Duration = Duration::from_secs(60);
/// After so long without a request the operator has ended what it was at.
const QUIET: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn for_a_minute_nothing_is_written_and_nothing_is_asked() -> Result<()> {
    alone("at_rest", async |namespace| {
        // The use of the node's own disk changes, and is looked at every minute when that is nearly full.
        disk::claim(&namespace, 256 << 20).await?;
        let team = namespace.registry("team").spec(disk::STORAGE)?.users(["ci"]).ready().await?;
        until_quiet(&namespace).await?;
        let before = (requests(&namespace).await?, versions(&team).await?);

        let_pass(REST).await;

        let after = (requests(&namespace).await?, versions(&team).await?);
        assert_eq!(difference(&before.0, &after.0), "", "requests");
        assert_eq!(difference(&before.1, &after.1), "", "resourceVersions");
        show_memory(&namespace, &team).await
    })
    .await
}

/// Waits for a while without a request: what a test before this one set in motion has then ended.
async fn until_quiet(namespace: &Namespace) -> Result<()> {
    eventually("the operator to come to rest", async || {
        let before = requests(namespace).await?;
        let_pass(QUIET).await;
        let after = requests(namespace).await?;
        anyhow::ensure!(before == after, "it asked: {}", difference(&before, &after));
        Ok(())
    })
    .await
}

/// What is not as it was, in words.
fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let show = |name: &String| format!("{name}: {:?} -> {:?}", before.get(name), after.get(name));
    changed.map(show).collect::<Vec<_>>().join(", ")
}

/// The resourceVersion of the resource and of each child.
async fn versions(team: &Registry) -> Result<BTreeMap<String, String>> {
    let mut objects = team.child_objects().await?;
    objects.push(team.object().await?);
    let kind = |object: &DynamicObject| object.types.clone().unwrap_or_default().kind;
    let named = |object: &DynamicObject| format!("{}/{}", kind(object), object.name_any());
    Ok(objects.iter().map(|object| (named(object), object.resource_version().unwrap_or_default())).collect())
}

/// The operator's requests so far, by verb and resource; watches, which it opens again from time to time, and its lease aside.
async fn requests(namespace: &Namespace) -> Result<BTreeMap<String, String>> {
    let metrics = operator::metrics(&namespace.client).await?;
    let counted = metrics.lines().filter_map(|line| line.strip_prefix("private_registry_operator_api_requests_total"));
    let aside = |line: &&str| !line.contains("verb=\"watch\"") && !line.contains("resource=\"leases\"");
    let requests: BTreeMap<_, _> = counted.filter(aside).filter_map(|line| line.split_once(' ')).collect();
    anyhow::ensure!(!requests.is_empty(), "the operator counts no requests:\n{metrics}");
    Ok(requests.into_iter().map(|(labels, count)| (labels.to_owned(), count.to_owned())).collect())
}

async fn show_memory(namespace: &Namespace, team: &Registry) -> Result<()> {
    let operator = operator::pods(&namespace.client).get(&operator::pod(&namespace.client).await?).await?;
    for (program, pod) in [("operator", operator), ("server", team.pod().await?)] {
        let [resident, working_set] = memory(namespace, &pod).await?.map(|bytes| bytes / 1_048_576.0);
        let value = format_args!("{resident:.1} MiB resident, {working_set:.1} MiB with its cached files");
        figure(&format!("at_rest: memory of the {program}"), value);
    }
    Ok(())
}

/// What the kubelet has measured of a Pod's first container, in bytes: resident, and the working set that limits are compared
/// with. Neither image has a shell to ask.
async fn memory(namespace: &Namespace, pod: &Pod) -> Result<[f64; 2]> {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).context("the Pod is on no node")?;
    let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
    let stats: Value = namespace.client.request(http::Request::get(path).body(Vec::new())?).await?;
    let uid = pod.uid().unwrap_or_default();
    let mut pods = stats["pods"].as_array().into_iter().flatten();
    let found = pods.find(|stats| stats["podRef"]["uid"] == uid.as_str());
    let memory = found.and_then(|stats| stats.pointer("/containers/0/memory"));
    let bytes = memory.and_then(|memory| Some([memory["rssBytes"].as_f64()?, memory["workingSetBytes"].as_f64()?]));
    bytes.with_context(|| format!("the kubelet of {node} has not measured Pod {}", pod.name_any()))
}
