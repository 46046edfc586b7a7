//! Whether clients reach the registry the way the spec asks for.

use super::{super::node_port, Finding, Pass, problem};
use crate::{
    api::v1alpha1::ServiceType,
    controller::{
        optional_kinds::OptionalKind,
        registry::{About, Ingress},
    },
};

pub(super) fn exposure(pass: &Pass<'_>) -> Finding {
    if let Some(problem) = problem(pass, |problem| problem.about == About::Exposure) {
        return problem.into();
    }
    let service = service(pass);
    match &pass.registry.exposure.ingress {
        Some(wanted) if service.holds => ingress(pass, wanted),
        _ => service,
    }
}

fn service(pass: &Pass<'_>) -> Finding {
    let registry = pass.registry;
    match (registry.service.type_, registry.exposure.load_balancer.first()) {
        (ServiceType::ClusterIP, _) => {
            Finding::new(true, "ClusterIP", "the Service leads to the registry inside the cluster")
        }
        (ServiceType::NodePort, _) => match node_port(&pass.applied.service) {
            Some(port) => Finding::new(true, "NodePort", format!("port {port} of every node leads to the registry")),
            None => Finding::new(false, "WaitingForService", "the Service has no port on the nodes yet"),
        },
        (ServiceType::LoadBalancer, Some(host)) => {
            let host = registry.with_port(&host.to_string());
            Finding::new(true, "LoadBalancer", format!("clients outside the cluster reach the registry as {host}"))
        }
        (ServiceType::LoadBalancer, None) => {
            Finding::new(false, "WaitingForLoadBalancer", waiting_for_load_balancer(pass))
        }
    }
}

/// Many controllers do not say in the Ingress that they serve it: their silence is told, and is no fault.
fn ingress(pass: &Pass<'_>, ingress: &Ingress) -> Finding {
    let (name, host) = (pass.registry.name.workload(), &ingress.host);
    let status = pass.observed.optional.statuses.get(&OptionalKind::Ingress);
    let served = status
        .and_then(|status| status["loadBalancer"]["ingress"].as_array())
        .is_some_and(|addresses| !addresses.is_empty());
    let controller =
        if served { "a controller has taken it" } else { "no controller has put an address into it so far" };
    Finding::new(true, "Ingress", format!("Ingress {name} leads {host} to the registry; {controller}"))
}

fn waiting_for_load_balancer(pass: &Pass<'_>) -> String {
    let service = pass.registry.name.workload();
    let class = pass.registry.service.load_balancer_class.as_ref();
    let whose = class.map(|class| format!(" of class {class}")).unwrap_or_default();
    format!(
        "no load balancer{whose} has given Service {service} an address yet; kubectl describe service {service}, and make sure \
         that the cluster has a controller for load balancers{whose}"
    )
}
