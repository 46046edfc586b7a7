//! What the operator has said about the resource, and whether that is about its present spec.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::volume;
use crate::{
    api::v1alpha1::PrivateRegistryStatus,
    controller::status::conditions::condition,
    names::annotation,
    plugin::{
        doctor::{
            finding::{Finding, Part},
            observed::Observed,
        },
        words::length,
    },
};

pub(super) fn findings(observed: &Observed, now: Timestamp) -> Vec<Finding> {
    let Some(status) = observed.registry.answer() else {
        let message = format!("nobody has said anything about PrivateRegistry {}", observed.name);
        return vec![
            Part::Resource.fail(message, "is the operator given this namespace (watchNamespaces of its chart)?"),
        ];
    };
    let mut findings: Vec<_> = [deleted(observed, now), paused(observed), outdated(observed, status)]
        .into_iter()
        .flatten()
        .chain(conditions(status))
        .collect();
    if findings.is_empty() {
        let said = status.conditions.iter().find(|known| known.type_ == condition::READY);
        findings.push(Part::Resource.ok(format!("ready: {}", said.map_or("", |said| &said.message))));
    }
    findings
}

fn deleted(observed: &Observed, now: Timestamp) -> Option<Finding> {
    let since = observed.registry.metadata.deletion_timestamp.as_ref()?;
    let finalizers = observed.registry.finalizers().join(", ");
    let message = format!("it was deleted {} ago and waits for {finalizers}", length(now.duration_since(since.0)));
    Some(
        Part::Resource
            .warn(message, "the operator takes what it has left elsewhere away, for a minute at most; is it running?"),
    )
}

fn paused(observed: &Observed) -> Option<Finding> {
    let value = observed.registry.annotations().get(annotation::PAUSED)?;
    let name = &observed.name;
    let remedy = format!("kubectl annotate preg -n {} {} {}-", name.namespace, name.name, annotation::PAUSED);
    let message = "it is paused: changes of the spec wait; certificates, passwords and rights go on";
    (value == "true").then(|| Part::Resource.warn(message, remedy))
}

fn outdated(observed: &Observed, status: &PrivateRegistryStatus) -> Option<Finding> {
    let (present, answered) = (observed.registry.metadata.generation?, status.observed_generation.unwrap_or_default());
    let message = format!("the spec is of generation {present}, and the operator has answered generation {answered}");
    let remedy = "ask again in a few seconds; if it stays, the operator's log says why";
    (answered < present && paused(observed).is_none()).then(|| Part::Resource.fail(message, remedy))
}

/// What is not as it should be: what keeps the registry from serving is a failure, and told once.
fn conditions(status: &PrivateRegistryStatus) -> Vec<Finding> {
    let is_bad = |known: &&Condition| match known.type_.as_str() {
        condition::STALLED => known.status == "True",
        condition::RECONCILING => false,
        // Storage tells of it.
        condition::STORAGE_READY if volume::is_about_room(status) => false,
        _ => known.status == "False",
    };
    let mut told: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for known in status.conditions.iter().filter(is_bad) {
        if told.contains(&known.message.as_str()) {
            continue;
        }
        told.push(&known.message);
        let message = format!("{} is {} ({}): {}", known.type_, known.status, known.reason, known.message);
        let remedy = format!("{} is in the table of reasons of operator/docs/troubleshooting.md", known.reason);
        let fatal = [condition::READY, condition::STALLED].contains(&known.type_.as_str());
        findings.push(if fatal { Part::Resource.fail(message, remedy) } else { Part::Resource.warn(message, remedy) });
    }
    findings
}
