//! traefik as a cluster's way in: one port for its Ingresses and for a Gateway, whose listener has a certificate of the platform's, and
//! one for Ingresses where requests have to come in soon.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::control_plane::{Process, Stage};
use support::pki::Authority;
use support::wait::eventually;

const MADE_BY: &str = "tests/tools/build traefik";

/// Where clients find the registry by its Ingress.
pub(super) const INGRESS: &str = "registry.example.com";

/// Where clients find it by the Gateway.
pub(super) const GATEWAY: &str = "gateway.example.com";

/// How long a request may take to come in at the port where that is limited.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(2);

const PORT: u16 = 8443;
const HURRIED_PORT: u16 = 8444;

/// A running traefik; it ends when dropped.
pub(super) struct Front {
    process: Process,
    address: SocketAddr,
    authority: String,
}

impl Front {
    /// Starts it at `address` on the control plane of `stage`, with its definitions and those of the Gateway API.
    pub(super) async fn start(stage: &Stage<'_>, address: IpAddr) -> Result<Self> {
        let (plane, authority) = (stage.plane, Authority::new("the platform's")?);
        plane.apply_definitions_of("traefik", MADE_BY).await.context("failed to install definitions")?;
        let listener = authority.issue(&[GATEWAY])?;
        let [certificate, key] = [&listener.certificate, &listener.key].map(|pem| STANDARD.encode(pem));
        let objects = objects(stage.namespace.name(), &certificate, &key);
        eventually("the definitions to be served", async || plane.apply(&objects).await).await?;
        let process = plane.start_program("traefik", MADE_BY, &flags(address))?;
        let address = SocketAddr::new(address, PORT);
        Ok(Self { process, address, authority: authority.certificate() })
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a request has to come in soon.
    pub(super) fn hurried(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), HURRIED_PORT)
    }

    /// PEM of the authority of the Gateway's certificate.
    pub(super) fn authority(&self) -> String {
        self.authority.clone()
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

fn flags(address: IpAddr) -> Vec<String> {
    let [address, hurried] = [PORT, HURRIED_PORT].map(|port| SocketAddr::new(address, port));
    let within = format!("{}s", READ_WITHIN.as_secs());
    let flags = [
        &format!("--entrypoints.https.address={address}"),
        // By default a request that takes more than a minute is cut off.
        "--entrypoints.https.transport.respondingtimeouts.readtimeout=0s",
        &format!("--entrypoints.hurried.address={hurried}"),
        &format!("--entrypoints.hurried.transport.respondingtimeouts.readtimeout={within}"),
        "--providers.kubernetesingress.ingressendpoint.ip=192.0.2.9",
        "--providers.kubernetesingressnginx.httpsentrypoint=https",
        "--providers.kubernetesingressnginx.publishstatusaddress=192.0.2.9",
        "--providers.kubernetescrd",
        "--providers.kubernetesgateway.statusaddress.ip=192.0.2.9",
        "--global.checknewversion=false",
        "--log.level=INFO",
    ];
    flags.map(str::to_owned).to_vec()
}

/// What whoever runs the platform makes beside traefik.
fn objects(namespace: &str, certificate: &str, key: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: traefik}}
spec: {{controller: traefik.io/ingress-controller}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: nginx}}
spec: {{controller: k8s.io/ingress-nginx}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: traefik}}
spec: {{controllerName: traefik.io/gateway-controller}}
---
apiVersion: v1
kind: Secret
metadata: {{name: listener, namespace: {namespace}}}
type: kubernetes.io/tls
data: {{tls.crt: {certificate}, tls.key: {key}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: public, namespace: {namespace}}}
spec:
  gatewayClassName: traefik
  listeners:
  - {{name: https, port: {PORT}, protocol: HTTPS, hostname: {GATEWAY}, tls: {{certificateRefs: [{{name: listener}}]}}}}
"
    )
}
