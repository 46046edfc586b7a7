//! Where blobs are kept, and what happens to them with the resource.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_object_name;

/// Where blobs are kept: at most one of `persistentVolumeClaim` and `emptyDir`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.persistentVolumeClaim) && has(self.emptyDir))")
        .message("storage takes one of persistentVolumeClaim and emptyDir, not both"),
    validation = Rule::new("has(self.emptyDir) == has(oldSelf.emptyDir)")
        .message("storage cannot change between persistentVolumeClaim and emptyDir: what is stored would be lost; \
                  create another PrivateRegistry and copy the images"),
    // The claim's rules stand here and not on the claim, because leaving `persistentVolumeClaim` out means the same as
    // writing its defaults, and a rule on a field does not run when the field comes or goes. The one about the size needs the
    // status, and stands at the top.
    validation = Rule::new("has(self.emptyDir) || has(oldSelf.emptyDir) || (has(self.persistentVolumeClaim) && \
        has(self.persistentVolumeClaim.storageClassName) ? self.persistentVolumeClaim.storageClassName : '') == (\
        has(oldSelf.persistentVolumeClaim) && has(oldSelf.persistentVolumeClaim.storageClassName) ? \
        oldSelf.persistentVolumeClaim.storageClassName : '')")
        .message("storage.persistentVolumeClaim.storageClassName cannot change: a claim stays in its class; create another \
                  PrivateRegistry and copy the images"),
    validation = Rule::new("has(self.emptyDir) || has(oldSelf.emptyDir) || (has(self.persistentVolumeClaim) && \
        has(self.persistentVolumeClaim.accessModes) ? self.persistentVolumeClaim.accessModes : ['ReadWriteOnce']) == (\
        has(oldSelf.persistentVolumeClaim) && has(oldSelf.persistentVolumeClaim.accessModes) ? \
        oldSelf.persistentVolumeClaim.accessModes : ['ReadWriteOnce'])")
        .message("storage.persistentVolumeClaim.accessModes cannot change (left out, it is [ReadWriteOnce]): Kubernetes \
                  fixes them when the claim is made"),
    validation = Rule::new("has(self.emptyDir) || has(oldSelf.emptyDir) || (has(self.persistentVolumeClaim) && \
        has(self.persistentVolumeClaim.existingClaim) ? self.persistentVolumeClaim.existingClaim : '') == (\
        has(oldSelf.persistentVolumeClaim) && has(oldSelf.persistentVolumeClaim.existingClaim) ? \
        oldSelf.persistentVolumeClaim.existingClaim : '')")
        .message("storage.persistentVolumeClaim.existingClaim cannot change: the registry would lose what it stores; create \
                  another PrivateRegistry for the other claim")
)]
pub struct Storage {
    /// Blobs are kept on a `PersistentVolumeClaim`. The default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<PersistentVolumeClaim>,

    /// Blobs are kept in the Pod and are gone with it: for throw-away registries. Defaults to not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_dir: Option<EmptyDir>,

    /// What happens to the claim when the `PrivateRegistry` is deleted. Retain, the default, keeps it, and a new `PrivateRegistry`
    /// of the same name takes it over again; Delete deletes it and all images in it. A claim named by `existingClaim` is never
    /// deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// A claim made and kept by the operator, or one that exists already.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.existingClaim) || !(has(self.size) || has(self.storageClassName) || \
    has(self.accessModes))").message("existingClaim stands alone: size, storageClassName and accessModes are those of the claim \
    that exists"))]
pub struct PersistentVolumeClaim {
    /// Size of the claim, such as 10Gi. It can grow, if the storage class allows it, and never shrink below what the claim has.
    /// Defaults to 10Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
        .message("size must be a positive quantity such as 10Gi"))]
    pub size: Option<String>,

    /// Storage class of the claim. Defaults to the cluster's default class. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,

    /// Access modes of the claim. Defaults to `ReadWriteOnce` alone. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2))]
    pub access_modes: Option<Vec<AccessMode>>,

    /// Name of a `PersistentVolumeClaim` in the same namespace that exists already, for instance one that an earlier registry
    /// wrote. The operator uses it and never changes or deletes it. Defaults to none: a claim of the registry's name is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(is_object_name("self")).message("existingClaim must be the name of a PersistentVolumeClaim \
        in the same namespace: lower case letters, digits, '-' and '.'"))]
    pub existing_claim: Option<String>,
}

/// Storage that lives and dies with the Pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDir {
    /// Size at which the kubelet evicts the Pod, such as 5Gi. Defaults to no limit but the node's disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
        .message("sizeLimit must be a positive quantity such as 5Gi"))]
    pub size_limit: Option<String>,
}

/// CEL, for the whole object: that the claim's size does not shrink, but for a growth that has not come about, which can be taken
/// back to what the claim has.
pub(super) fn size_does_not_shrink() -> String {
    let claim = |object: &str| format!("{object}.spec.storage.persistentVolumeClaim");
    let size = |object: &str| {
        let claim = claim(object);
        format!("quantity(has({object}.spec.storage) && has({claim}) && has({claim}.size) ? {claim}.size : '10Gi')")
    };
    let (new, old) = (size("self"), size("oldSelf"));
    let status = "self.status.storage";
    format!(
        "{new}.compareTo({old}) >= 0 || (has(self.spec.storage) && has(self.spec.storage.emptyDir)) || \
         (has(self.status) && has({status}) && has({status}.capacity) && \
         {new}.compareTo(quantity({status}.capacity)) >= 0)"
    )
}

/// How the claim may be mounted. The registry always writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessMode {
    /// By Pods of one node.
    ReadWriteOnce,
    /// By one Pod.
    ReadWriteOncePod,
    /// By Pods of many nodes.
    ReadWriteMany,
}

impl AccessMode {
    /// As the claim's API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
            Self::ReadWriteMany => "ReadWriteMany",
        }
    }
}

/// What happens to the claim when the resource is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It stays, with all images.
    #[default]
    Retain,
    /// It is deleted, with all images.
    Delete,
}
