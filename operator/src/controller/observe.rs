//! Step one: what there is. Reads the watches' stores, and the API server only for what those do not hold.
//!
//! Secrets are watched without their data. Their data is read when the watch has seen a version that was not read before, so
//! that nothing is asked while nothing changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service},
};
use kube::Api;
use serde::de::DeserializeOwned;

use super::{
    Context,
    memory::Memory,
    optional_kinds::{self, Optional, OptionalKind},
    pods::{self, Awaited, Pods},
    stores::{self, Store, Whole},
    versions::Loaded,
    volume::VolumeUse,
};
use crate::{
    api::v1alpha1::{PrivateRegistry, PrivateRegistrySpec, Tls},
    names::{RegistryName, is_object_name},
};

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch has not started.
    #[error("failed to watch")]
    Watch(#[from] stores::Error),
    /// Whether a kind can be used is not known.
    #[error(transparent)]
    OptionalKind(#[from] optional_kinds::Error),
    /// The API server refused or did not answer.
    #[error("failed to read {kind} {namespace}/{name}")]
    Read {
        /// Kind of the object.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
    /// The Pods could not be listed.
    #[error("failed to list the Pods of {registry}")]
    Pods {
        /// Whose Pods.
        registry: RegistryName,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
}

/// What there is of a registry.
#[derive(Debug, Default)]
pub struct Observed {
    /// The Service.
    pub service: Option<Arc<Service>>,
    /// The Deployment.
    pub deployment: Option<Arc<Deployment>>,
    /// The claim, the operator's or the one that the spec names.
    pub claim: Option<Arc<PersistentVolumeClaim>>,
    /// Secret `<name>-ca`.
    pub ca: Option<Arc<Secret>>,
    /// Secret `<name>-tls`.
    pub tls: Option<Arc<Secret>>,
    /// Secret `<name>-cert-manager`.
    pub issued: Option<Arc<Secret>>,
    /// Secret `<name>-credentials`.
    pub credentials: Option<Arc<Secret>>,
    /// Secret `<name>-htpasswd`.
    pub htpasswd: Option<Arc<Secret>>,
    /// Secret `<name>-http`.
    pub http: Option<Arc<Secret>>,
    /// Secret `<name>-pull`.
    pub pull: Option<Arc<Secret>>,
    /// Secret `<name>-push`.
    pub push: Option<Arc<Secret>>,
    /// `ConfigMap` `<name>-config`, when the spec adds something to it.
    pub config: Option<ConfigMap>,
    /// Secrets that the spec names; `None` is one that does not exist.
    pub referenced: BTreeMap<String, Option<Arc<Secret>>>,
    /// Which of the mounted files the running Pods have loaded.
    pub loaded: Loaded,
    /// How full the volume is, as far as a server has said.
    pub volume: Option<VolumeUse>,
    /// What there is to know about a Pod that should serve and does not.
    pub awaited: Option<Awaited>,
    /// Kinds of which a registry has a child only when its spec asks for one.
    pub optional: Optional,
}

impl Observed {
    /// Addresses of the Service; none while it does not exist.
    #[must_use]
    pub fn service_addresses(&self) -> Vec<IpAddr> {
        let spec = self.service.as_ref().and_then(|service| service.spec.as_ref());
        spec.and_then(|spec| spec.cluster_ips.as_ref())
            .into_iter()
            .flatten()
            .filter_map(|address| address.parse().ok())
            .collect()
    }
}

/// Reads what there is of `registry`.
pub(super) async fn observe(
    context: &Context,
    registry: &PrivateRegistry,
    name: &RegistryName,
    memory: &mut Memory,
) -> Result<Observed, Error> {
    context.stores.ready().await?;
    let secrets = Secrets { context, name };
    let users_log_in = !registry.spec.auth.is_disabled();
    let [ca, tls, credentials, htpasswd, http, pull, push] = name.secrets();
    let mut observed = Observed {
        service: stored(&context.stores.services, name),
        deployment: stored(&context.stores.deployments, name),
        claim: claim(context, &registry.spec, name).await?,
        ca: secrets.read_if(is_self_signed(&registry.spec.tls), &ca, memory).await?,
        tls: secrets.read_if(registry.spec.tls.disabled != Some(true), &tls, memory).await?,
        issued: secrets.read_if(registry.spec.tls.cert_manager.is_some(), &name.issued_secret(), memory).await?,
        credentials: secrets.read_if(users_log_in, &credentials, memory).await?,
        htpasswd: secrets.read_if(users_log_in, &htpasswd, memory).await?,
        http: secrets.read(&http, memory).await?,
        config: config(context, &registry.spec, name).await?,
        pull: secrets.read_if(users_log_in, &pull, memory).await?,
        push: secrets.read_if(users_log_in, &push, memory).await?,
        optional: context.stores.optional.look(name, &wanted_kinds(&registry.spec)).await?,
        ..Observed::default()
    };
    for secret in referenced_secrets(&registry.spec) {
        let read = secrets.read(&secret, memory).await?;
        observed.referenced.insert(secret, read);
    }
    let pods = Pods::of(name, context);
    observed.loaded = super::versions::loaded(&pods, &observed, memory).await?;
    // Of a registry that is stopped nobody waits for a Pod.
    let deployment = observed.deployment.as_deref().filter(|_| registry.spec.replicas != Some(0));
    observed.awaited = pods::awaited(deployment, &pods, memory).await?;
    observed.volume = super::volume::observe(context, name, &pods, &observed).await;
    Ok(observed)
}

/// The child that has the registry's own name, as the watch has shown it.
fn stored<K: DeserializeOwned>(store: &Store<Whole<K>>, name: &RegistryName) -> Option<Arc<K>> {
    store.get(&name.namespace, &name.workload())?.object().map(Arc::new)
}

fn is_self_signed(tls: &Tls) -> bool {
    tls.secret_ref.is_none() && tls.cert_manager.is_none() && tls.disabled != Some(true)
}

/// Names of the Secrets that a spec refers to, without repetitions. What cannot be a name names no Secret: an older CRD may have
/// let it in.
#[must_use]
pub fn referenced_secrets(spec: &PrivateRegistrySpec) -> Vec<String> {
    let passwords = spec.auth.users.iter().map(|user| &user.password_secret_ref.name);
    let certificate = spec.tls.secret_ref.iter().map(|secret| &secret.name);
    let htpasswd = spec.auth.htpasswd_secret_ref.iter().map(|secret| &secret.name);
    let mut names: Vec<_> =
        passwords.chain(htpasswd).chain(certificate).filter(|name| is_object_name(name)).cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// The optional kinds that a spec asks for.
#[must_use]
pub fn wanted_kinds(spec: &PrivateRegistrySpec) -> BTreeSet<OptionalKind> {
    let monitoring = spec.monitoring.as_ref();
    [
        (OptionalKind::Ingress, spec.ingress.is_some()),
        (OptionalKind::HttpRoute, spec.http_route.is_some()),
        (OptionalKind::BackendTlsPolicy, spec.http_route.is_some() && spec.tls.disabled != Some(true)),
        (OptionalKind::NetworkPolicy, spec.network_policy.is_some()),
        (OptionalKind::PodDisruptionBudget, spec.pod_disruption_budget.is_some()),
        (OptionalKind::ServiceMonitor, monitoring.is_some_and(|wanted| wanted.service_monitor.is_some())),
        (OptionalKind::PrometheusRule, monitoring.is_some_and(|wanted| wanted.prometheus_rule.is_some())),
        (OptionalKind::Certificate, spec.tls.cert_manager.is_some()),
    ]
    .into_iter()
    .filter_map(|(kind, wanted)| wanted.then_some(kind))
    .collect()
}

/// The operator's own claim is watched; one that somebody else has made carries no label of ours and is read.
async fn claim(
    context: &Context,
    spec: &PrivateRegistrySpec,
    name: &RegistryName,
) -> Result<Option<Arc<PersistentVolumeClaim>>, Error> {
    let claim = spec.storage.persistent_volume_claim.as_ref();
    let Some(existing) = claim.and_then(|claim| claim.existing_claim.as_deref()) else {
        return Ok(stored(&context.stores.claims, name));
    };
    if !is_object_name(existing) {
        return Ok(None);
    }
    let api = Api::<PersistentVolumeClaim>::namespaced(context.client.clone(), &name.namespace);
    let claim = api.get_opt(existing).await.map_err(read_error("PersistentVolumeClaim", name, existing))?;
    Ok(claim.map(Arc::new))
}

/// config.yml is watched by its version alone. What it says matters when something in the spec may not fit the server.
async fn config(
    context: &Context,
    spec: &PrivateRegistrySpec,
    name: &RegistryName,
) -> Result<Option<ConfigMap>, Error> {
    if spec.config.is_empty() && spec.env.is_empty() {
        return Ok(None);
    }
    let config_map = name.config_map();
    let api = Api::<ConfigMap>::namespaced(context.client.clone(), &name.namespace);
    api.get_opt(&config_map).await.map_err(read_error("ConfigMap", name, &config_map))
}

struct Secrets<'a> {
    context: &'a Context,
    name: &'a RegistryName,
}

impl Secrets<'_> {
    /// A Secret that the spec may have no use for.
    async fn read_if(&self, wanted: bool, secret: &str, memory: &mut Memory) -> Result<Option<Arc<Secret>>, Error> {
        if wanted { self.read(secret, memory).await } else { Ok(None) }
    }

    /// A Secret with its data. One that the watch does not know is asked for all the same, because the watch may be late, and
    /// issuing something a second time would be worse than a request.
    async fn read(&self, secret: &str, memory: &mut Memory) -> Result<Option<Arc<Secret>>, Error> {
        let seen = self.context.stores.secrets.get(&self.name.namespace, secret);
        let version = seen.as_ref().and_then(|seen| seen.resource_version());
        if let Some(known) = memory.secret_of_version(secret, version) {
            return Ok(Some(Arc::new(known.clone())));
        }
        let api = Api::<Secret>::namespaced(self.context.client.clone(), &self.name.namespace);
        let read = api.get_opt(secret).await.map_err(read_error("Secret", self.name, secret))?;
        match &read {
            Some(read) => memory.note_secret(secret, read.clone()),
            None => memory.forget_secret(secret),
        }
        Ok(read.map(Arc::new))
    }
}

fn read_error(kind: &'static str, registry: &RegistryName, name: &str) -> impl FnOnce(kube::Error) -> Error {
    let (namespace, name) = (registry.namespace.clone(), name.to_owned());
    move |source| Error::Read { kind, namespace, name, source }
}

#[cfg(test)]
mod tests {
    use crate::controller::tests::fixtures;

    #[test]
    fn what_is_no_name_is_never_asked_for() {
        let spec = "{tls: {secretRef: {name: '../../hall/secrets/badge'}}, auth: {users: [
            {name: cook, passwordSecretRef: {name: staff}}, {name: maid, passwordSecretRef: {name: staff}},
            {name: thief, passwordSecretRef: {name: 'staff/../../../hall/secrets/safe'}},
            {name: spy, passwordSecretRef: {name: 'staff?fieldSelector=x'}}]}}";
        assert_eq!(super::referenced_secrets(&fixtures::resource(spec).spec), ["staff"]);
    }
}
