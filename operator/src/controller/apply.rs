//! Step five: server-side apply in order, then prune.
//!
//! One field manager, with force: what a person changes in a field that we set comes back. An object is applied only when what
//! is wanted, or what the watch has seen, is not what the last apply left: at rest nothing is sent.
//!
//! What is in a Secret follows from what was in it: a person who takes a password out of one has another one made. A Secret is
//! therefore applied over the version that was read alone. One that somebody writes meanwhile ends the pass; the next one reads it.
//!
//! Of a paused registry only Secrets are applied: the running server reads them again by itself, and certificates and passwords
//! that stood still would lock people out. Whatever starts, stops or changes a Pod, or leads clients to it, stays as it is.

pub(super) mod claim;
mod optional;
mod prune;

use std::{borrow::Cow, fmt::Debug, marker::PhantomData};

use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Context,
    build::{Applied, Children, Desired, Resources, pull_secret::for_the_same_hosts},
    memory::Memory,
    registry::Registry,
    stores::{Known, Store, Stores, Whole},
};
use crate::names::FIELD_MANAGER;

/// Why a child could not be brought to what it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("failed to {verb} {kind} {namespace}/{name}")]
    Request {
        /// What was to be done.
        verb: &'static str,
        /// Kind of the object.
        kind: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
    /// Somebody has written it after it was read.
    #[error("failed to apply {kind} {namespace}/{name}: it was changed meanwhile; it is read again")]
    Outdated {
        /// Kind of the object.
        kind: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
    /// Somebody else's object has the name.
    #[error(
        "failed to create {kind} {namespace}/{name}: an object of that name exists and does not belong to this \
         PrivateRegistry; delete it, or give the PrivateRegistry another name"
    )]
    Taken {
        /// Kind of the object.
        kind: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The object cannot be written as JSON.
    #[error("failed to serialize {kind}")]
    Serialize {
        /// Kind of the object.
        kind: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    /// Whether the namespace is being deleted, so that nothing can be made in it any more.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        matches!(self, Self::Request { source, .. } if is_namespace_terminating(source))
    }
}

/// Whether something could not be made because its namespace is being deleted.
pub(super) fn is_namespace_terminating(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// What the last apply of an object was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) kind: Cow<'static, str>,
    pub(super) name: Box<str>,
    desired: [u8; 32],
    resource_version: Option<Box<str>>,
}

impl Record {
    /// Whether it is about this object.
    pub(super) fn is_about(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && *self.name == *name
    }
}

/// Brings every child to what it should be and removes those that are no longer wanted.
pub(super) async fn apply(
    context: &Context,
    registry: &Registry,
    desired: Resources<Desired>,
    memory: &mut Memory,
) -> Result<Resources<Applied>, Error> {
    let Resources { service, children, phase: PhantomData } = desired;
    let mut apply = Apply { client: &context.client, registry, memory };
    let stores = &context.stores;
    let service = apply.one(service, &stores.services).await?;
    let Some(children) = children else { return Ok(Resources { service, children: None, phase: PhantomData }) };

    // No `..`: a new child has to be given its place in this order. What the Pod mounts comes before the Pod, and a password's
    // hash before anybody is told the password.
    let Children {
        service_account,
        authority,
        certificate,
        issued,
        credentials,
        htpasswd,
        http,
        pull,
        push,
        config,
        claim,
        deployment,
        authorities,
        metrics_service,
        network_policy,
        optional,
    } = children;
    let service_account = match service_account {
        Some(account) => Some(apply.one_by_version(account, &stores.service_accounts).await?),
        None => None,
    };
    let authority = apply.optional_secret(authority, stores).await?;
    let certificate = apply.optional_secret(certificate, stores).await?;
    let issued = apply.optional_secret(issued, stores).await?;
    let credentials = apply.optional_secret(credentials, stores).await?;
    let htpasswd = apply.optional_secret(htpasswd, stores).await?;
    let http = apply.secret(http, stores).await?;
    let [pull, push] = [pull, push].map(|secret| secret.map(|secret| apply.unless_hosts_wait(secret)));
    let pull = apply.optional_secret(pull, stores).await?;
    let push = apply.optional_secret(push, stores).await?;
    let config = apply.one_by_version(config, &stores.config_maps).await?;
    // Whatever is refused here must not hold up a Pod that may have its volume already.
    let claim = apply.optional_claim(claim, stores).await;
    let network_policy = apply.all_optional(network_policy.into_iter().collect(), &stores.optional).await?.pop();
    let deployment = apply.one(deployment, &stores.deployments).await?;
    let authorities = match authorities {
        Some(map) => Some(apply.one_by_version(map, &stores.config_maps).await?),
        None => None,
    };
    let metrics_service = match metrics_service {
        Some(service) => Some(apply.one(service, &stores.services).await?),
        None => None,
    };
    // An admission controller that refuses one of these does not hold up the Pod either.
    let optional = apply.all_optional(optional, &stores.optional).await?;
    let applied = Children {
        service_account,
        authority,
        certificate,
        issued,
        credentials,
        htpasswd,
        http,
        pull,
        push,
        config,
        claim: claim?,
        deployment,
        authorities,
        metrics_service,
        network_policy,
        optional,
    };
    if !registry.paused {
        prune::prune(context, registry, &service, &applied).await?;
    }
    Ok(Resources { service, children: Some(applied), phase: PhantomData })
}

