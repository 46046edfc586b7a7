//! The end of step five: what carries our labels, is owned by this very resource and is not wanted any more goes.

use std::{borrow::Cow, collections::HashSet, fmt::Debug};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
};
use serde::de::DeserializeOwned;

use super::{Child, Error, optional};
use crate::controller::{
    Context,
    build::Children,
    registry::Registry,
    stores::{Known, Store},
};

/// Deletes the children of `registry` that were not applied. A claim is never pruned.
pub(super) async fn prune(
    context: &Context,
    registry: &Registry,
    service: &Service,
    applied: &Children,
) -> Result<(), Error> {
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
        claim: _,
        deployment,
        authorities,
        metrics_service,
        network_policy,
        optional,
    } = applied;
    let secrets = [authority, certificate, issued, credentials, htpasswd, pull, push].into_iter().flatten();
    let secrets = secrets.chain([http]).map(ResourceExt::name_any).collect();
    let stores = &context.stores;
    // Before Secrets: cert-manager would make that of a Certificate anew.
    optional::prune(context, registry, &optional.iter().chain(network_policy).collect::<Vec<_>>()).await?;
    prune_kind::<Secret>(context, registry, &stores.secrets, &secrets).await?;
    let config_maps = [config].into_iter().chain(authorities).map(ResourceExt::name_any).collect();
    prune_kind::<ConfigMap>(context, registry, &stores.config_maps, &config_maps).await?;
    let service_accounts = service_account.iter().map(ResourceExt::name_any).collect();
    prune_kind::<ServiceAccount>(context, registry, &stores.service_accounts, &service_accounts).await?;
    let services = [service].into_iter().chain(metrics_service).map(ResourceExt::name_any).collect();
    prune_kind::<Service>(context, registry, &stores.services, &services).await?;
    prune_kind::<Deployment>(context, registry, &stores.deployments, &[deployment.name_any()].into()).await
}

async fn prune_kind<K: Child>(
    context: &Context,
    registry: &Registry,
    store: &Store<impl AsRef<Known>>,
    wanted: &HashSet<String>,
) -> Result<(), Error> {
    let api = Api::<K>::namespaced(context.client.clone(), &registry.name.namespace);
    let orphans = store.in_namespace(&registry.name.namespace, |child| is_orphan(child.as_ref(), registry, wanted));
    let orphans: Vec<_> = orphans.iter().map(|orphan| (**orphan).as_ref().clone()).collect();
    delete(&api, K::kind(&()), registry, &orphans).await
}

/// Deletes objects as they were seen, and not what has their names by now.
pub(super) async fn delete<K>(
    api: &Api<K>,
    kind: Cow<'static, str>,
    registry: &Registry,
    orphans: &[Known],
) -> Result<(), Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    for orphan in orphans {
        let name = orphan.name().to_owned();
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: None,
                resource_version: orphan.resource_version().map(str::to_owned),
            }),
            ..DeleteParams::background()
        };
        match api.delete(&name, &parameters).await {
            Ok(_) => tracing::info!(registry = %registry.name, %kind, name, "deleted what is no longer wanted"),
            // Gone already, or another version by now: the watch will tell.
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {}
            Err(source) => {
                let (kind, namespace) = (kind.into_owned(), registry.name.namespace.clone());
                return Err(Error::Request { verb: "delete", kind, namespace, name, source });
            }
        }
    }
    Ok(())
}

/// Whether `child` is a child of `registry` whose name is not among those `wanted`.
pub(super) fn is_orphan(child: &Known, registry: &Registry, wanted: &HashSet<String>) -> bool {
    child.is_child_of(&registry.owner.uid) && !wanted.contains(child.name())
}
