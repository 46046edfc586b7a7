//! Events for what a person would want to know. They never stop a pass: one that cannot be written is logged.
//!
//! The same event about the same object within minutes becomes a count.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Resource,
    runtime::events::{Event, EventType},
};

use super::{
    chain,
    distribute::Outcome,
    issue::Occurrence,
    pods::reason,
    publisher::Publisher,
    status::conditions::{CERTIFICATE_EXPIRING, DEPLOYMENT_FAILING, PAUSED, VOLUME_NEARLY_FULL, condition},
    validate::{WAITING_FOR_CERTIFICATE, is_paused},
};
use crate::{
    api::v1alpha1::{PrivateRegistry, PrivateRegistryStatus},
    names::{RegistryName, annotation},
    pki::ReissueReason,
};

/// Reasons that every new registry goes through.
const EXPECTED: [&str; 5] =
    ["WaitingForService", "ClaimPending", "WaitingForLoadBalancer", "WaitingForNamespaces", WAITING_FOR_CERTIFICATE];

/// Publishes what has happened in a pass and which conditions have turned.
pub(super) async fn announce(
    publisher: &Publisher,
    registry: &PrivateRegistry,
    previous: Option<&PrivateRegistryStatus>,
    status: &PrivateRegistryStatus,
    occurrences: &[Occurrence],
) {
    let events =
        occurrences.iter().map(happened).chain(turned(previous, status)).chain(paused(registry, previous, status));
    for event in events {
        publish(publisher, registry, &event).await;
    }
}

/// Publishes an Event about `object`, or logs that it could not be written.
async fn publish(publisher: &Publisher, object: &impl Resource<DynamicType = ()>, event: &Event) {
    if let Err(error) = publisher.publish(event, &object.object_ref(&())).await {
        let (registry, reason, error) = (name_of(object), &event.reason, chain(&error));
        tracing::warn!(%registry, reason, error, "failed to publish an Event");
    }
}

fn name_of(object: &impl Resource) -> RegistryName {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    RegistryName { namespace: text(&object.meta().namespace), name: text(&object.meta().name) }
}

