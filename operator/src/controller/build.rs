//! Step four, pure: every child as it should be, one kind a file below.
//!
//! Builders take what `validate` has checked and `issue` has made, and cannot fail. A Secret is always given by `data`:
//! `stringData` would leave keys behind that are no longer wanted.

mod access;
mod certificate;
mod config;
mod credentials;
mod deployment;
mod environment;
mod htpasswd;
mod http_route;
mod ingress;
mod monitoring;
mod network_policy;
mod persistent_volume_claim;
mod pod_disruption_budget;
mod prometheus_rule;
pub(super) mod pull_secret;
mod pull_secret_copy;
mod security;
mod service;
mod service_account;

use std::{collections::BTreeMap, marker::PhantomData};

use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount},
    },
};

pub(super) use self::pull_secret_copy::copy_of_pull_secret;
use super::{
    issue::Material,
    optional_kinds::OptionalChild,
    registry::{Registry, Tls},
};

/// Resources as they should be.
#[derive(Debug)]
pub enum Desired {}

/// Resources as the API server has them.
#[derive(Debug)]
pub enum Applied {}

/// The children of a registry.
#[derive(Debug)]
pub struct Resources<Phase> {
    /// The Service, first of all: the certificate names its addresses.
    pub service: Service,
    /// All others; `None` while the Service has no address.
    pub children: Option<Children>,
    /// Whether these were applied.
    pub phase: PhantomData<Phase>,
}

/// The children that follow the Service.
#[derive(Debug)]
pub struct Children {
    /// For the Pod, without a token; `None` when the spec names another one.
    pub service_account: Option<ServiceAccount>,
    /// The authority and its key.
    pub authority: Option<Secret>,
    /// The certificate that is served.
    pub certificate: Option<Secret>,
    /// What cert-manager keeps, of which nothing but the owner is ours.
    pub issued: Option<Secret>,
    /// The generated users' passwords.
    pub credentials: Option<Secret>,
    /// htpasswd and access.yml.
    pub htpasswd: Option<Secret>,
    /// The key that signs the state of uploads.
    pub http: Secret,
    /// What Pods pull with.
    pub pull: Option<Secret>,
    /// What images are pushed with.
    pub push: Option<Secret>,
    /// config.yml.
    pub config: ConfigMap,
    /// The claim.
    pub claim: Option<PersistentVolumeClaim>,
    /// The server.
    pub deployment: Deployment,
    /// The authorities to trust, for gateways.
    pub authorities: Option<ConfigMap>,
    /// For Prometheus.
    pub metrics_service: Option<Service>,
    /// Who may reach the Pod.
    pub network_policy: Option<OptionalChild>,
    /// What the spec asks for beside all that.
    pub optional: Vec<OptionalChild>,
}

/// Every child of `registry` as it should be. Without `material`, which needs the Service's address, the Service alone.
#[must_use]
pub fn build(registry: &Registry, material: Option<&Material>) -> Resources<Desired> {
    let children = material.map(|material| {
        let config = config::config_map(registry);
        let [pull, push] = pull_secret::pull_secrets(registry, material);
        Children {
            service_account: service_account::service_account(registry),
            authority: certificate::authority(registry, material),
            certificate: certificate::certificate(registry, material),
            issued: certificate::issued(registry),
            credentials: credentials::credentials(registry, material),
            htpasswd: htpasswd::htpasswd(registry, material),
            http: credentials::http_secret(registry, material),
            pull,
            push,
            deployment: deployment::deployment(registry, &config),
            claim: persistent_volume_claim::persistent_volume_claim(registry),
            authorities: http_route::authorities(registry, material),
            metrics_service: monitoring::metrics_service(registry),
            network_policy: network_policy::network_policy(registry),
            optional: optional(registry, material),
            config,
        }
    });
    Resources { service: service::service(registry), children, phase: PhantomData }
}

fn optional(registry: &Registry, material: &Material) -> Vec<OptionalChild> {
    let children = [
        certificate::cert_manager(registry),
        ingress::ingress(registry, material),
        http_route::backend_tls_policy(registry, material),
        http_route::http_route(registry),
        pod_disruption_budget::pod_disruption_budget(registry),
        monitoring::service_monitor(registry),
        prometheus_rule::prometheus_rule(registry),
    ];
    children.into_iter().flatten().collect()
}

/// The `data` of a Secret.
fn data<const N: usize>(entries: [(&str, Vec<u8>); N]) -> BTreeMap<String, ByteString> {
    entries.map(|(key, value)| (key.to_owned(), ByteString(value))).into()
}

/// A name that the registry's certificate has, for what verifies it from before: its own, if whoever made the certificate thought of
/// it, else the one by which clients come.
fn verified_name(registry: &Registry, of_clients: Option<&String>) -> String {
    let [.., own] = registry.name.hosts(&registry.cluster_domain);
    match &registry.tls {
        Tls::Provided(Some(provided)) if !provided.certificate.names.dns.contains(&own) => {
            of_clients.cloned().unwrap_or(own)
        }
        _ => own,
    }
}

/// `None` for an empty collection, so that nothing is applied where nothing is asked for.
fn non_empty<T: IntoIterator + Default + PartialEq>(collection: T) -> Option<T> {
    (collection != T::default()).then_some(collection)
}

#[cfg(test)]
mod tests;
