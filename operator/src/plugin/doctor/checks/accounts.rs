//! Whether Pods of the service accounts that the spec names pull with the pull Secret.

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::ResourceExt;

use super::seen;
use crate::plugin::{
    doctor::{
        finding::{Finding, Part},
        observed::Observed,
    },
    words::count,
};

pub(super) fn findings(observed: &Observed) -> Vec<Finding> {
    let judged = observed
        .accounts
        .iter()
        .map(|named| seen(Part::Secrets, &named.found, |found| of_accounts(observed, &named.name, found)));
    judged.flatten().collect()
}

/// The service accounts of one name, in whatever namespaces.
fn of_accounts(observed: &Observed, name: &str, found: &[ServiceAccount]) -> Vec<Finding> {
    let served: Vec<_> =
        found.iter().filter_map(|account| Some((account, secret_of(observed, &account.namespace()?)?))).collect();
    if served.is_empty() {
        let message = format!("there is no ServiceAccount {name} where the pull Secret is");
        let remedy =
            "create it, or correct spec.pullSecrets.serviceAccounts: it gets the Secret as soon as it is there";
        return vec![Part::Secrets.warn(message, remedy)];
    }
    let bad: Vec<_> = served.iter().filter_map(|(account, secret)| without(account, secret)).collect();
    if !bad.is_empty() {
        return bad;
    }
    let places = count(served.len(), "namespace");
    vec![Part::Secrets.ok(format!("Pods of ServiceAccount {name} pull with it, in {places}"))]
}

/// The Secret with which Pods of a namespace pull; `None` where there is none.
fn secret_of(observed: &Observed, namespace: &str) -> Option<String> {
    let name = &observed.name;
    if namespace == name.namespace {
        return Some(name.pull_secret());
    }
    let copies = observed.copies.as_ref()?.as_ref().ok()?;
    let has_one = copies.iter().any(|copy| copy.namespace == namespace && matches!(copy.secret, Ok(Some(_))));
    has_one.then(|| name.pull_secret_copy())
}

/// What is wrong with one that does not name the Secret.
fn without(account: &ServiceAccount, secret: &str) -> Option<Finding> {
    if account.image_pull_secrets.iter().flatten().any(|entry| entry.name == secret) {
        return None;
    }
    let who = format!("{}/{}", account.namespace().unwrap_or_default(), account.name_any());
    let message =
        format!("ServiceAccount {who} does not name Secret {secret} under imagePullSecrets: its Pods pull without it");
    let remedy =
        "CredentialsReady says what keeps the operator from it; once it is there, Pods have to be made anew to have it";
    Some(Part::Secrets.fail(message, remedy))
}
