//! Objects whose content is looked at.

use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment},
    core::v1::{PersistentVolumeClaim, PodTemplateSpec, Service},
};
use kube::Resource;
use serde::{Serialize, de::DeserializeOwned};

use super::{Known, packed::Packed};

/// A kind of which nobody looks at some parts.
pub(in crate::controller) trait Trim {
    /// Takes those parts away.
    fn trim(&mut self) {}
}

impl Trim for Service {}
impl Trim for PersistentVolumeClaim {}

impl Trim for DaemonSet {
    fn trim(&mut self) {
        if let Some(spec) = &mut self.spec {
            spec.template = PodTemplateSpec::default();
        }
    }
}

impl Trim for Deployment {
    fn trim(&mut self) {
        self.spec = None;
    }
}

/// An object with its content.
#[derive(Clone, Debug)]
pub(in crate::controller) struct Whole<K> {
    seen: Known,
    packed: Packed<K>,
}

impl<K> From<K> for Whole<K>
where
    K: Resource<DynamicType = ()> + Serialize + Trim,
{
    fn from(mut object: K) -> Self {
        let seen = Known::of(&object);
        object.trim();
        forget_unused(&mut object);
        Self { seen, packed: Packed::of(&object) }
    }
}

/// What is needed of these is in [`Known`]; together they are more than many an object itself.
pub(in crate::controller) fn forget_unused(object: &mut impl Resource) {
    let metadata = object.meta_mut();
    (metadata.managed_fields, metadata.labels, metadata.owner_references) = (None, None, None);
}

impl<K: DeserializeOwned> Whole<K> {
    /// The object, but its labels, owner references, managed fields and what its kind trims.
    pub(in crate::controller) fn object(&self) -> Option<K> {
        // It was packed as what it is read.
        self.packed.object().ok()
    }
}

impl<K> AsRef<Known> for Whole<K> {
    fn as_ref(&self) -> &Known {
        &self.seen
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_looked_at_is_kept() {
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "larder", "namespace": "kitchen", "uid": "1", "resourceVersion": "7", "generation": 3,
                "labels": {"app.kubernetes.io/managed-by": "private-registry-operator"},
                "managedFields": [{"manager": "cook"}]},
            "spec": {"selector": {}, "template": {}},
            "status": {"observedGeneration": 3, "readyReplicas": 1}
        }))
        .unwrap();
        let whole = Whole::from(deployment.clone());
        assert_eq!(whole.as_ref().resource_version(), Some("7"));
        let kept = whole.object().unwrap();
        assert_eq!((kept.status, kept.metadata.generation), (deployment.status, Some(3)));
        assert_eq!((kept.spec, kept.metadata.managed_fields, kept.metadata.labels), (None, None, None));
    }
}
