//! A node is told of registries by what stands in the operator's namespace, with no other right than to read that, and is left as
//! it was when node trust is switched off.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use anyhow::{Result, ensure};
use http::StatusCode;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use private_registry_operator::names::RegistryName;
use private_registry_operator::node_trust::entry::Told;
use private_registry_operator::node_trust::{Problem, Report, Scheme, Standing, config_map, report};
use serde_json::json;
use support::control_plane::{
    CANARY_HOST, Operator, Options, PlayedNode, Stage, on_control_plane, on_own_control_plane,
};
use support::operator::{NAMESPACE, RELEASE};
use support::pki::Authority;
use support::registry::condition;
use support::wait::eventually;

/// Longer than any pause of an operator that is at work.
const AT_REST: Duration = Duration::from_secs(5);
const CERTS_D: &str = "etc/containerd/certs.d";
const CONFIG: &str = "etc/containerd/config.toml";

/// A configuration with which containerd of both generations reads the directory.
const READS_HOSTS: &str =
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = '/etc/containerd/certs.d'\n";

async fn node_that_reads_hosts(stage: &Stage<'_>, runtime: &str) -> Result<PlayedNode> {
    let node = stage.play_node(runtime).await?;
    node.write(CONFIG, READS_HOSTS)?;
    Ok(node)
}

/// The operator, as the chart starts it where the administrator has switched node trust on.
async fn switched_on(stage: &Stage<'_>) -> Result<Operator> {
    let flags = ["--leader-elect=false", "--node-trust-daemon-set=private-registry-operator-node-trust"];
    stage.operator_of_cluster()?.flags(flags).start().await
}

fn hosts_toml(name: &str) -> String {
    format!("{CERTS_D}/{name}.apps.svc.cluster.local/hosts.toml")
}

fn registry(name: &str) -> RegistryName {
    RegistryName { namespace: "apps".to_owned(), name: name.to_owned() }
}

fn config_maps(stage: &Stage<'_>) -> Api<ConfigMap> {
    Api::namespaced(stage.namespace.client.clone(), NAMESPACE)
}

fn daemon_sets(stage: &Stage<'_>) -> Api<DaemonSet> {
    Api::namespaced(stage.namespace.client.clone(), NAMESPACE)
}

/// Tells all nodes of the registry `name`, as the operator does. Returns the version in which that is written.
async fn tell(stage: &Stage<'_>, name: &str, address: &str, authorities: &str) -> Result<String> {
    let owner = daemon_sets(stage).get(&format!("{RELEASE}-node-trust")).await?;
    let owner = kube::Resource::owner_ref(&owner, &()).unwrap_or_default();
    let registry = registry(name);
    let told = Told {
        registry: &registry,
        scheme: Scheme::Https,
        port: NonZeroU16::MIN.saturating_add(442),
        addresses: &[address.parse::<IpAddr>()?],
        authorities: Some(authorities.as_bytes()),
    };
    let object = config_map::build(&told, NAMESPACE, owner);
    let parameters = PatchParams::apply("test").force();
    let applied = config_maps(stage).patch(&object.name_any(), &parameters, &Patch::Apply(&object)).await?;
    Ok(applied.resource_version().unwrap_or_default())
}

/// Waits until the node says that it has carried out this version. Returns what is wrong with the node.
async fn until_told(agent: &Operator, name: &str, version: &str) -> Result<Option<Problem>> {
    eventually("the node to carry out what it is told", async || {
        let answer = agent.ask(report::PATH).await?;
        let standing: Standing = serde_json::from_str(&answer.text())?;
        let report = standing.registries.get(&registry(name).to_string());
        let carried_out = Report { version: version.to_owned(), problem: None };
        ensure!(report == Some(&carried_out), "it has carried out {report:?}, not {version}");
        Ok(standing.problem)
    })
    .await
}

