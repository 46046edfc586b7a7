//! Whether the volume has room, by what the operator tells of it, and whether the claim grows as far as it should.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;

use super::storage::describe;
use crate::{
    api::v1alpha1::{FileSystemStatus, PrivateRegistryStatus},
    controller::{
        status::conditions::{growth_of_claim, told_level},
        volume,
    },
    plugin::doctor::{
        finding::{Finding, Part},
        observed::Observed,
    },
};

/// How full the volume is, once the operator knows it.
pub(super) fn room(observed: &Observed) -> Option<Finding> {
    let status = observed.registry.status.as_ref()?;
    let FileSystemStatus { capacity, available, used_percent } = status.storage.as_ref()?.file_system.as_ref()?;
    let told = format!("{used_percent} % of {capacity} are taken, {available} are free");
    let emptied =
        "delete images and collect the garbage, or enlarge the volume: StorageReady of `kubectl preg status` says how";
    Some(match told_level(Some(status)) {
        volume::Level::Room => Part::Storage.ok(format!("the volume has room: {told}")),
        volume::Level::NearlyFull => {
            Part::Storage.warn(format!("the volume is nearly full: {told}; pushes fail when it is"), emptied)
        }
        volume::Level::Full => {
            Part::Storage.fail(format!("the volume is full: {told}; pushes fail, pulls go on"), emptied)
        }
    })
}

/// Whether `StorageReady` is about the room of the volume, of which [`room`] tells.
pub(super) fn is_about_room(status: &PrivateRegistryStatus) -> bool {
    let is_known = status.storage.as_ref().is_some_and(|storage| storage.file_system.is_some());
    is_known && told_level(Some(status)) != volume::Level::Room
}

/// How far a claim is that was asked to grow.
pub(super) fn growth(observed: &Observed, claim: &PersistentVolumeClaim) -> Option<Finding> {
    let growth = growth_of_claim(claim, &observed.name.name)?;
    let remedy = format!(
        "wait; if it stays, `{}` has the words of the driver, and spec.storage.persistentVolumeClaim.size can be taken back \
         to what the claim has",
        describe(&observed.name.namespace, &claim.name_any())
    );
    Some(if growth.reason == "Resizing" {
        Part::Storage.ok(growth.message)
    } else {
        Part::Storage.warn(growth.message, remedy)
    })
}
