//! The Pod's `ServiceAccount`, unless somebody else has made it. The server asks the API server for nothing, so no token is
//! mounted; annotations are for clouds, whose webhooks give the Pod a token of their own.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::non_empty;
use crate::controller::registry::{self, Registry};

pub(super) fn service_account(registry: &Registry) -> Option<ServiceAccount> {
    let registry::ServiceAccount::Own(annotations) = &registry.pod.service_account else { return None };
    let mut metadata = registry.child_metadata(registry.name.workload(), "registry");
    metadata.annotations = non_empty(annotations.clone());
    Some(ServiceAccount { metadata, automount_service_account_token: Some(false), ..ServiceAccount::default() })
}
