//! `StorageReady`: whether the claim is there, as large as it should be, and not full.
//!
//! A full volume makes a registry no less ready: what it has is served, which Pods that start need most, and nothing of the spec is
//! left to be done.

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimStatus},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::Condition},
};
use kube::ResourceExt;

use super::{Finding, condition, problem};
use crate::{
    api::v1alpha1::{FileSystemStatus, PrivateRegistryStatus},
    controller::{
        registry::{About, Storage},
        status::Pass,
        volume::Level,
    },
    quantity::is_less,
};

/// Reason while the volume has little room.
pub(in crate::controller) const VOLUME_NEARLY_FULL: &str = "VolumeNearlyFull";
/// Reason while pushes fail for want of room.
const VOLUME_FULL: &str = "VolumeFull";

/// How full the volume was said to be.
pub(crate) fn told_level(status: Option<&PrivateRegistryStatus>) -> Level {
    match told(status).map(|condition| condition.reason.as_str()) {
        Some(VOLUME_FULL) => Level::Full,
        Some(VOLUME_NEARLY_FULL) => Level::NearlyFull,
        _ => Level::Room,
    }
}

fn told(status: Option<&PrivateRegistryStatus>) -> Option<&Condition> {
    status?.conditions.iter().find(|condition| condition.type_ == condition::STORAGE_READY)
}

/// `claim`, unless it says nothing worse than that the volume has no room.
pub(super) fn with_room(pass: &Pass<'_>, claim: Finding, previous: Option<&PrivateRegistryStatus>) -> Finding {
    let (level, volume) = (told_level(previous), pass.observed.volume);
    let level = volume.map_or(level, |volume| volume.level(level));
    let Some(file_system) = pass.file_system(previous) else { return claim };
    let stays_small = matches!(claim.reason, "VolumeExpansionRefused" | "VolumeExpansionFailing");
    match level {
        Level::Full if claim.holds || stays_small => Finding::new(
            false,
            VOLUME_FULL,
            room(pass, &file_system, "is full: what does not fit is refused, pulls go on"),
        ),
        Level::NearlyFull if matches!(claim.reason, "Bound" | "EmptyDir") => {
            let what = "is nearly full: pushes fail when it is, pulls go on";
            Finding::new(true, VOLUME_NEARLY_FULL, room(pass, &file_system, what))
        }
        _ => claim,
    }
}

fn room(pass: &Pass<'_>, file_system: &FileSystemStatus, what: &str) -> String {
    let FileSystemStatus { capacity, available, used_percent } = file_system;
    let (volume, larger) = match &pass.registry.storage {
        Storage::Claim { .. } => (
            format!("PersistentVolumeClaim {}", pass.registry.name.name),
            "enlarge spec.storage.persistentVolumeClaim.size, if its StorageClass lets claims grow",
        ),
        Storage::ExistingClaim(name) => {
            (format!("PersistentVolumeClaim {name}"), "enlarge the claim, if its StorageClass lets claims grow")
        }
        Storage::EmptyDir { .. } => ("the node's disk with the emptyDir".to_owned(), "make room on the node"),
    };
    format!(
        "{volume} {what}; {used_percent} % of its {capacity} are taken, {available} are free. Delete images and collect the garbage, or {larger}"
    )
}

pub(super) fn claim(pass: &Pass<'_>) -> Finding {
    if let Some(problem) = problem(pass, |problem| problem.about == About::Storage) {
        return problem.into();
    }
    if let Storage::EmptyDir { .. } = pass.registry.storage {
        return Finding::new(true, "EmptyDir", "images are kept in the Pod and are gone with it");
    }
    let waiting = "the PersistentVolumeClaim follows when the Service has its address";
    let registry = &pass.registry.name.name;
    pass.claim().map_or_else(|| Finding::new(false, "WaitingForService", waiting), |found| state(found, registry))
}

fn state(claim: &PersistentVolumeClaim, registry: &str) -> Finding {
    let name = claim.name_any();
    let status = claim.status.as_ref();
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Bound") => growth(claim, registry)
            .unwrap_or_else(|| Finding::new(true, "Bound", format!("PersistentVolumeClaim {name} is bound"))),
        Some("Lost") => Finding::new(
            false,
            "ClaimLost",
            format!(
                "PersistentVolumeClaim {name} has lost its volume: restore the volume, or delete the claim to start empty"
            ),
        ),
        _ => Finding::new(
            false,
            "ClaimPending",
            format!(
                "PersistentVolumeClaim {name} is not bound: it waits for the Pod or for a volume of its class; \
                 kubectl describe pvc {name}"
            ),
        ),
    }
}

/// How far a bound claim is that was asked to grow; `None` when it has what was asked for.
pub(crate) fn growth(claim: &PersistentVolumeClaim, registry: &str) -> Option<Finding> {
    let status = claim.status.as_ref()?;
    let name = claim.name_any();
    let sizes = sizes(claim, status);
    let still = sizes.map_or_else(String::new, |(from, to)| format!(" from {} to {}", from.0, to.0));
    if let Some(why) = failing(status) {
        let message = format!(
            "PersistentVolumeClaim {name} does not grow{still}: {why}; what it has is served all the same; kubectl describe pvc \
             {name}"
        );
        return Some(Finding::new(false, "VolumeExpansionFailing", message));
    }
    if said(status, "FileSystemResizePending").is_some() {
        let message = format!(
            "the volume of PersistentVolumeClaim {name} has grown{still}, its file system grows as soon as the kubelet gets to it; \
             if this stays, its driver can do that only when the Pod starts: kubectl delete pod -l \
             app.kubernetes.io/instance={registry}"
        );
        return Some(Finding::new(true, "FileSystemResizePending", message));
    }
    let growing = said(status, "Resizing").is_some() || sizes.is_some();
    growing.then(|| Finding::new(true, "Resizing", format!("PersistentVolumeClaim {name} is growing{still}")))
}

/// What the claim has and what it should have, if that is more.
fn sizes<'a>(
    claim: &'a PersistentVolumeClaim,
    status: &'a PersistentVolumeClaimStatus,
) -> Option<(&'a Quantity, &'a Quantity)> {
    let has = status.capacity.as_ref()?.get("storage")?;
    let wanted = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?.get("storage")?;
    is_less(has, wanted).then_some((has, wanted))
}

/// The text of a condition of the claim that holds.
fn said(status: &PersistentVolumeClaimStatus, type_: &str) -> Option<String> {
    let mut conditions = status.conditions.iter().flatten();
    let found = conditions.find(|condition| condition.type_ == type_ && condition.status == "True")?;
    Some(found.message.clone().unwrap_or_default())
}

/// Why the driver cannot let it grow.
fn failing(status: &PersistentVolumeClaimStatus) -> Option<String> {
    let told = said(status, "ControllerResizeError").or_else(|| said(status, "NodeResizeError"));
    let given_up = || {
        let state = status.allocated_resource_statuses.as_ref()?.get("storage")?;
        state.ends_with("Infeasible").then(|| format!("the driver says {state}"))
    };
    told.filter(|message| !message.is_empty()).or_else(given_up)
}
