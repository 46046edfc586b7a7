//! Whether nodes find the registry and trust it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Finding, Pass, condition};
use crate::{
    api::v1alpha1::PrivateRegistryStatus,
    controller::nodes::{Nodes, Outcome},
};

/// How long what was said before an operator started is kept: nodes have answered until then.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// What an operator that has started just now has not found out anew.
pub(super) fn kept(pass: &Pass<'_>, previous: Option<&PrivateRegistryStatus>) -> Option<Condition> {
    let Outcome::Waiting(since) = pass.nodes else { return None };
    let known = previous?.conditions.iter().find(|known| known.type_ == condition::NODES_TRUSTED)?;
    (*since < KEPT_FOR).then(|| known.clone())
}

/// Nothing where nothing is asked for.
pub(super) fn nodes(pass: &Pass<'_>) -> Option<Finding> {
    let not = |reason, message: String| Some(Finding::new(false, reason, message));
    match pass.nodes {
        Outcome::NotAsked => None,
        Outcome::SwitchedOff => {
            let message = "node trust is switched off in this cluster: the administrator switches it on with the chart's value \
                           nodeTrust.enabled=true";
            not("SwitchedOff", message.to_owned())
        }
        Outcome::Waiting(_) => {
            not("WaitingForNodes", "what nodes have been told, and say, is not known yet".to_owned())
        }
        Outcome::NoDaemonSet => {
            let message =
                "the DaemonSet that tells nodes does not exist; helm upgrade with nodeTrust.enabled=true makes it";
            not("NoDaemonSet", message.to_owned())
        }
        Outcome::WrongCertificate(address) => {
            let message = format!(
                "nodes reach the registry by the Service's address, and the certificate is not good for {address}: add it to \
                 the certificate, or let the operator issue one (spec.tls.selfSigned)"
            );
            not("CertificateWithoutAddress", message)
        }
        Outcome::CannotBeTold(why) => Some(Finding::new(false, "CannotBeTold", why.clone())),
        Outcome::NotTold { why, .. } => Some(Finding::new(false, "NodesNotTold", why.clone())),
        Outcome::Told(nodes) => Some(told(nodes)),
    }
}

fn told(nodes: &Nodes) -> Finding {
    let Nodes { desired, trusting, failing, .. } = nodes;
    match failing {
        _ if nodes.is_settled() => {
            Finding::new(true, "Trusted", format!("{trusting} of {desired} nodes find the registry and trust it"))
        }
        Some((node, why)) => {
            Finding::new(false, "NodeFailing", format!("{trusting} of {desired} nodes; node {node}: {why}"))
        }
        None => Finding::new(
            false,
            "WaitingForNodes",
            format!("{trusting} of {desired} nodes; the others have not said so yet"),
        ),
    }
}
