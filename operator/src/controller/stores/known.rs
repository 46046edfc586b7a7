//! Of an object no more than its version and whose it is: a tenth of what its metadata takes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt, runtime::reflector::ObjectRef};

use super::RegistryRef;
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{FIELD_MANAGER, RegistryName, label},
};

/// An object's version, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controller) struct Known {
    /// What there is of [`Text`], each after the other: an allocation for each would take as much again.
    texts: Box<str>,
    /// Where each of them ends.
    ends: [u32; Text::ALL.len()],
    /// Further owners of our kind, by their uid: nobody but a person's mistake makes any.
    other_owners: Box<[Box<str>]>,
    /// The registry of another namespace that its labels name, such as that of whose pull Secret it is a copy.
    copy_of: Option<Box<RegistryName>>,
    is_managed: bool,
    is_being_deleted: bool,
}

/// What is kept of an object as text; empty is what it does not have.
#[derive(Clone, Copy, Debug)]
enum Text {
    Namespace,
    Name,
    ResourceVersion,
    /// The first owner reference of our kind.
    OwnerUid,
    OwnerName,
    /// The `PrivateRegistry` that our labels name.
    Instance,
}

impl Text {
    const ALL: [Self; 6] =
        [Self::Namespace, Self::Name, Self::ResourceVersion, Self::OwnerUid, Self::OwnerName, Self::Instance];
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
        let label = |key: &str| object.labels().get(key);
        let is_managed = label(label::MANAGED_BY).is_some_and(|manager| manager == FIELD_MANAGER);
        let copy_of = label(label::REGISTRY_NAMESPACE).zip(label(label::REGISTRY_NAME)).filter(|_| is_managed);
        let mut owners = owners(object);
        let owner = owners.next();
        let text = |text| match text {
            Text::Namespace => metadata.namespace.as_deref(),
            Text::Name => metadata.name.as_deref(),
            Text::ResourceVersion => metadata.resource_version.as_deref(),
            Text::OwnerUid => owner.map(|owner| owner.uid.as_str()),
            Text::OwnerName => owner.map(|owner| owner.name.as_str()),
            Text::Instance => label(label::INSTANCE).filter(|_| is_managed).map(String::as_str),
        };
        let mut texts = String::new();
        let ends = Text::ALL.map(|part| {
            texts.push_str(text(part).unwrap_or_default());
            // No object that an API server keeps has so much.
            u32::try_from(texts.len()).unwrap_or(u32::MAX)
        });
        Self {
            ends,
            other_owners: owners.map(|owner| owner.uid.as_str().into()).collect(),
            copy_of: copy_of
                .map(|(namespace, name)| Box::new(RegistryName { namespace: namespace.clone(), name: name.clone() })),
            is_managed,
            is_being_deleted: metadata.deletion_timestamp.is_some(),
            texts: texts.into(),
        }
    }

    fn text(&self, text: Text) -> Option<&str> {
        let before = (text as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        let text = self.texts.get(before as usize..self.ends[text as usize] as usize)?;
        (!text.is_empty()).then_some(text)
    }

    /// Its namespace; empty where it is in none.
    pub(in crate::controller) fn namespace(&self) -> &str {
        self.text(Text::Namespace).unwrap_or_default()
    }

    /// Its name.
    pub(in crate::controller) fn name(&self) -> &str {
        self.text(Text::Name).unwrap_or_default()
    }

    /// Its version.
    pub(in crate::controller) fn resource_version(&self) -> Option<&str> {
        self.text(Text::ResourceVersion)
    }

    /// The registry that it belongs to: by its owner reference or, as for a claim that is retained, by its labels.
    pub(in crate::controller) fn registry(&self) -> Option<RegistryRef> {
        let name = self.text(Text::OwnerName).or(self.text(Text::Instance))?;
        let namespace = self.text(Text::Namespace)?;
        Some(ObjectRef::new(name).within(namespace))
    }

    /// Ours by its owner reference, or by our labels as a claim that an earlier resource of the same name has left.
    pub(in crate::controller) fn belongs_to(&self, registry: &RegistryName, uid: &str) -> bool {
        self.is_owned_by(uid) || self.text(Text::Instance) == Some(registry.name.as_str())
    }

    /// Whether it goes with this very resource, we keep it, and nobody is deleting it yet.
    pub(in crate::controller) fn is_child_of(&self, uid: &str) -> bool {
        self.is_managed && self.is_owned_by(uid) && !self.is_being_deleted
    }

    /// Whether it is a copy of the pull Secret of `registry`.
    pub(in crate::controller) fn is_copy_of(&self, registry: &RegistryName) -> bool {
        self.copy_of.as_deref() == Some(registry) && self.name() == registry.pull_secret_copy()
    }

    /// Whether it is what nodes are told of `registry`.
    pub(in crate::controller) fn tells_of(&self, registry: &RegistryName) -> bool {
        self.copy_of.as_deref() == Some(registry) && self.name() == registry.node_trust_config_map()
    }

    /// The registry that its labels name, which is in another namespace.
    pub(in crate::controller) fn names_registry(&self) -> Option<RegistryName> {
        self.copy_of.as_deref().cloned()
    }

    fn is_owned_by(&self, uid: &str) -> bool {
        self.text(Text::OwnerUid) == Some(uid) || self.other_owners.iter().any(|other| **other == *uid)
    }
}

fn owners(object: &impl ResourceExt) -> impl Iterator<Item = &OwnerReference> {
    object.owner_references().iter().filter(|owner| {
        owner.kind == PrivateRegistry::kind(&()) && owner.api_version == PrivateRegistry::api_version(&())
    })
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
    fn each_text_is_what_it_was_whichever_is_missing() {
        let all = seen(&json!({"name": "x", "namespace": "kitchen", "resourceVersion": "7"}));
        assert_eq!((all.namespace(), all.name(), all.resource_version()), ("kitchen", "x", Some("7")));
        let nameless = seen(&json!({"namespace": "kitchen"}));
        assert_eq!((nameless.namespace(), nameless.name(), nameless.resource_version()), ("kitchen", "", None));
        let nowhere = seen(&json!({"name": "x"}));
        assert_eq!((nowhere.namespace(), nowhere.name(), nowhere.registry()), ("", "x", None));
    }

    #[test]
    fn a_child_of_two_resources_goes_with_each_and_is_found_by_the_first() {
        let owner = |name, uid| json!({"apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry", "name": name, "uid": uid});
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "shelf", "uid": "0"});
        let child = json!({"name": "x", "namespace": "kitchen",
            "labels": {"app.kubernetes.io/managed-by": "private-registry-operator"},
            "ownerReferences": [other, owner("larder", "1"), owner("cellar", "2")]});
        assert!(owner_of(&child).unwrap().contains("larder.kitchen"));
        let child = seen(&child);
        assert_eq!(["0", "1", "2", ""].map(|uid| child.is_child_of(uid)), [false, true, true, false]);
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
