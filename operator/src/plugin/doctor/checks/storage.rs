//! Whether the volume is there, as large as it should be, and has room.

use k8s_openapi::api::{core::v1::PersistentVolumeClaim, storage::v1::StorageClass};
use kube::ResourceExt;

use super::{seen, volume};
use crate::plugin::doctor::{
    finding::{Finding, Part},
    look::{claim_name, warning_about},
    observed::{Observed, Seen},
};

/// On the class that claims get which name none.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

pub(super) fn findings(observed: &Observed) -> Vec<Finding> {
    let Some(name) = claim_name(&observed.registry) else {
        let kept = Part::Storage.ok("images are kept in the Pod and go with it (spec.storage.emptyDir)");
        return [kept].into_iter().chain(volume::room(observed)).collect();
    };
    let of_claim = seen(Part::Storage, &observed.claim, |claim| {
        let Some(claim) = claim else { return vec![missing(observed, &name)] };
        [of_claim(observed, claim)].into_iter().chain(volume::growth(observed, claim)).collect()
    });
    of_claim.into_iter().chain(volume::room(observed)).collect()
}

fn missing(observed: &Observed, name: &str) -> Finding {
    let claim = observed.registry.spec.storage.persistent_volume_claim.as_ref();
    let message = format!("PersistentVolumeClaim {}/{name} does not exist", observed.name.namespace);
    let remedy = if claim.is_some_and(|claim| claim.existing_claim.is_some()) {
        "create it, or name another one under spec.storage.persistentVolumeClaim.existingClaim"
    } else {
        "the operator makes it: see what is said about operator and resource"
    };
    Part::Storage.fail(message, remedy)
}

fn of_claim(observed: &Observed, claim: &PersistentVolumeClaim) -> Finding {
    let name = claim.name_any();
    let status = claim.status.as_ref();
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Bound") => {
            let capacity = status.and_then(|status| status.capacity.as_ref()?.get("storage"));
            let size = capacity.map_or_else(String::new, |size| format!(", of {}", size.0));
            Part::Storage.ok(format!("PersistentVolumeClaim {name} is bound{size}"))
        }
        Some("Lost") => Part::Storage.fail(
            format!("PersistentVolumeClaim {name} has lost its volume"),
            "restore the volume, or delete the claim to start empty",
        ),
        _ => pending(observed, claim),
    }
}

fn pending(observed: &Observed, claim: &PersistentVolumeClaim) -> Finding {
    let name = claim.name_any();
    let wanted = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.clone());
    let said = warning_about(observed, &name).map_or_else(String::new, |said| format!(". Kubernetes says: {said}"));
    let describe = describe(&observed.name.namespace, &name);
    let (why, remedy) = reason(wanted.as_deref(), &observed.classes, &describe);
    Part::Storage.fail(format!("PersistentVolumeClaim {name} is not bound: {why}{said}"), remedy)
}

/// The command that shows what has happened to a claim.
pub(super) fn describe(namespace: &str, name: &str) -> String {
    format!("kubectl describe pvc --namespace {namespace} {name}")
}

/// Why a claim that wants a class is not bound, as far as the classes tell, and what to do.
fn reason(wanted: Option<&str>, classes: &Seen<Vec<StorageClass>>, describe: &str) -> (String, String) {
    let provisioner = format!("{describe}; does the class have a provisioner that runs, and space?");
    let Ok(classes) = classes else { return ("its storage class was not looked at".to_owned(), provisioner) };
    let is_default =
        |class: &&StorageClass| class.annotations().get(DEFAULT_CLASS).is_some_and(|value| value == "true");
    let found = match wanted {
        Some(wanted) => classes.iter().find(|class| class.name_any() == wanted),
        None => classes.iter().find(is_default),
    };
    match (found, wanted) {
        (None, Some(wanted)) => {
            let why = format!("there is no storage class {wanted}");
            (
                why,
                "create the class; a claim stays in its class, so otherwise delete it and correct the spec of a new registry"
                    .to_owned(),
            )
        }
        (None, None) => (
            "it names no storage class, and the cluster has no default one".to_owned(),
            "mark a class as the default (annotation storageclass.kubernetes.io/is-default-class), or name one in the spec"
                .to_owned(),
        ),
        (Some(class), _) if class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer") => (
            format!("storage class {} waits until a node is found for the Pod", class.name_any()),
            format!("see what is said about the server; if a node was found, {describe}"),
        ),
        (Some(class), _) => (format!("storage class {} has not given a volume", class.name_any()), provisioner),
    }
}