async fn until_ready_says(agent: &Operator, reason: &str) -> Result<()> {
    eventually("the node to say what is wrong", async || {
        let answer = agent.ask("/readyz").await?;
        ensure!(answer.text().starts_with(reason), "it says {}", answer.text());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_node_is_told_follows_every_change_and_is_left_as_it_was() -> Result<()> {
    on_own_control_plane("node-trust", Options::default(), async |stage| {
        let node = node_that_reads_hosts(stage, "containerd://1.7.27").await?;
        node.write(&format!("{CERTS_D}/docker.io/hosts.toml"), "by hand")?;
        let authorities = [Authority::new("first")?.certificate(), Authority::new("second")?.certificate()];
        tell(stage, "early", "10.96.0.6", &authorities[0]).await?;
        let mut agent = node.spawn()?;
        agent.until_ready().await?;
        ensure!(node.read(&hosts_toml("early"))?.contains("https://10.96.0.6:443"), "it is ready too early");
        // The canary's image is where the runtime is led to.
        let led = node.read(&format!("{CERTS_D}/{CANARY_HOST}/hosts.toml"))?;
        ensure!(led.contains("server = \"http://127."), "{led}");
        let image = agent.ask("/v2/node-trust/manifests/self").await?;
        ensure!(image.status == StatusCode::OK && image.text().contains("image.layer.v1.tar"), "{}", image.text());

        let version = tell(stage, "team", "10.96.0.7", &authorities[0]).await?;
        let problem = until_told(&agent, "team", &version).await?;
        ensure!(problem.is_none(), "{problem:?}");
        ensure!(
            node.read(&hosts_toml("team"))?.contains("https://10.96.0.7:443"),
            "{}",
            node.read(&hosts_toml("team"))?
        );

        // Another address and a new authority beside the old one, and a program that wipes all directories away.
        let version = tell(stage, "team", "10.96.0.9", &authorities.concat()).await?;
        until_told(&agent, "team", &version).await?;
        let ca = format!("{CERTS_D}/team.apps.svc.cluster.local/ca.crt");
        ensure!(
            node.read(&ca)? == authorities.concat() && node.read(&hosts_toml("team"))?.contains("10.96.0.9:443"),
            "old"
        );
        fs::remove_dir_all(node.path(&format!("{CERTS_D}/team.apps.svc.cluster.local")))?;
        eventually("what was wiped away to come back", async || node.read(&ca)).await?;

        let name = registry("early").node_trust_config_map();
        config_maps(stage).delete(&name, &DeleteParams::default()).await?;
        eventually("a registry that is gone to go from the node", async || {
            ensure!(node.read(&hosts_toml("early")).is_err(), "it is still there");
            Ok(())
        })
        .await?;

        ensure!(agent.stop().await?, "it did not end well: {}", agent.log());
        ensure!(node.read(&ca).is_ok(), "what is written stays over a restart");
        tell(stage, "team", "10.96.0.11", &authorities[1]).await?;
        let mut agent = node.spawn()?;
        agent.until_ready().await?;
        let hosts = node.read(&hosts_toml("team"))?;
        ensure!(
            hosts.contains("10.96.0.11:443") && node.read(&ca)? == authorities[1],
            "of before the restart: {hosts}"
        );
        daemon_sets(stage).delete(&format!("{RELEASE}-node-trust"), &DeleteParams::default()).await?;
        ensure!(agent.stop().await?, "it did not end well: {}", agent.log());
        ensure!(left(&node)? == ["docker.io"], "{:?} are left", left(&node)?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_node_whose_containerd_reads_nothing_says_so_and_what_to_change() -> Result<()> {
    on_own_control_plane("node-trap", Options::default(), async |stage| {
        let node = stage.play_node("containerd://2.2.0").await?;
        let agent = node.spawn()?;
        until_ready_says(&agent, "TransferServiceIgnoresHosts: ").await?;
        let authority = Authority::new("team")?.certificate();
        let version = tell(stage, "team", "10.96.0.7", &authority).await?;
        ensure!(until_told(&agent, "team", &version).await?.is_some(), "the node is not as it should be");
        ensure!(node.read(&hosts_toml("team")).is_ok(), "it is written all the same: containerd may be started again");
        ensure_left_alone(&node)?;
        node.write(CONFIG, READS_HOSTS)?;
        until_ready_says(&agent, "ok").await
    })
    .await
}

#[tokio::test]
async fn a_node_that_is_passed_over_from_now_on_is_left_as_it_was() -> Result<()> {
    on_own_control_plane("passed-over", Options::default(), async |stage| {
        let node = node_that_reads_hosts(stage, "containerd://1.7.27").await?;
        node.write(&format!("{CERTS_D}/docker.io/hosts.toml"), "by hand")?;
        tell(stage, "team", "10.96.0.7", &Authority::new("team")?.certificate()).await?;
        let mut agent = node.spawn()?;
        agent.until_ready().await?;
        ensure!(node.read(&hosts_toml("team")).is_ok(), "it is ready too early");
        let selected = json!({"spec": {"template": {"spec": {"nodeSelector": {"pool": "apps"}}}}});
        let name = format!("{RELEASE}-node-trust");
        daemon_sets(stage).patch(&name, &PatchParams::default(), &Patch::Merge(selected)).await?;
        ensure!(agent.stop().await?, "it did not end well: {}", agent.log());
        ensure!(left(&node)? == ["docker.io"], "{:?} are left", left(&node)?);
        Ok(())
    })
    .await
}

/// The directories of hosts that are on a node.
fn left(node: &PlayedNode) -> Result<Vec<OsString>> {
    fs::read_dir(node.path(CERTS_D))?.map(|entry| Ok(entry?.file_name())).collect()
}

/// What the controller of `DaemonSets` would write of how many Pods are ready.
async fn play_ready(stage: &Stage<'_>, ready: i32) -> Result<()> {
    let status = json!({"status": {"numberReady": ready}});
    let name = format!("{RELEASE}-node-trust");
    daemon_sets(stage).patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

/// Its configuration is the administrator's.
fn ensure_left_alone(node: &PlayedNode) -> Result<()> {
    let names = fs::read_dir(node.path("etc/containerd"))?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<Result<Vec<_>>>()?;
    ensure!(names == ["certs.d"], "{names:?}");
    Ok(())
}

#[tokio::test]
async fn a_registry_says_how_many_nodes_trust_it_which_does_not_and_goes_from_all_of_them() -> Result<()> {
    on_own_control_plane("nodes", Options::default(), async |stage| {
        let nodes = [
            node_that_reads_hosts(stage, "containerd://1.7.27").await?,
            node_that_reads_hosts(stage, "containerd://2.2.0").await?,
        ];
        let taken = |name: &str| format!("{CERTS_D}/{name}.{}.svc.cluster.local/hosts.toml", stage.namespace.name());
        nodes[1].write(&taken("other"), "by hand")?;
        let agents = [nodes[0].spawn()?, nodes[1].spawn()?];
        let operator = switched_on(stage).await?;
        let _controllers = stage.play_controllers();

        let team = stage.namespace.registry("team").spec("{nodeTrust: {}}")?.ready().await?;
        team.until_condition("NodesTrusted", "True", "2 of 2 nodes").await?;
        let service = stage.namespace.api::<Service>().get("team").await?;
        let address = service.spec.and_then(|spec| spec.cluster_ip).unwrap_or_default();
        for node in &nodes {
            let hosts = node.read(&taken("team"))?;
            ensure!(hosts.contains(&format!("server = \"https://{address}:443\"")), "{hosts}");
        }
        operator.until_at_rest(AT_REST).await?;

        let words = "failed to resolve reference: lookup canary: no such host";
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": words}});
        nodes[1].play_canary(&stage.namespace.client, &waiting).await?;
        play_ready(stage, 1).await?;
        let told = team.until_condition("NodesTrusted", "False", words).await?;
        let message = told["message"].as_str().unwrap_or_default();
        ensure!(message.starts_with(&format!("1 of 2 nodes; node {}: CanaryNotPulled", nodes[1].name())), "{told}");
        nodes[1].play_canary(&stage.namespace.client, &json!({"running": {}})).await?;
        play_ready(stage, 2).await?;
        team.until_condition("NodesTrusted", "True", "2 of 2 nodes").await?;

        let other = stage.namespace.registry("other").spec("{nodeTrust: {}}")?.ready().await?;
        let told = other.until_condition("NodesTrusted", "False", "DirectoryTaken").await?;
        let message = told["message"].as_str().unwrap_or_default();
        ensure!(message.starts_with(&format!("1 of 2 nodes; node {}", nodes[1].name())), "{told}");
        fs::remove_file(nodes[1].path(&taken("other")))?;
        fs::remove_dir(nodes[1].path(&taken("other")).parent().unwrap_or(nodes[1].path("").as_path()))?;
        other.until_condition("NodesTrusted", "True", "2 of 2 nodes").await?;

        // Asked for no more, and deleted. Whoever replaces the whole object takes the finalizer away.
        other.replace(json!({"nodeTrust": {}})).await?;
        other.until("a finalizer again", |object| !object.finalizers().is_empty()).await?;
        other.replace(json!({})).await?;
        team.delete().await?;
        eventually("both to go from all nodes", async || {
            let left = nodes.iter().flat_map(|node| ["team", "other"].map(|name| node.read(&taken(name))));
            ensure!(left.into_iter().all(|read| read.is_err()), "there are some left");
            Ok(())
        })
        .await?;
        let finalizers = other.until("letting go", |object| object.finalizers().is_empty()).await?;
        ensure!(condition(&finalizers, "NodesTrusted").is_null(), "{:?}", finalizers.data);
        drop(agents);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_change_of_nodes_is_asked_about_once_and_not_by_every_registry() -> Result<()> {
    on_own_control_plane("nodes-asked", Options::default(), async |stage| {
        let node = node_that_reads_hosts(stage, "containerd://1.7.27").await?;
        let _agent = node.spawn()?;
        let operator = switched_on(stage).await?;
        let _controllers = stage.play_controllers();
        let mut teams = Vec::new();
        for number in 0..20 {
            let team = stage.namespace.registry(&format!("team-{number}")).spec("{nodeTrust: {}}")?;
            teams.push(team.created().await?);
        }
        for team in &teams {
            team.until_condition("NodesTrusted", "True", "1 of 1 nodes").await?;
        }
        let before = operator.until_at_rest(AT_REST).await?;
        let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}});
        node.play_canary(&stage.namespace.client, &waiting).await?;
        play_ready(stage, 0).await?;
        for team in &teams {
            team.until_condition("NodesTrusted", "False", "no such host").await?;
        }
        let asked = operator.requests().await?.since(&before).count("list", "pods");
        ensure!((1..20).contains(&asked), "{asked} times for {} registries", teams.len());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_operator_that_starts_again_changes_nothing_of_what_nodes_have_said() -> Result<()> {
    on_own_control_plane("nodes-again", Options::default(), async |stage| {
        let node = node_that_reads_hosts(stage, "containerd://1.7.27").await?;
        let _agent = node.spawn()?;
        let mut operator = switched_on(stage).await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").spec("{nodeTrust: {}}")?.ready().await?;
        team.until_condition("NodesTrusted", "True", "1 of 1 nodes").await?;
        operator.until_at_rest(AT_REST).await?;
        let before = team.object().await?.resource_version();
        ensure!(operator.stop().await?, "it did not end well: {}", operator.log());
        let operator = switched_on(stage).await?;
        let asked = operator.until_at_rest(AT_REST).await?;
        ensure!(asked.count("list", "pods") > 0, "it has not asked");
        let after = team.object().await?.resource_version();
        ensure!(after == before, "it was written");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_a_registry_has_left_that_went_without_an_operator_is_removed_at_the_next_start() -> Result<()> {
    on_own_control_plane("nodes-left", Options::default(), async |stage| {
        let node = node_that_reads_hosts(stage, "containerd://1.7.27").await?;
        let mut agent = node.spawn()?;
        agent.until_ready().await?;
        let version = tell(stage, "team", "10.96.0.7", &Authority::new("team")?.certificate()).await?;
        until_told(&agent, "team", &version).await?;
        let _operator = switched_on(stage).await?;
        eventually("a registry that nobody knows to go from the node", async || {
            ensure!(node.read(&hosts_toml("team")).is_err(), "it is still there");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
async fn without_the_administrator_s_switch_a_registry_serves_and_says_what_is_missing() -> Result<()> {
    on_control_plane("no-node-trust", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").spec("{nodeTrust: {}}")?.ready().await?;
        let told = team.until_condition("NodesTrusted", "False", "nodeTrust.enabled=true").await?;
        ensure!(told["reason"] == "SwitchedOff", "{told}");
        ensure!(team.object().await?.finalizers().is_empty(), "there is nothing to remove");
        Ok(())
    })
    .await
}
