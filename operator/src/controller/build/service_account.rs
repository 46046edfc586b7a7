//! The Pod's `ServiceAccount`. The server asks the API server for nothing, so no token is mounted.

use k8s_openapi::api::core::v1::ServiceAccount;

use crate::controller::registry::Registry;

pub(super) fn service_account(registry: &Registry) -> ServiceAccount {
    ServiceAccount {
        metadata: registry.child_metadata(registry.name.workload(), "registry"),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
