//! What a person needs to see when a test has failed: every object of the namespace, its events, and what the registry and
//! the operator have logged. Never the value of a Secret.

use std::fmt::Write as _;

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, LogParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use crate::namespace::Namespace;
use crate::operator;

/// Every kind the operator or a test makes, from what was asked to what runs.
const KINDS: &[(&str, &str, &str)] = &[
    ("privateregistry.io", "v1alpha1", "PrivateRegistry"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "ServiceAccount"),
    ("", "v1", "Secret"),
];

/// The last lines of a log that are shown; the cause is nearly always among them.
const LOG_LINES: i64 = 200;

/// The state of `namespace`, and what the operator has logged about it since the test began.
pub async fn of(namespace: &Namespace, since: Timestamp) -> String {
    let mut report = format!("\n======== the state of namespace {} ========\n", namespace.name());
    let (client, name) = (&namespace.client, namespace.name());
    for kind in KINDS {
        section(&mut report, kind.2, objects(client, name, kind).await);
    }
    section(&mut report, "events", events(client, name).await);
    section(&mut report, "Pod logs", pod_logs(client, name).await);
    section(&mut report, "operator's log", operator_log(namespace, since).await);
    report
}

/// The state of the operator's own namespace, for when it cannot be installed.
pub async fn of_operator(client: &Client) -> String {
    let mut report = format!("\n======== the state of namespace {} ========\n", operator::NAMESPACE);
    section(&mut report, "Pods", objects(client, operator::NAMESPACE, &("", "v1", "Pod")).await);
    section(&mut report, "events", events(client, operator::NAMESPACE).await);
    section(&mut report, "Pod logs", pod_logs(client, operator::NAMESPACE).await);
    report
}

/// A part that cannot be had is said so, and does not hide the others.
fn section(report: &mut String, title: &str, text: Result<String>) {
    let text = text.unwrap_or_else(|error| format!("failed to read: {error:#}\n"));
    let _ = writeln!(report, "---- {title}\n{text}");
}

async fn objects(client: &Client, namespace: &str, (group, version, kind): &(&str, &str, &str)) -> Result<String> {
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if *kind == "PrivateRegistry" {
        resource.plural = "privateregistries".to_owned();
    }
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let mut text = String::new();
    for mut object in api.list(&ListParams::default()).await? {
        object.metadata.managed_fields = None;
        redact(&mut object);
        let _ = writeln!(text, "# {kind} {}\n{}", object.name_any(), serde_saphyr::to_string(&object)?);
    }
    Ok(text)
}

/// Leaves the keys of a Secret and the length of each value.
fn redact(object: &mut DynamicObject) {
    let secret = object.types.as_ref().is_none_or(|types| types.kind == "Secret");
    for field in ["data", "stringData"] {
        let Some(Value::Object(values)) = object.data.get_mut(field).filter(|_| secret) else { continue };
        for value in values.values_mut() {
            *value = format!("<{} characters>", value.as_str().map_or(0, str::len)).into();
        }
    }
}

async fn events(client: &Client, namespace: &str) -> Result<String> {
    let mut events = Api::<Event>::namespaced(client.clone(), namespace).list(&ListParams::default()).await?.items;
    events.sort_by_key(|event| (event.last_timestamp.clone(), event.event_time.clone()));
    let line = |event: Event| {
        let about = event.involved_object;
        let count = event.count.or(event.series.and_then(|series| series.count)).unwrap_or(1);
        format!(
            "{} {}/{} {} x{count}: {}\n",
            event.type_.unwrap_or_default(),
            about.kind.unwrap_or_default(),
            about.name.unwrap_or_default(),
            event.reason.unwrap_or_default(),
            event.message.unwrap_or_default(),
        )
    };
    Ok(events.into_iter().map(line).collect())
}

async fn pod_logs(client: &Client, namespace: &str) -> Result<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut text = String::new();
    for pod in pods.list(&ListParams::default()).await? {
        let name = pod.name_any();
        for previous in [true, false] {
            let how = LogParams { tail_lines: Some(LOG_LINES), previous, ..LogParams::default() };
            // A container that never restarted has no previous log, one that never started has none at all.
            let Ok(log) = pods.logs(&name, &how).await else { continue };
            let which = if previous { "its container before the restart" } else { "now" };
            let _ = writeln!(text, "# Pod {name}, {which}\n{log}");
        }
    }
    Ok(text)
}

/// The operator works for all namespaces; what it says about this one, and every warning, is of interest.
async fn operator_log(namespace: &Namespace, since: Timestamp) -> Result<String> {
    let pods = operator::pods(&namespace.client);
    let seconds = Timestamp::now().duration_since(since).as_secs() + 1;
    let mut text = String::new();
    for pod in pods.list(&operator::selector()).await? {
        let how = LogParams { since_seconds: Some(seconds), ..LogParams::default() };
        let log = pods.logs(&pod.name_any(), &how).await.unwrap_or_default();
        let telling = |line: &&str| line.contains(namespace.name()) || line.contains("WARN") || line.contains("ERROR");
        let lines: Vec<_> = log.lines().filter(telling).collect();
        let first = lines.len().saturating_sub(usize::try_from(LOG_LINES)?);
        let _ = writeln!(text, "# Pod {}\n{}", pod.name_any(), lines[first..].join("\n"));
    }
    Ok(text)
}
