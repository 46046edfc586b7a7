//! A `PrivateRegistry` as its watch has shown it: what the controller knows it by, and all of it packed.
//!
//! Whether it has the shape of our kind shows when it is read. One that has not breaks no watch.

use std::borrow::Cow;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Resource,
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::reflector::ObjectRef,
};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use super::packed::Packed;
use crate::api::v1alpha1::PrivateRegistry;

/// How the controller calls a registry.
pub(in crate::controller) type RegistryRef = ObjectRef<StoredRegistry>;

/// Parts of the metadata that nobody looks at, and that can be more than the rest.
const UNUSED: [&str; 2] = ["managedFields", "labels"];
/// The object once more, as `kubectl apply` leaves it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A `PrivateRegistry` that was not read yet.
#[derive(Clone, Debug)]
pub(in crate::controller) struct StoredRegistry {
    /// Namespace, name, uid and version.
    metadata: ObjectMeta,
    packed: Packed<Map<String, Value>>,
}

impl StoredRegistry {
    /// The object, or why it is none of our kind.
    pub(in crate::controller) fn read(&self) -> Result<PrivateRegistry, Box<InvalidObject>> {
        match self.packed.read::<DeserializeGuard<_>>() {
            Ok(DeserializeGuard(read)) => read.map_err(Box::new),
            Err(error) => Err(Box::new(InvalidObject { error: error.to_string(), metadata: self.metadata.clone() })),
        }
    }
}

impl<'de> Deserialize<'de> for StoredRegistry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::<String, Value>::deserialize(deserializer)?;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|part, _| !UNUSED.contains(&part.as_str()));
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(LAST_APPLIED);
            }
        }
        let text = |key: &str| Some(object.get("metadata")?.get(key)?.as_str()?.to_owned());
        let metadata = ObjectMeta {
            namespace: text("namespace"),
            name: Some(text("name").ok_or_else(|| D::Error::custom("the object has no name"))?),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { metadata, packed: Packed::of(&object) })
    }
}

impl Resource for StoredRegistry {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        PrivateRegistry::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        PrivateRegistry::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        PrivateRegistry::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        PrivateRegistry::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(spec: &Value) -> StoredRegistry {
        serde_json::from_value(json!({
            "apiVersion": "privateregistry.io/v1alpha1", "kind": "PrivateRegistry",
            "metadata": {"name": "larder", "namespace": "kitchen", "uid": "1", "resourceVersion": "7",
                "managedFields": [{"manager": "cook"}],
                "annotations": {LAST_APPLIED: "{}", "privateregistry.io/paused": "true"}},
            "spec": spec
        }))
        .unwrap()
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let registry = stored(&json!({"replicas": 0})).read().unwrap();
        assert_eq!(registry.spec.replicas, Some(0));
        assert_eq!(registry.metadata.resource_version.as_deref(), Some("7"));
        let annotations = registry.metadata.annotations.unwrap();
        assert_eq!(annotations.into_iter().collect::<Vec<_>>(), [("privateregistry.io/paused".into(), "true".into())]);
    }

    #[test]
    fn one_that_is_none_of_our_kind_is_known_by_its_name() {
        let stored = stored(&json!({"replicas": "many"}));
        assert_eq!(stored.meta().name.as_deref(), Some("larder"));
        let error = stored.read().unwrap_err();
        assert!(error.error.contains("many"), "{error}");
        assert_eq!(error.metadata.namespace.as_deref(), Some("kitchen"));
        assert!(serde_json::from_value::<StoredRegistry>(json!({"metadata": {}})).is_err());
    }
}
