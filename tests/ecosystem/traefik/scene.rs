//! A registry that traefik leads to, by an Ingress and by a Gateway.

use std::net::IpAddr;

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use support::control_plane::{Controllers, Operator, PlayedPod, Stage, machine_address};
use support::registry::Registry;
use support::wait::until;

use super::client::Client;
use super::front::{Front, GATEWAY, INGRESS};

/// The annotation by which traefik answers for an Ingress with TLS, whatever its entry points do by default.
const ROUTER_TLS: &str = "traefik.ingress.kubernetes.io/router.tls";

/// traefik, the operator, and a registry of which the operator has made everything.
pub(super) struct Scene<'a> {
    stage: &'a Stage<'a>,
    pub(super) front: Front,
    pub(super) team: Registry,
    _operator: Operator,
    _controllers: Controllers,
}

impl<'a> Scene<'a> {
    /// With traefik at `address`.
    pub(super) async fn open(stage: &'a Stage<'a>, address: IpAddr) -> Result<Self> {
        let front = Front::start(stage, address).await?;
        let operator = stage.operator()?.start().await?;
        let controllers = stage.play_controllers();
        let team = Registry::named(&stage.namespace, "team");
        team.apply(spec("traefik", &json!({ROUTER_TLS: "true"}), &json!({}), &json!({}))).await?;
        until(&stage.namespace.api::<Deployment>(), "team", "being there", |_| true).await?;
        Ok(Self { stage, front, team, _operator: operator, _controllers: controllers })
    }

    /// The registry's server, to which the Service leads.
    pub(super) async fn played(&self) -> Result<PlayedPod> {
        let pod = self.stage.play_pod(self.team.name(), machine_address()?).await?;
        let (namespace, address, port) = (self.stage.namespace.name(), pod.address(), pod.port());
        let slice = format!(
            "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: team-played, namespace: {namespace}, labels: {{kubernetes.io/service-name: team}}}}
addressType: IPv4
endpoints: [{{addresses: ['{address}'], conditions: {{ready: true}}}}]
ports: [{{name: registry, port: {port}, protocol: TCP}}]
"
        );
        self.stage.plane.apply(&slice).await?;
        Ok(pod)
    }

    /// Somebody who may push, by each of the two ways.
    pub(super) async fn clients(&self) -> Result<[Client; 2]> {
        let push = self.team.credentials("push").await?;
        let (front, authority) = (self.front.address(), push.ca.clone());
        let ingress = Client { front, host: INGRESS, authority, credentials: push.clone() };
        let gateway = Client { front, host: GATEWAY, authority: self.front.authority(), credentials: push };
        Ok([ingress, gateway])
    }

    /// Has traefik trust the registry behind the Ingress, by an object of traefik's own that the Service names.
    pub(super) async fn trust(&self) -> Result<()> {
        let namespace = self.stage.namespace.name();
        let transport = format!(
            "
apiVersion: traefik.io/v1alpha1
kind: ServersTransport
metadata: {{name: team, namespace: {namespace}}}
spec: {{serverName: team.{namespace}.svc.cluster.local, rootCAs: [{{secret: team-tls}}]}}
"
        );
        self.stage.plane.apply(&transport).await?;
        self.team.apply(self.trusting(&json!({}))).await
    }

    /// The spec of a registry whom traefik trusts, with a `config`.
    pub(super) fn trusting(&self, config: &Value) -> Value {
        let transport = format!("{}-team@kubernetescrd", self.stage.namespace.name());
        let service = json!({"traefik.ingress.kubernetes.io/service.serverstransport": transport});
        spec("traefik", &json!({ROUTER_TLS: "true"}), &service, config)
    }

    /// The server's configuration.
    pub(super) async fn config(&self) -> Result<Option<String>> {
        let map = self.stage.namespace.api::<ConfigMap>().get("team-config").await?;
        Ok(map.data.and_then(|mut data| data.remove("config.yml")))
    }
}

/// A registry with both ways, its Ingress of this class, with annotations of Ingress and Service.
pub(super) fn spec(class: &str, ingress: &Value, service: &Value, config: &Value) -> Value {
    let mut spec = json!({
        "ingress": {"host": INGRESS, "className": class},
        "httpRoute": {"hostnames": [GATEWAY], "parentRefs": [{"name": "public", "sectionName": "https"}]},
        "config": config,
    });
    // Taken out and not empty: the API server makes null of an object that its manager empties.
    for (part, annotations) in [("ingress", ingress), ("service", service)] {
        if annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
            spec[part]["annotations"] = annotations.clone();
        }
    }
    spec
}
