//! The children of optional kinds: applied like all others, and pruned where their kind is watched.

use std::collections::HashSet;

use kube::{Api, ResourceExt, api::DynamicObject};

use super::{
    Apply, Error, Outcome,
    prune::{delete, is_orphan},
};
use crate::controller::{
    Context,
    optional_kinds::{OptionalChild, OptionalKind, OptionalKinds},
    registry::Registry,
    stores::Known,
};

impl Apply<'_> {
    pub(super) async fn optional(
        &mut self,
        child: OptionalChild,
        kinds: &OptionalKinds,
    ) -> Result<OptionalChild, Error> {
        if self.registry.paused {
            return Ok(child);
        }
        let OptionalChild { kind, object } = child;
        let seen = kinds.seen(kind, &self.registry.name, &object.name_any());
        let api = api(self.client, kind, self.registry);
        let (Outcome::Applied(object) | Outcome::Unchanged(object)) =
            self.unless_unchanged_through(&api, kind.kind().into(), object, seen, None).await?;
        Ok(OptionalChild { kind, object })
    }

    /// All of them, in order.
    pub(super) async fn all_optional(
        &mut self,
        children: Vec<OptionalChild>,
        kinds: &OptionalKinds,
    ) -> Result<Vec<OptionalChild>, Error> {
        let mut applied = Vec::with_capacity(children.len());
        for child in children {
            applied.push(self.optional(child, kinds).await?);
        }
        Ok(applied)
    }
}

/// Deletes children of optional kinds that carry our labels, are owned by this very resource and were not applied.
pub(super) async fn prune(context: &Context, registry: &Registry, applied: &[&OptionalChild]) -> Result<(), Error> {
    for (kind, store) in context.stores.optional.stores() {
        let of_kind = applied.iter().filter(|child| child.kind == kind);
        let wanted: HashSet<_> = of_kind.map(|child| child.object.name_any()).collect();
        let of_namespace =
            store.state_filter(|child| child.metadata.namespace.as_deref() == Some(&registry.name.namespace));
        let mut orphans: Vec<_> = of_namespace.iter().map(|child| Known::of(child.as_ref())).collect();
        orphans.retain(|child| is_orphan(child, registry, &wanted));
        delete(&api(&context.client, kind, registry), kind.kind().into(), registry, &orphans).await?;
    }
    Ok(())
}

fn api(client: &kube::Client, kind: OptionalKind, registry: &Registry) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &registry.name.namespace, &kind.resource())
}
