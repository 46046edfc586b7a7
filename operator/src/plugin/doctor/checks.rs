//! What follows from what was seen: one pure function a part, in the order in which a request for an image passes them.

mod accounts;
mod certificate;
mod operator;
mod pods;
mod resource;
mod secrets;
mod server;
mod storage;
mod volume;

use jiff::Timestamp;

pub(super) use self::secrets::hosts as hosts_of_pull_secret;
use super::{
    finding::{Finding, Part},
    observed::{Observed, Seen},
};

/// Whether the cluster knows the kind.
pub(super) fn definition(served: &Seen<bool>) -> Vec<Finding> {
    let finding = match served {
        Ok(true) => Part::Definition.ok("the cluster serves privateregistry.io/v1alpha1"),
        Ok(false) => Part::Definition.fail(
            "the cluster does not serve privateregistry.io/v1alpha1: its CustomResourceDefinition is not installed",
            "install the operator's chart, or `private-registry-operator crd | kubectl apply -f -`",
        ),
        Err(unseen) => Part::Definition.unseen(unseen),
    };
    vec![finding]
}

/// Everything else.
pub(super) fn all(observed: &Observed, now: Timestamp) -> Vec<Finding> {
    let parts = [
        operator::findings(observed, now),
        resource::findings(observed, now),
        storage::findings(observed),
        server::findings(observed),
        server::service(observed),
        certificate::findings(observed, now),
        certificate::answer(observed),
        secrets::findings(observed),
        pods::findings(observed),
    ];
    parts.into_iter().flatten().collect()
}

/// What `judge` finds in what was seen, or that it was not.
fn seen<T>(part: Part, seen: &Seen<T>, judge: impl FnOnce(&T) -> Vec<Finding>) -> Vec<Finding> {
    match seen {
        Ok(seen) => judge(seen),
        Err(unseen) => vec![part.unseen(unseen)],
    }
}

/// What is there and cannot be judged, because nobody has told under which host it has to be good.
fn without_endpoint(part: Part) -> Finding {
    let message = "it was compared with no host: the status names no endpoint so far";
    part.warn(message, "see what is said about operator and resource")
}

/// Whether the registry is meant to serve.
fn is_stopped(observed: &Observed) -> bool {
    observed.registry.spec.replicas == Some(0)
}

/// Whether it speaks plain HTTP.
fn is_plain(observed: &Observed) -> bool {
    observed.registry.spec.tls.disabled == Some(true)
}

#[cfg(test)]
mod tests;
