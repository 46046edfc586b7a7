//! Whether clients reach the registry the way the spec asks for.

use serde_json::Value;

use super::{super::node_port, Finding, Pass, problem};
use crate::{
    api::v1alpha1::ServiceType,
    controller::{
        optional_kinds::OptionalKind,
        registry::{About, HttpRoute, Ingress},
    },
};

pub(super) fn exposure(pass: &Pass<'_>) -> Finding {
    if let Some(problem) = problem(pass, |problem| problem.about == About::Exposure) {
        return problem.into();
    }
    let exposure = &pass.registry.exposure;
    let proxies = [
        exposure.ingress.as_ref().map(|wanted| ingress(pass, wanted)),
        exposure.http_route.as_ref().map(|wanted| http_route(pass, wanted)),
    ];
    // What is missing is told first, then what leads farthest.
    let found: Vec<_> = [Some(service(pass))].into_iter().chain(proxies).flatten().collect();
    let missing = found.iter().find(|finding| !finding.holds).cloned();
    missing.or_else(|| found.last().cloned()).unwrap_or_else(|| service(pass))
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

/// What the gateways say of the route; one that says nothing may still serve it.
fn http_route(pass: &Pass<'_>, route: &HttpRoute) -> Finding {
    let (name, hosts) = (pass.registry.name.workload(), route.hostnames.join(", "));
    let status = pass.observed.optional.statuses.get(&OptionalKind::HttpRoute);
    let parents = status.and_then(|status| status["parents"].as_array()).map_or(&[][..], Vec::as_slice);
    match parents.iter().find_map(refusal) {
        Some(refusal) => {
            Finding::new(false, "RouteNotAccepted", format!("HTTPRoute {name} is not accepted by Gateway {refusal}"))
        }
        None if parents.is_empty() => {
            let message =
                format!("HTTPRoute {name} leads {hosts} to the registry; no gateway has said that it accepts it");
            Finding::new(true, "HTTPRoute", message)
        }
        None => Finding::new(true, "HTTPRoute", format!("HTTPRoute {name} leads {hosts} to the registry")),
    }
}

/// Which gateway refuses the route, and why.
fn refusal(parent: &Value) -> Option<String> {
    let conditions = parent["conditions"].as_array()?;
    let is_refusal = |condition: &&Value| {
        condition["status"] == "False" && ["Accepted", "ResolvedRefs"].iter().any(|type_| condition["type"] == *type_)
    };
    let refused = conditions.iter().find(is_refusal)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(format!("{}: {}", text(&parent["parentRef"]["name"]), text(&refused["message"])))
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
