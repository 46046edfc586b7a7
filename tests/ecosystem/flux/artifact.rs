//! The registry that keeps Flux's artifacts: one of ours, as a process that serves what its Deployment says, at an address that the
//! test can reach and under which its Secrets know it.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::{PlayedPod, Stage, machine_address};
use support::credentials::Credentials;
use support::home::Home;
use support::registry::Registry;
use support::wait::until;

/// Media types of what `flux push artifact` makes.
const CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
const CONTENT: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

/// The registry `main`, and somebody who may push into it.
pub(super) struct Main {
    host: String,
    pusher: Home,
    _pod: PlayedPod,
}

impl Main {
    /// Starts it behind a load balancer that has this machine's address.
    pub(super) async fn start(stage: &Stage<'_>) -> Result<Self> {
        let main = stage.namespace.registry("main").spec("service: {type: LoadBalancer}")?.created().await?;
        let (services, address) = (stage.namespace.api::<Service>(), machine_address()?);
        until(&services, "main", "being made", |_| true).await?;
        let given = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}});
        services.patch_status("main", &PatchParams::default(), &Patch::Merge(given)).await?;
        let at_address = address.to_string();
        until_known(&main, &at_address).await?;
        let pod = stage.play_pod("main", address).await?;
        let host = format!("{address}:{}", pod.port());
        main.apply(json!({"service": {"type": "LoadBalancer", "port": pod.port()}})).await?;
        until_known(&main, &host).await?;
        let push = Credentials::of(&stage.namespace.api::<Secret>().get("main-push").await?)?;
        let pusher = Home::new(&push.ca)?;
        std::fs::create_dir(pusher.path(".docker"))?;
        pusher.write(".docker/config.json", &push.docker_config)?;
        ensure!(push.docker_config.contains(&host), "the push Secret does not know {host}");
        Ok(Self { host, pusher, _pod: pod })
    }

    /// Where it is reached.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Makes `manifest` the one file of the artifact that the sample follows.
    pub(super) async fn push(&self, manifest: &str) -> Result<()> {
        self.pusher.write("manifest.yaml", manifest)?;
        self.pusher.write("config.json", "{}")?;
        self.pusher.run("tar", ["-czf", "apps.tgz", "manifest.yaml"]).await?;
        let (reference, config, content) = (
            format!("{}/cluster/apps:latest", self.host),
            format!("config.json:{CONFIG}"),
            format!("apps.tgz:{CONTENT}"),
        );
        self.pusher.run("oras", ["push", &reference, "--config", &config, &content]).await.map(drop)
    }
}

/// Waits until the status tells of `host` for clients outside the cluster.
async fn until_known(main: &Registry, host: &str) -> Result<()> {
    let told = |object: &kube::api::DynamicObject| {
        object.data.pointer("/status/externalEndpoint").and_then(Value::as_str) == Some(host)
    };
    main.until(host, told).await.map(drop).context("the registry does not know of its load balancer")
}
