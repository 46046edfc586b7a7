//! Of an object no more than its version and whose it is: a tenth of what its metadata takes.

use kube::{Resource, ResourceExt, runtime::reflector::ObjectRef};

use super::RegistryRef;
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{FIELD_MANAGER, RegistryName, label},
};

/// An object's version, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controller) struct Known {
    pub(in crate::controller) namespace: Box<str>,
    pub(in crate::controller) name: Box<str>,
    pub(in crate::controller) resource_version: Option<Box<str>>,
    /// What its owner references name of our kind.
    owners: Box<[Owner]>,
    /// The `PrivateRegistry` that our labels name.
    instance: Option<Box<str>>,
    /// The registry of which it says to be a copy of the pull Secret.
    copy_of: Option<Box<RegistryName>>,
    is_managed: bool,
    is_being_deleted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    uid: Box<str>,
    name: Box<str>,
}

impl<K: ResourceExt> From<K> for Known {
    fn from(object: K) -> Self {
        Self::of(&object)
    }
}

impl AsRef<Self> for Known {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Known {
    /// What there is to see of `object`.
    pub(in crate::controller) fn of(object: &impl ResourceExt) -> Self {
        let metadata = object.meta();
        let text = |value: &Option<String>| value.as_deref().map(Box::from);
        let label = |key: &str| object.labels().get(key);
        let is_managed = label(label::MANAGED_BY).is_some_and(|manager| manager == FIELD_MANAGER);
        let copy_of = label(label::REGISTRY_NAMESPACE).zip(label(label::REGISTRY_NAME)).filter(|_| is_managed);
        Self {
            namespace: text(&metadata.namespace).unwrap_or_default(),
            name: text(&metadata.name).unwrap_or_default(),
            resource_version: text(&metadata.resource_version),
            owners: owners(object).collect(),
            instance: label(label::INSTANCE).filter(|_| is_managed).map(|name| name.as_str().into()),
            copy_of: copy_of
                .map(|(namespace, name)| Box::new(RegistryName { namespace: namespace.clone(), name: name.clone() })),
            is_managed,
            is_being_deleted: metadata.deletion_timestamp.is_some(),
        }
    }

    /// Its version.
    pub(in crate::controller) fn resource_version(&self) -> Option<String> {
        self.resource_version.as_deref().map(str::to_owned)
    }

    /// The registry that it belongs to: by its owner reference or, as for a claim that is retained, by its labels.
    pub(in crate::controller) fn registry(&self) -> Option<RegistryRef> {
        let name = self.owners.first().map(|owner| &owner.name).or(self.instance.as_ref())?;
        (!self.namespace.is_empty()).then(|| ObjectRef::new(name).within(&self.namespace))
    }

    /// Ours by its owner reference, or by our labels as a claim that an earlier resource of the same name has left.
    pub(in crate::controller) fn belongs_to(&self, registry: &RegistryName, uid: &str) -> bool {
        self.is_owned_by(uid) || self.instance.as_deref() == Some(registry.name.as_str())
    }

    /// Whether it goes with this very resource, we keep it, and nobody is deleting it yet.
    pub(in crate::controller) fn is_child_of(&self, uid: &str) -> bool {
        self.is_managed && self.is_owned_by(uid) && !self.is_being_deleted
    }

    /// Whether it is a copy of the pull Secret of `registry`.
    pub(in crate::controller) fn is_copy_of(&self, registry: &RegistryName) -> bool {
        *self.name == *registry.pull_secret_copy() && self.copy_of.as_deref() == Some(registry)
    }

    fn is_owned_by(&self, uid: &str) -> bool {
        self.owners.iter().any(|owner| *owner.uid == *uid)
    }
}

fn owners(object: &impl ResourceExt) -> impl Iterator<Item = Owner> {
    let references = object.owner_references().iter();
    let ours = references.filter(|owner| {
        owner.kind == PrivateRegistry::kind(&()) && owner.api_version == PrivateRegistry::api_version(&())
    });
    ours.map(|owner| Owner { uid: owner.uid.as_str().into(), name: owner.name.as_str().into() })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn seen(metadata: &serde_json::Value) -> Known {
        let child: ConfigMap = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
        Known::of(&child)
    }

    fn owner_of(metadata: &serde_json::Value) -> Option<String> {
        seen(metadata).registry().map(|reference| reference.to_string())
    }

    #[test]
    fn a_child_is_found_by_its_owner_reference_or_its_labels() {
        let by_reference = json!({"name": "x", "namespace": "kitchen", "ownerReferences": [
            {"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry", "name": "larder", "uid": "1"}]});
        let by_labels = json!({"name": "x", "namespace": "kitchen", "labels": {
            "app.kubernetes.io/managed-by": "private-registry-operator", "app.kubernetes.io/instance": "cellar"}});
        let by_others = json!({"name": "x", "namespace": "kitchen", "labels": {
            "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "attic"}});
        assert!(owner_of(&by_reference).unwrap().contains("larder.kitchen"), "{:?}", owner_of(&by_reference));
        assert!(owner_of(&by_labels).unwrap().contains("cellar.kitchen"));
        assert_eq!(owner_of(&by_others), None);
    }

    #[test]
    fn a_child_is_one_that_we_keep_and_that_goes_with_this_very_resource() {
        let child = json!({"name": "x", "namespace": "kitchen",
            "labels": {"app.kubernetes.io/managed-by": "private-registry-operator"},
            "ownerReferences": [
                {"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry", "name": "larder", "uid": "1"}]});
        assert!(seen(&child).is_child_of("1") && !seen(&child).is_child_of("2"));
        let mut deleted = child.clone();
        deleted["metadata"] = json!(null);
        deleted["deletionTimestamp"] = json!("2031-05-06T07:08:09Z");
        assert!(!seen(&deleted).is_child_of("1"));
        let mut theirs = child;
        theirs["labels"] = json!({});
        assert!(!seen(&theirs).is_child_of("1"));
    }
}
