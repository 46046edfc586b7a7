//! Alerts about one registry. Each says what has happened, what still works, and what to do.

use serde_json::{Value, json};

use crate::controller::{
    optional_kinds::{OptionalChild, OptionalKind},
    registry::{Registry, Tls},
};

/// Seconds before the end of a certificate that somebody else has to replace.
const WEEK: i64 = 7 * 24 * 3600;

/// What helps a full volume.
const MAKE_ROOM: &str = "Enlarge spec.storage.persistentVolumeClaim.size if the storage class lets claims grow, or delete images and \
                         collect the garbage.";

pub(super) fn prometheus_rule(registry: &Registry) -> Option<OptionalChild> {
    let wanted = registry.monitoring.prometheus_rule.as_ref()?;
    let mut metadata = registry.child_metadata(registry.name.workload(), "metrics");
    metadata.labels.get_or_insert_default().extend(wanted.labels.clone());
    let name = &registry.name;
    let alerts = Alerts {
        series: format!("namespace=\"{}\",service=\"{}\"", name.namespace, name.metrics_service()),
        registry: name.to_string(),
    };
    // One that was stopped by hand is meant to be down.
    let down = (registry.replicas > 0).then(|| alerts.down());
    let rules: Vec<Value> = down
        .into_iter()
        .chain([alerts.errors(), alerts.reload_refused(), alerts.logins_not_checked()])
        .chain(renewed_before(registry).map(|seconds| alerts.certificate_ends(seconds)))
        .chain([alerts.volume_fills(), alerts.volume_full()])
        .collect();
    let group = json!({"name": format!("private-registry-{}-{}", name.namespace, name.name), "rules": rules});
    Some(OptionalKind::PrometheusRule.child(metadata, json!({"groups": [group]})))
}

/// How long before its end the certificate should have been replaced by now: half the time that its renewal has.
fn renewed_before(registry: &Registry) -> Option<i64> {
    match &registry.tls {
        Tls::Disabled => None,
        Tls::SelfSigned(tls) => Some(tls.wanted.renew_before.as_secs() / 2),
        Tls::CertManager(tls) => Some(tls.request.as_ref().map_or(WEEK, |it| it.wanted.renew_before.as_secs() / 2)),
        Tls::Provided(_) => Some(WEEK),
    }
}

struct Alerts {
    /// What selects the registry's series.
    series: String,
    /// Namespace and name.
    registry: String,
}

impl Alerts {
    fn down(&self) -> Value {
        let Self { series, registry } = self;
        alert(
            "PrivateRegistryDown",
            "critical",
            "5m",
            &format!("absent(up{{{series}}} == 1)"),
            &format!("Registry {registry} does not answer"),
            "Nothing can be pulled or pushed; containers that run go on. `kubectl describe preg` says what the operator knows, \
             `kubectl describe pod` and `kubectl logs` what the server says last. If the server is ready, Prometheus does not \
             reach port 5001: look at spec.networkPolicy.metricsPeers.",
        )
    }

    fn errors(&self) -> Value {
        let Self { series, registry } = self;
        let requests = |matching: &str| format!("sum(rate(registry_http_requests_total{{{series}{matching}}}[5m]))");
        alert(
            "PrivateRegistryErrors",
            "warning",
            "10m",
            &format!("{} / {} > 0.05", requests(",code=~\"5..\""), requests("")),
            &format!("Registry {registry} answers more than 5 % of its requests with an error of its own"),
            "Pulls and pushes fail some of the time. `kubectl logs` names the cause of each: a volume that is full or answers \
             slowly, as a rule. Pulls go on from a full volume.",
        )
    }

    fn reload_refused(&self) -> Value {
        let Self { series, registry } = self;
        alert(
            "PrivateRegistryReloadRefused",
            "warning",
            "0m",
            &format!("increase(registry_reloads_total{{{series},outcome=\"refused\"}}[15m]) > 0"),
            &format!("Registry {registry} goes on with an older file, because it cannot use the new one"),
            "A new certificate or list of passwords is not in force; the old one still is. `kubectl logs` says what is wrong with \
             the file, `kubectl describe preg` which Secret it comes from.",
        )
    }

    fn logins_not_checked(&self) -> Value {
        let Self { series, registry } = self;
        let increase = |metric: &str| format!("sum(increase({metric}{{{series}}}[15m]))");
        let (throttled, overloaded) =
            (increase("registry_auth_throttled_total"), increase("registry_auth_overloaded_total"));
        alert(
            "PrivateRegistryLoginsNotChecked",
            "warning",
            "15m",
            &format!("{throttled} + {overloaded} > 0"),
            &format!("Registry {registry} turns logins away without looking at their passwords"),
            "Somebody sends many wrong passwords, or more logins come than the processor can check; those who are right are told to \
             come again. `kubectl logs` names the clients. A Pod that pulls with an old pull Secret is the usual cause.",
        )
    }

    fn certificate_ends(&self, seconds: i64) -> Value {
        let Self { series, registry } = self;
        alert(
            "PrivateRegistryCertificateEnds",
            "critical",
            "10m",
            &format!("registry_certificate_expiry_timestamp_seconds{{{series}}} - time() < {seconds}"),
            &format!("The certificate of registry {registry} should have been replaced by now"),
            "When it ends, nothing can be pulled or pushed. The operator should have renewed its own: the condition CertificateReady \
             and the operator's log say why it has not. One from a Secret of yours is yours to replace there.",
        )
    }

    fn volume_fills(&self) -> Value {
        let Self { series, registry } = self;
        let (used, available) = (
            format!("registry_storage_volume_used_bytes{{{series}}}"),
            format!("registry_storage_volume_available_bytes{{{series}}}"),
        );
        alert(
            "PrivateRegistryVolumeFills",
            "warning",
            "15m",
            &format!("{available} / ({used} + {available}) < 0.15"),
            &format!("The volume of registry {registry} is almost full"),
            &format!("Pushes fail when it is; pulls go on. {MAKE_ROOM}"),
        )
    }

    fn volume_full(&self) -> Value {
        let Self { series, registry } = self;
        alert(
            "PrivateRegistryVolumeFull",
            "critical",
            "0m",
            &format!("increase(registry_storage_volume_refused_writes_total{{{series}}}[15m]) > 0"),
            &format!("Registry {registry} has no room for what is pushed"),
            &format!("Pushes fail, pulls go on. {MAKE_ROOM}"),
        )
    }
}

fn alert(name: &str, severity: &str, after: &str, expression: &str, summary: &str, description: &str) -> Value {
    json!({
        "alert": name,
        "expr": expression,
        "for": after,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    })
}
