//! Whether an operator works: the Lease that the one who works renews every few seconds.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;

use super::seen;
use crate::{
    names::LEASE,
    plugin::{
        doctor::{
            finding::{Finding, Part},
            observed::Observed,
        },
        words::length,
    },
};

/// How old a renewal may be: the Lease is valid for 15 seconds, and clocks differ.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn findings(observed: &Observed, now: Timestamp) -> Vec<Finding> {
    seen(Part::Operator, &observed.leases, |leases| {
        let renewals: Vec<_> = leases.iter().map(|lease| (lease, age(lease, now))).collect();
        let freshest = renewals.into_iter().min_by_key(|(_, age)| age.unwrap_or(SignedDuration::MAX));
        vec![freshest.map_or_else(|| none(observed), |(lease, age)| of_lease(lease, age))]
    })
}

/// How long ago it was renewed.
fn age(lease: &Lease, now: Timestamp) -> Option<SignedDuration> {
    let renewed = lease.spec.as_ref()?.renew_time.as_ref()?;
    Some(now.duration_since(renewed.0))
}

fn of_lease(lease: &Lease, age: Option<SignedDuration>) -> Finding {
    let namespace = lease.namespace().unwrap_or_default();
    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty());
    let remedy = format!("kubectl get pods -n {namespace}, and the log of the operator there");
    match (holder, age) {
        (Some(holder), Some(age)) if age < FRESH => Part::Operator
            .ok(format!("{holder} in namespace {namespace} works: it renewed its Lease {} ago", length(age))),
        (Some(holder), Some(age)) => Part::Operator.fail(
            format!(
                "no operator works: {holder} in namespace {namespace} has last renewed its Lease {} ago",
                length(age)
            ),
            remedy,
        ),
        _ => Part::Operator.fail(format!("no operator works: Lease {namespace}/{LEASE} was given back"), remedy),
    }
}

fn none(observed: &Observed) -> Finding {
    let message = format!("there is no Lease {LEASE} in any namespace: no operator has worked here with election");
    let remedy = "kubectl get deployments -A -l app.kubernetes.io/name=private-registry-operator; install the chart if there is none";
    // One that runs without election leaves its answers all the same.
    if observed.registry.answer().is_some() {
        Part::Operator.warn(message, remedy)
    } else {
        Part::Operator.fail(message, remedy)
    }
}