/// Says that an object does not have the shape of our kind. Its status is left alone: nothing is known of it.
pub(super) async fn unreadable(
    publisher: &Publisher,
    object: &impl Resource<DynamicType = ()>,
    error: &kube::core::error_boundary::InvalidObject,
) {
    let event = Event {
        type_: EventType::Warning,
        reason: "InvalidSpec".to_owned(),
        note: Some(format!("the resource cannot be read: {error}; correct it, or install the operator's own CRD")),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    publish(publisher, object, &event).await;
}

/// Says what a deleted registry leaves behind, because it could not be removed.
pub(super) async fn left_behind(publisher: &Publisher, registry: &PrivateRegistry, outcome: &Outcome) {
    let what = outcome.failing().unwrap_or_else(|| "namespaces and service accounts could not be listed".to_owned());
    let note = format!("let go without removing all copies of the pull Secret: {what}");
    tracing::warn!(registry = %name_of(registry), note);
    let event = Event {
        type_: EventType::Warning,
        reason: "PullSecretLeftBehind".to_owned(),
        note: Some(shortened(&note)),
        action: "Delete".to_owned(),
        secondary: None,
    };
    publish(publisher, registry, &event).await;
}

/// What has happened to copies of the pull Secret.
pub(super) fn distributed(outcome: &Outcome) -> Vec<Occurrence> {
    let some = |namespaces: &[String]| (!namespaces.is_empty()).then(|| namespaces.to_vec());
    let copied = some(&outcome.copied).map(|namespaces| Occurrence::PullSecretCopied { namespaces });
    let removed = some(&outcome.removed).map(|namespaces| Occurrence::PullSecretRemoved { namespaces });
    copied.into_iter().chain(removed).collect()
}

/// What an Event can hold: 1024 bytes.
fn shortened(note: &str) -> String {
    const LIMIT: usize = 1024;
    let end = (0..=note.len().min(LIMIT)).rev().find(|end| note.is_char_boundary(*end)).unwrap_or_default();
    note[..end].to_owned()
}

/// Some by name, the rest by number.
fn listed(namespaces: &[String]) -> String {
    const NAMED: usize = 5;
    let named = namespaces.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match namespaces.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn why(reason: ReissueReason) -> String {
    match reason {
        ReissueReason::Requested => format!("the annotation {} has asked for it", annotation::RENEW),
        reason => reason.to_string(),
    }
}

fn happened(occurrence: &Occurrence) -> Event {
    let (reason, action, note) = match occurrence {
        Occurrence::CertificateIssued { reason, not_after } => (
            "CertificateIssued",
            "Issue",
            format!("issued a certificate because {}; it is valid until {not_after}", why(*reason)),
        ),
        Occurrence::AuthorityCreated => {
            ("AuthorityCreated", "Issue", "created an authority; clients have to trust the new ca.crt".to_owned())
        }
        Occurrence::PasswordChanged { user } => (
            "PasswordChanged",
            "Rotate",
            format!(
                "user {user} has a new password; the old one is accepted until the grace period after loading it ends"
            ),
        ),
        Occurrence::PasswordPublished { user } => (
            "PasswordPublished",
            "Rotate",
            format!("the Secret of user {user} has the new password, which all Pods accept"),
        ),
        Occurrence::PullSecretCopied { namespaces } => {
            ("PullSecretCopied", "Distribute", format!("copied the pull Secret to namespace {}", listed(namespaces)))
        }
        Occurrence::PullSecretRemoved { namespaces } => (
            "PullSecretRemoved",
            "Distribute",
            format!("removed the copy of the pull Secret from namespace {}", listed(namespaces)),
        ),
    };
    Event {
        type_: EventType::Normal,
        reason: reason.to_owned(),
        note: Some(note),
        action: action.to_owned(),
        secondary: None,
    }
}

/// Becoming ready, and every condition that has turned to the bad or got another reason there.
fn turned(before: Option<&PrivateRegistryStatus>, after: &PrivateRegistryStatus) -> Vec<Event> {
    let known = |type_: &str| before.and_then(|status| status.conditions.iter().find(|known| known.type_ == type_));
    let event = |type_, condition: &Condition| Event {
        type_,
        reason: condition.reason.clone(),
        note: Some(shortened(&condition.message)),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    after
        .conditions
        .iter()
        .filter_map(|condition| {
            let before = known(&condition.type_);
            let same = before.is_some_and(|known| known.status == condition.status && known.reason == condition.reason);
            match (condition.type_.as_str(), condition.status.as_str()) {
                _ if same => None,
                (condition::READY, "True") => Some(event(EventType::Normal, condition)),
                (condition::STALLED, "True") => Some(event(EventType::Warning, condition)),
                (condition::READY, "False") if is_failing(&condition.reason) => {
                    Some(event(EventType::Warning, condition))
                }
                (condition::CERTIFICATE_READY, "True") if condition.reason == CERTIFICATE_EXPIRING => {
                    Some(event(EventType::Warning, condition))
                }
                (condition::STORAGE_READY, "True") if condition.reason == VOLUME_NEARLY_FULL => {
                    Some(event(EventType::Warning, condition))
                }
                // What Stalled does not tell because it may pass, such as a Secret that does not exist.
                (
                    condition::CERTIFICATE_READY
                    | condition::STORAGE_READY
                    | condition::CREDENTIALS_READY
                    | condition::EXPOSURE_READY
                    | condition::MONITORING_READY,
                    "False",
                ) if !EXPECTED.contains(&condition.reason.as_str()) => Some(event(EventType::Warning, condition)),
                _ => None,
            }
        })
        .collect()
}

/// Whether this is why no Pod serves, rather than what every registry goes through on its way.
fn is_failing(reason: &str) -> bool {
    reason == DEPLOYMENT_FAILING || reason::ALL.contains(&reason)
}

/// Being paused, and going on.
fn paused(
    registry: &PrivateRegistry,
    before: Option<&PrivateRegistryStatus>,
    after: &PrivateRegistryStatus,
) -> Option<Event> {
    let told = |status: &PrivateRegistryStatus| {
        let told = |known: &&Condition| known.type_ == condition::RECONCILING && known.reason == PAUSED;
        status.conditions.iter().find(told).map(|known| known.message.clone())
    };
    let (reason, note) = match (before.and_then(told), told(after)) {
        (None, Some(message)) => (PAUSED, message),
        // A pass that failed says so in place of the pause.
        (Some(_), None) if !is_paused(registry) => ("Resumed", "the spec is followed again".to_owned()),
        _ => return None,
    };
    Some(Event {
        type_: EventType::Normal,
        reason: reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::names::annotation;

    fn status(type_: &str, status: &str, reason: &str) -> PrivateRegistryStatus {
        serde_json::from_value(
            json!({"conditions": [{"type": type_, "status": status, "reason": reason, "message": "m",
            "lastTransitionTime": "2031-05-06T07:08:09Z"}]}),
        )
        .unwrap()
    }

    fn reasons(before: Option<&PrivateRegistryStatus>, after: &PrivateRegistryStatus) -> Vec<String> {
        turned(before, after).into_iter().map(|event| event.reason).collect()
    }

    #[test]
    fn a_note_is_no_longer_than_an_event_can_hold() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"x".repeat(2000)).len(), 1024);
        assert_eq!(shortened(&format!("{}ä", "x".repeat(1023))), "x".repeat(1023));
    }

    #[test]
    fn a_few_namespaces_are_named_and_the_rest_counted() {
        let names: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned).into();
        assert_eq!(listed(&names[..2]), "a, b");
        assert_eq!(listed(&names), "a, b, c, d, e and 2 more");
    }

    #[test]
    fn only_what_turns_is_told() {
        let serving = status("Ready", "True", "Serving");
        assert_eq!(reasons(None, &serving), ["Serving"]);
        assert!(reasons(Some(&serving), &serving).is_empty());
        let stalled = status("Stalled", "True", "InvalidPassword");
        assert_eq!(reasons(None, &stalled), ["InvalidPassword"]);
        assert!(reasons(Some(&stalled), &status("Stalled", "False", "NothingToCorrect")).is_empty());
        assert_eq!(reasons(None, &status("CredentialsReady", "False", "SecretNotFound")), ["SecretNotFound"]);
        let failing = status("Ready", "False", "ServerEnded");
        assert_eq!(reasons(Some(&serving), &failing), ["ServerEnded"]);
        assert!(reasons(Some(&failing), &failing).is_empty(), "once");
        assert!(reasons(Some(&serving), &status("Ready", "False", "RollingOut")).is_empty());
        assert!(reasons(None, &status("StorageReady", "False", "ClaimPending")).is_empty());
        assert!(reasons(None, &status("CertificateReady", "True", "Provided")).is_empty());
        let expiring = status("CertificateReady", "True", "CertificateExpiring");
        assert_eq!(reasons(Some(&status("CertificateReady", "True", "Provided")), &expiring), ["CertificateExpiring"]);
        assert!(reasons(Some(&expiring), &expiring).is_empty(), "once");
        let [nearly, full] = [("True", "VolumeNearlyFull"), ("False", "VolumeFull")]
            .map(|(is, reason)| status("StorageReady", is, reason));
        assert_eq!(reasons(Some(&status("StorageReady", "True", "Bound")), &nearly), ["VolumeNearlyFull"]);
        assert_eq!(reasons(Some(&nearly), &full), ["VolumeFull"]);
        assert!(reasons(Some(&full), &status("StorageReady", "True", "Bound")).is_empty());
    }

    #[test]
    fn being_paused_and_going_on_are_told_once() {
        let [paused, settled, failed] =
            ["Paused", "Settled", "ApplyFailed"].map(|reason| status("Reconciling", "False", reason));
        let event = |annotation: &str, before: &PrivateRegistryStatus, after: &PrivateRegistryStatus| {
            let mut registry = crate::controller::tests::fixtures::resource("{}");
            registry.metadata.annotations = Some([(annotation::PAUSED.to_owned(), annotation.to_owned())].into());
            registry.status = Some(before.clone());
            super::paused(&registry, registry.status.as_ref(), after).map(|event| event.reason)
        };
        assert_eq!(event("true", &settled, &paused).as_deref(), Some("Paused"));
        assert_eq!(event("true", &paused, &paused), None);
        assert_eq!(event("true", &paused, &failed), None);
        assert_eq!(event("false", &paused, &settled).as_deref(), Some("Resumed"));
        assert_eq!(event("false", &settled, &settled), None);
    }
}
