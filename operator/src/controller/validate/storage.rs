//! Where blobs are kept.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::Error;
use crate::{
    api::v1alpha1::{self, AccessMode},
    controller::{
        observe::Observed,
        registry::{About, Problem, Storage},
    },
};

/// What `spec: {}` gets; the CRD's rules and descriptions say the same.
const DEFAULT_SIZE: &str = "10Gi";

pub(super) fn storage(
    spec: &v1alpha1::Storage,
    observed: &Observed,
    problems: &mut Vec<Problem>,
) -> Result<Storage, Error> {
    let claim = match (&spec.persistent_volume_claim, &spec.empty_dir) {
        (Some(_), Some(_)) => {
            return Err(Error::Union("storage takes one of persistentVolumeClaim and emptyDir, not both"));
        }
        (None, Some(empty_dir)) => {
            return Ok(Storage::EmptyDir { size_limit: empty_dir.size_limit.clone().map(Quantity) });
        }
        (claim, None) => claim.clone().unwrap_or_default(),
    };
    if let Some(name) = claim.existing_claim {
        if observed.claim.is_none() {
            problems.push(not_found(&name));
        }
        return Ok(Storage::ExistingClaim(name));
    }
    Ok(Storage::Claim {
        size: Quantity(claim.size.unwrap_or_else(|| DEFAULT_SIZE.to_owned())),
        storage_class_name: claim.storage_class_name,
        access_modes: claim.access_modes.unwrap_or_else(|| vec![AccessMode::ReadWriteOnce]),
        deletion_policy: spec.deletion_policy,
    })
}

fn not_found(name: &str) -> Problem {
    Problem {
        about: About::Storage,
        reason: "ClaimNotFound",
        message: format!(
            "PersistentVolumeClaim {name}, named by spec.storage.persistentVolumeClaim.existingClaim, does not exist: create it"
        ),
        may_pass: true,
    }
}