struct Apply<'a> {
    client: &'a Client,
    registry: &'a Registry,
    memory: &'a mut Memory,
}

/// What every child's kind can do.
trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync
{
}

impl<K> Child for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
{
}

impl Apply<'_> {
    /// Applies an object of a kind that is watched as a whole, and returns it with its status.
    async fn one<K: Child>(&mut self, desired: K, store: &Store<Whole<K>>) -> Result<K, Error> {
        let seen = store.get(&self.registry.name.namespace, &desired.name_any());
        if self.registry.paused {
            return Ok(seen.and_then(|seen| seen.object()).unwrap_or(desired));
        }
        let version = seen.as_deref().and_then(|seen| seen.as_ref().resource_version().map(str::to_owned));
        Ok(match self.unless_unchanged(desired, version).await? {
            Outcome::Applied(object) => object,
            Outcome::Unchanged(desired) => seen.and_then(|seen| seen.object()).unwrap_or(desired),
        })
    }

    /// Applies an object of a kind of which only the version is watched.
    async fn one_by_version<K: Child>(&mut self, desired: K, store: &Store<Known>) -> Result<K, Error> {
        if self.registry.paused {
            return Ok(desired);
        }
        let seen = store.get(&self.registry.name.namespace, &desired.name_any());
        let version = seen.and_then(|seen| seen.resource_version().map(str::to_owned));
        Ok(match self.unless_unchanged(desired, version).await? {
            Outcome::Applied(object) | Outcome::Unchanged(object) => object,
        })
    }

    /// Applies a Secret and remembers it, so that the next pass does not have to read what this one has written.
    async fn secret(&mut self, desired: Secret, stores: &Stores) -> Result<Secret, Error> {
        let name = desired.name_any();
        // This watch alone shows what is not ours, too. With a uid the very object is meant that was looked at: cert-manager's.
        let seen = stores.secrets.get(&self.registry.name.namespace, &name);
        let seen = seen.filter(|seen| desired.metadata.uid.is_some() || self.is_ours(seen));
        let version = seen.and_then(|seen| seen.resource_version().map(str::to_owned));
        let read = self.memory.secret(&name).map(|read| read.metadata.clone());
        let api = Api::namespaced(self.client.clone(), &self.registry.name.namespace);
        let outcome = self.unless_unchanged_through(&api, Secret::kind(&()), desired, version, read);
        Ok(match outcome.await? {
            Outcome::Unchanged(secret) => secret,
            Outcome::Applied(secret) => {
                self.memory.note_secret(&name, secret.clone());
                secret
            }
        })
    }

    /// The hosts that a new spec asks for wait with the Service while the registry is paused.
    fn unless_hosts_wait(&mut self, desired: Secret) -> Secret {
        match self.memory.secret(&desired.name_any()).filter(|_| self.registry.paused) {
            Some(known) => for_the_same_hosts(known, desired),
            None => desired,
        }
    }

    async fn optional_secret(&mut self, desired: Option<Secret>, stores: &Stores) -> Result<Option<Secret>, Error> {
        match desired {
            Some(secret) => self.secret(secret, stores).await.map(Some),
            None => Ok(None),
        }
    }

    async fn unless_unchanged<K: Child>(&mut self, desired: K, seen: Option<String>) -> Result<Outcome<K>, Error> {
        let api = Api::<K>::namespaced(self.client.clone(), &self.registry.name.namespace);
        self.unless_unchanged_through(&api, K::kind(&()), desired, seen, None).await
    }

    /// `over`: what `desired` follows from; neither another version of it is written over nor is it made again.
    async fn unless_unchanged_through<K>(
        &mut self,
        api: &Api<K>,
        kind: Cow<'static, str>,
        mut desired: K,
        seen: Option<String>,
        over: Option<ObjectMeta>,
    ) -> Result<Outcome<K>, Error>
    where
        K: Resource + Clone + Debug + Serialize + DeserializeOwned,
    {
        let name = desired.name_any();
        let hash = hash(&desired).map_err(|source| Error::Serialize { kind: kind.to_string(), source })?;
        let record = self.memory.record(&kind, &name);
        let unchanged =
            |record: &Record| record.desired == hash && record.resource_version.as_deref() == seen.as_deref();
        if seen.is_some() && record.is_some_and(unchanged) {
            return Ok(Outcome::Unchanged(desired));
        }
        if record.is_none() && seen.is_none() {
            self.refuse_taken(api, &kind, &name).await?;
        }
        if let Some(ObjectMeta { uid, resource_version, .. }) = over {
            // With the version alone, what was deleted would be made again.
            (desired.meta_mut().uid, desired.meta_mut().resource_version) = (uid, resource_version);
        }
        let mut applied = api
            .patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&desired))
            .await
            .map_err(|source| self.apply_error(kind.to_string(), &desired, source))?;
        // Often more than the object itself, and kept for nothing.
        applied.meta_mut().managed_fields = None;
        let resource_version = applied.meta().resource_version.as_deref().map(Box::from);
        self.memory.note_record(Record { kind, name: name.into(), desired: hash, resource_version });
        Ok(Outcome::Applied(applied))
    }

    /// An object that no watch shows as ours may be somebody else's. Applied by force it would silently become ours.
    async fn refuse_taken<K>(&self, api: &Api<K>, kind: &str, name: &str) -> Result<(), Error>
    where
        K: Resource + Clone + Debug + DeserializeOwned,
    {
        let there =
            api.get_metadata_opt(name).await.map_err(self.request_error("read", kind.to_owned(), name.to_owned()))?;
        match there {
            Some(object) if !self.is_ours(&Known::of(&object)) => Err(Error::Taken {
                kind: kind.to_owned(),
                namespace: self.registry.name.namespace.clone(),
                name: name.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn is_ours(&self, seen: &Known) -> bool {
        seen.belongs_to(&self.registry.name, &self.registry.owner.uid)
    }

    fn apply_error(&self, kind: String, desired: &impl ResourceExt, source: kube::Error) -> Error {
        let (namespace, name) = (self.registry.name.namespace.clone(), desired.name_any());
        match &source {
            kube::Error::Api(status) if desired.resource_version().is_some() && status.code == 409 => {
                Error::Outdated { kind, namespace, name, source }
            }
            _ => Error::Request { verb: "apply", kind, namespace, name, source },
        }
    }

    fn request_error(
        &self,
        verb: &'static str,
        kind: String,
        name: String,
    ) -> impl FnOnce(kube::Error) -> Error + use<> {
        let namespace = self.registry.name.namespace.clone();
        move |source| Error::Request { verb, kind, namespace, name, source }
    }
}

enum Outcome<K> {
    /// As the API server has it.
    Applied(K),
    /// As it was wanted: nothing was sent.
    Unchanged(K),
}

/// What tells whether an object is wanted as it was wanted before.
pub(super) fn hash(object: &impl Serialize) -> Result<[u8; 32], serde_json::Error> {
    let json = serde_json::to_vec(object)?;
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &json).as_ref());
    Ok(hash)
}

#[cfg(test)]
mod tests;
