//! The claim that holds the blobs.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};

use crate::{
    api::v1alpha1::DeletionPolicy,
    controller::registry::{Registry, Storage},
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
            DeletionPolicy::Retain => registry.kept_metadata(name, "storage"),
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
