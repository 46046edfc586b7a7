//! The claim that holds the blobs.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::{
    api::v1alpha1::DeletionPolicy,
    controller::registry::{Registry, Storage},
    names::annotation,
};

/// The claim, or nothing when the registry does not keep its blobs on a claim of its own.
///
/// A claim that is retained has no owner, so that it stays when the resource goes, and a new resource of the same name, which
/// asks for a claim of the same name, takes it over.
pub(super) fn persistent_volume_claim(registry: &Registry) -> Option<PersistentVolumeClaim> {
    let Storage::Claim { size, storage_class_name, access_modes, deletion_policy } = &registry.storage else {
        return None;
    };
    let name = registry.name.workload();
    Some(PersistentVolumeClaim {
        metadata: match deletion_policy {
            DeletionPolicy::Retain => {
                ObjectMeta { annotations: Some(not_pruned()), ..registry.kept_metadata(name, "storage") }
            }
            DeletionPolicy::Delete => registry.child_metadata(name, "storage"),
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(access_modes.iter().map(|mode| mode.as_str().to_owned()).collect()),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), size.clone())].into()),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: storage_class_name.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}

/// Where Argo CD tracks objects by the label `app.kubernetes.io/instance`, as it does by itself before version 3, an Application of
/// the registry's name takes each object with this label and without an owner for one of its own that has left its repository, and
/// prunes it. What these annotations say is heeded on whatever the cluster has.
fn not_pruned() -> BTreeMap<String, String> {
    [
        (annotation::ARGO_CD_SYNC_OPTIONS, "Prune=false,Delete=false"),
        (annotation::ARGO_CD_COMPARE_OPTIONS, "IgnoreExtraneous"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
