//! What leads to the registry from outside the cluster.

use k8s_openapi::api::core::v1::LoadBalancerIngress;

use super::optional::usable;
use crate::{
    api::v1alpha1::{self, PrivateRegistrySpec, ServiceType},
    controller::{
        Settings,
        observe::Observed,
        optional_kinds::OptionalKind,
        registry::{Exposure, Host, HttpRoute, Ingress, NetworkPolicy, Problem},
    },
};

/// Addresses of a load balancer that are looked at; they come from outside and end in the certificate.
const MOST_ADDRESSES: usize = 16;

pub(super) fn exposure(
    spec: &PrivateRegistrySpec,
    observed: &Observed,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Exposure {
    // A Service that was one for a moment longer keeps the addresses that are about to go.
    let balanced = spec.service.type_ == ServiceType::LoadBalancer;
    Exposure {
        load_balancer: if balanced { load_balancer(observed) } else { Vec::new() },
        ingress: spec.ingress.as_ref().and_then(|spec| ingress(spec, observed, problems)),
        http_route: spec.http_route.as_ref().and_then(|route| http_route(route, &spec.tls, observed, problems)),
        max_unavailable: spec.pod_disruption_budget.as_ref().and_then(|spec| budget(spec, observed, problems)),
        network_policy: spec
            .network_policy
            .as_ref()
            .and_then(|spec| network_policy(spec, observed, settings, problems)),
    }
}

fn ingress(spec: &v1alpha1::Ingress, observed: &Observed, problems: &mut Vec<Problem>) -> Option<Ingress> {
    usable(OptionalKind::Ingress, "ingress", observed, problems).then(|| Ingress {
        host: spec.host.clone(),
        class_name: spec.class_name.clone(),
        annotations: spec.annotations.clone(),
        tls_secret_name: spec.tls_secret_name.clone(),
    })
}

/// Without its policy the route is made all the same: some gateways speak TLS to a Service whose port says https.
fn http_route(
    spec: &v1alpha1::HttpRoute,
    tls: &v1alpha1::Tls,
    observed: &Observed,
    problems: &mut Vec<Problem>,
) -> Option<HttpRoute> {
    usable(OptionalKind::HttpRoute, "httpRoute", observed, problems).then(|| HttpRoute {
        hostnames: spec.hostnames.clone(),
        parent_refs: spec.parent_refs.clone(),
        annotations: spec.annotations.clone(),
        backend_tls_policy: tls.disabled != Some(true)
            && usable(OptionalKind::BackendTlsPolicy, "httpRoute", observed, problems),
    })
}

fn budget(spec: &v1alpha1::PodDisruptionBudget, observed: &Observed, problems: &mut Vec<Problem>) -> Option<i32> {
    usable(OptionalKind::PodDisruptionBudget, "podDisruptionBudget", observed, problems).then_some(spec.max_unavailable)
}

fn network_policy(
    spec: &v1alpha1::NetworkPolicy,
    observed: &Observed,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<NetworkPolicy> {
    usable(OptionalKind::NetworkPolicy, "networkPolicy", observed, problems).then(|| NetworkPolicy {
        allowed_peers: spec.allowed_peers.clone(),
        metrics_peers: spec.metrics_peers.clone(),
        operator_namespace: settings.namespace.clone(),
    })
}

fn load_balancer(observed: &Observed) -> Vec<Host> {
    let status = observed.service.as_ref().and_then(|service| service.status.as_ref());
    let addresses = status.and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    addresses.into_iter().flatten().take(MOST_ADDRESSES).flat_map(hosts).collect()
}

/// A cloud gives a name, an address, or both.
fn hosts(balancer: &LoadBalancerIngress) -> impl Iterator<Item = Host> {
    let name = balancer.hostname.as_ref().map(|name| name.to_ascii_lowercase()).filter(|name| is_host_name(name));
    let address = balancer.ip.as_ref().and_then(|address| address.parse().ok());
    name.map(Host::Name).into_iter().chain(address.map(Host::Address))
}

/// Whether clients could call a server so, and a certificate name it.
fn is_host_name(name: &str) -> bool {
    (1..=253).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
}
