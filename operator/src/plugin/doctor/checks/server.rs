//! Whether the server runs and the Service leads to it.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::ResourceExt;

use super::{is_stopped, seen};
use crate::plugin::{
    doctor::{
        finding::{Finding, Level, Part},
        look::warning_about,
        observed::Observed,
    },
    pod::{self, Trouble},
};

pub(super) fn findings(observed: &Observed) -> Vec<Finding> {
    if is_stopped(observed) {
        let name = &observed.name;
        let remedy = format!("kubectl scale preg -n {} {} --replicas=1", name.namespace, name.name);
        return vec![Part::Server.warn("the registry is stopped (spec.replicas is 0): nothing is served", remedy)];
    }
    let refused = seen(Part::Server, &observed.deployment, |deployment| {
        deployment
            .as_ref()
            .map_or_else(|| vec![no_deployment(observed)], |deployment| refused(deployment).into_iter().collect())
    });
    let pods = seen(Part::Server, &observed.pods, |pods| of_pods(observed, pods));
    // Why there is no Pod says more than that there is none.
    let failed = refused.iter().any(|finding| finding.level == Level::Fail);
    if failed { refused } else { [refused, pods].concat() }
}

fn no_deployment(observed: &Observed) -> Finding {
    let message = format!("Deployment {} does not exist", observed.name);
    Part::Server.fail(message, "the operator makes it: see what is said about operator and resource")
}

/// What the Deployment cannot do.
fn refused(deployment: &Deployment) -> Option<Finding> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions.iter().find(|known| known.type_ == "ReplicaFailure" && known.status == "True")?;
    let message = failure.message.clone().unwrap_or_default();
    Some(Part::Server.fail(
        format!("Deployment {} cannot make its Pod: {message}", deployment.name_any()),
        "the message says which quota, policy or admission refuses it",
    ))
}

fn of_pods(observed: &Observed, pods: &[Pod]) -> Vec<Finding> {
    if pods.is_empty() {
        let message = format!("Deployment {} has no Pod", observed.name);
        let remedy =
            format!("kubectl describe deployment,replicaset -n {} {}", observed.name.namespace, observed.name.name);
        return vec![Part::Server.fail(message, remedy)];
    }
    pods.iter().map(|pod| of_pod(observed, pod)).collect()
}

fn of_pod(observed: &Observed, pod: &Pod) -> Finding {
    let state = format!("Pod {}", pod::state(pod));
    let Some(trouble) = pod::trouble(pod) else { return Part::Server.ok(state) };
    let name = pod.name_any();
    let said = warning_about(observed, &name).map_or_else(String::new, |said| format!(". Kubernetes says: {said}"));
    let namespace = &observed.name.namespace;
    let remedy = match &trouble {
        Trouble::Ending => return Part::Server.warn(state, "wait: it ends its requests"),
        Trouble::Unschedulable(_) => {
            "make room, or correct nodeSelector, affinity, tolerations or resources of the spec".to_owned()
        }
        Trouble::Waiting(waiting) if waiting.reason.contains("Image") => {
            format!(
                "the server's own image {} cannot be had: correct spec.image or spec.imagePullSecrets",
                waiting.image
            )
        }
        Trouble::Waiting(_) => format!("kubectl describe pod -n {namespace} {name}"),
        Trouble::Crashing(_) => {
            format!("kubectl logs -n {namespace} {name} --previous: the server says what it cannot use")
        }
        Trouble::NotReady => format!("kubectl logs -n {namespace} {name}; the probe asks port 5001"),
        Trouble::Starting(_) => {
            format!("wait, or kubectl describe pod -n {namespace} {name}: volume and Secrets have to be there")
        }
        Trouble::Ended(_) => format!("kubectl delete pod -n {namespace} {name}: the Deployment makes another one"),
    };
    Part::Server.fail(state + &said, remedy)
}

/// Whether the Service leads to the server.
pub(super) fn service(observed: &Observed) -> Vec<Finding> {
    if is_stopped(observed) {
        return Vec::new();
    }
    seen(Part::Service, &observed.slices, |slices| {
        let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
        let ready = endpoints
            .filter(|endpoint| endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false)));
        let addresses: Vec<_> = ready.flat_map(|endpoint| endpoint.addresses.iter().cloned()).collect();
        let name = &observed.name;
        vec![if addresses.is_empty() {
            let message = format!("Service {name} leads to no Pod: none is ready, or its selector was changed");
            Part::Service.fail(message, format!("kubectl describe service -n {} {}", name.namespace, name.name))
        } else {
            Part::Service.ok(format!("Service {name} leads to {}", addresses.join(", ")))
        }]
    })
}
