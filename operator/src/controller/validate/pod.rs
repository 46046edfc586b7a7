//! What is handed to the Pod as it is, with the defaults of what is left out.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::Error;
use crate::{
    api::v1alpha1::{self, PrivateRegistrySpec},
    controller::registry::{PodSettings, ServiceAccount},
};

/// Enough for a server that streams; bcrypt and TLS take the CPU, the rest of the memory is page cache.
fn default_resources() -> [BTreeMap<String, Quantity>; 2] {
    let quantities = |values: &[(&str, &str)]| {
        values.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect()
    };
    [quantities(&[("cpu", "50m"), ("memory", "64Mi")]), quantities(&[("memory", "512Mi")])]
}

pub(super) fn pod(spec: &PrivateRegistrySpec) -> Result<PodSettings, Error> {
    let [requests, limits] = spec
        .resources
        .as_ref()
        .map_or_else(default_resources, |resources| [resources.requests.clone(), resources.limits.clone()]);
    Ok(PodSettings {
        requests,
        limits,
        node_selector: spec.node_selector.clone(),
        tolerations: spec.tolerations.clone(),
        affinity: spec.affinity.clone(),
        topology_spread_constraints: spec.topology_spread_constraints.clone(),
        priority_class_name: spec.priority_class_name.clone(),
        labels: spec.pod_labels.clone(),
        annotations: spec.pod_annotations.clone(),
        security_context: spec.pod_security_context.clone().unwrap_or_default(),
        env: spec.env.clone(),
        service_account: service_account(spec)?,
    })
}

fn service_account(spec: &PrivateRegistrySpec) -> Result<ServiceAccount, Error> {
    match spec.service_account.clone().unwrap_or_default() {
        v1alpha1::ServiceAccount { name: None, annotations } => Ok(ServiceAccount::Own(annotations)),
        v1alpha1::ServiceAccount { name: Some(name), annotations } if annotations.is_empty() => {
            Ok(ServiceAccount::Existing(name))
        }
        _ => Err(Error::Union("serviceAccount takes one of name and annotations")),
    }
}
