mod generations;
mod storage;

use std::{marker::PhantomData, sync::Arc};

use serde_json::{Value, json};

use super::{conditions::condition, *};
use crate::controller::{
    build::{Children, build},
    fixtures::{material, now, observed, observed_behind, resource, try_validated},
    optional_kinds::{OptionalKind, Unavailable},
    pods::{Awaited, Trouble},
    versions::Loaded,
};

/// What the cluster answers to a spec.
struct Cluster {
    observed: Observed,
    deployment: Value,
    claim: Value,
    paused: bool,
    distributed: Outcome,
    growth_refused: Option<Problem>,
}

impl Cluster {
    /// All is well.
    fn serving() -> Self {
        Self {
            observed: observed(),
            deployment: json!({"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
                "replicas": 1}),
            claim: json!({"phase": "Bound", "capacity": {"storage": "10Gi"}}),
            paused: false,
            distributed: Outcome::default(),
            growth_refused: None,
        }
    }

    fn status(self, spec: &str, previous: Option<&PrivateRegistryStatus>, at: Timestamp) -> PrivateRegistryStatus {
        let registry = Registry { paused: self.paused, ..try_validated(spec, &self.observed).unwrap() };
        let material = material(&registry);
        let desired = build(&registry, Some(&material));
        let mut children = desired.children.unwrap();
        let mut observed = self.observed;
        if observed.htpasswd.is_none() {
            observed.htpasswd = children.htpasswd.clone().map(Arc::new);
            observed.tls = children.certificate.clone().map(Arc::new);
        }
        answer(&mut children, &self.deployment, &self.claim);
        let service = observed.service.as_deref().cloned().unwrap_or(desired.service);
        let applied = Resources { service, children: Some(children), phase: PhantomData };
        let distributed = &self.distributed;
        let pass = Pass {
            observed: &observed,
            registry: &registry,
            material: Some(&material),
            applied: &applied,
            distributed,
            growth_refused: self.growth_refused.as_ref(),
        };
        status(&pass, previous, Some(3), at)
    }
}

fn answer(children: &mut Children, deployment: &Value, claim: &Value) {
    children.deployment.metadata.generation = Some(1);
    children.deployment.status = Some(serde_json::from_value(deployment.clone()).unwrap());
    if let Some(own) = &mut children.claim {
        own.status = Some(serde_json::from_value(claim.clone()).unwrap());
    }
}

/// Status and reason of a condition.
fn condition_of(status: &PrivateRegistryStatus, type_: &str) -> (String, String) {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

fn is(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_registry_that_serves_says_all_that_clients_need() {
    let status = Cluster::serving().status("{}", None, now());
    let serial = status.certificate.as_ref().unwrap().serial_number.clone();
    let condition = |type_: &str, status: &str, reason: &str, message: &str| {
        json!({"type": type_, "status": status, "reason": reason, "message": message, "observedGeneration": 3,
               "lastTransitionTime": "2031-05-06T07:08:09Z"})
    };
    assert_eq!(
        serde_json::to_value(&status).unwrap(),
        json!({
            "observedGeneration": 3,
            "lastServedGeneration": 3,
            "conditions": [
                condition("Ready", "True", "Serving",
                    "images are served as larder.kitchen.svc.house.example/<repository>:<tag>"),
                condition("Reconciling", "False", "Settled", "nothing is in progress"),
                condition("Stalled", "False", "NothingToCorrect", "nothing has to be corrected by a person"),
                condition("CertificateReady", "True", "Issued",
                    "valid until 2031-08-04T07:08:09Z, renewed at 2031-07-05T07:08:09Z"),
                condition("StorageReady", "True", "Bound", "PersistentVolumeClaim larder is bound"),
                condition("CredentialsReady", "True", "Accepted", "every user has a password that can be used"),
                condition("ExposureReady", "True", "ClusterIP", "the Service leads to the registry inside the cluster"),
            ],
            "endpoint": "larder.kitchen.svc.house.example",
            "internalEndpoint": "10.1.2.3:443",
            "caSecretRef": {"name": "larder-tls"},
            "pullSecretRef": {"name": "larder-pull"},
            "pushSecretRef": {"name": "larder-push"},
            "certificate": {
                "notBefore": "2031-05-06T07:03:09Z",
                "notAfter": "2031-08-04T07:08:09Z",
                "renewalTime": "2031-07-05T07:08:09Z",
                "serialNumber": serial,
            },
            "storage": {"claimName": "larder", "capacity": "10Gi"},
            "replicas": 1,
            "readyReplicas": 1,
            "selector": "app.kubernetes.io/instance=larder,app.kubernetes.io/name=private-registry",
            "version": "0.1.0",
        })
    );
}

#[test]
fn the_first_write_has_every_condition() {
    let registry = try_validated("{}", &Observed::default()).unwrap();
    let desired = build(&registry, None);
    let applied = Resources { service: desired.service, children: None, phase: PhantomData };
    let observed = Observed::default();
    let distributed = Outcome::default();
    let pass = Pass {
        observed: &observed,
        registry: &registry,
        material: None,
        applied: &applied,
        distributed: &distributed,
        growth_refused: None,
    };
    let status = status(&pass, None, Some(1), now());
    let types: Vec<_> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    let wanted =
        ["Ready", "Reconciling", "Stalled", "CertificateReady", "StorageReady", "CredentialsReady", "ExposureReady"];
    assert_eq!(types, wanted);
    assert_eq!(condition_of(&status, condition::READY), is("False", "WaitingForService"));
    assert_eq!(condition_of(&status, condition::RECONCILING), is("True", "WaitingForService"));
    assert_eq!(condition_of(&status, condition::STALLED), is("False", "NothingToCorrect"));
    assert_eq!(status.pull_secret_ref, None);
}

#[test]
fn a_stopped_registry_says_so_and_is_neither_ready_nor_stalled() {
    let still = Cluster {
        deployment: json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1}),
        ..Cluster::serving()
    };
    let stopping = still.status("{replicas: 0}", None, now());
    assert_eq!(condition_of(&stopping, condition::READY), is("False", "Stopped"));
    assert_eq!(condition_of(&stopping, condition::RECONCILING), is("True", "Stopping"));

    let gone = Cluster { deployment: json!({"observedGeneration": 1}), ..Cluster::serving() };
    let stopped = gone.status("{replicas: 0}", None, now());
    assert_eq!(condition_of(&stopped, condition::READY), is("False", "Stopped"));
    assert_eq!(condition_of(&stopped, condition::RECONCILING), is("False", "Settled"));
    assert_eq!(condition_of(&stopped, condition::STALLED), is("False", "NothingToCorrect"));
    assert_eq!((stopped.replicas, stopped.ready_replicas), (Some(0), Some(0)));
}

#[test]
fn the_time_of_a_condition_is_when_its_status_turned() {
    let first = Cluster::serving().status("{}", None, now());
    let later = now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(Cluster::serving().status("{}", Some(&first), later).conditions, first.conditions);

    let down = Cluster { deployment: json!({"observedGeneration": 1}), ..Cluster::serving() };
    let down = down.status("{}", Some(&first), later);
    let ready = down.conditions.iter().find(|known| known.type_ == condition::READY).unwrap();
    assert_eq!((ready.status.as_str(), ready.last_transition_time.0), ("False", later));
    let storage = down.conditions.iter().find(|known| known.type_ == condition::STORAGE_READY).unwrap();
    assert_eq!(storage.last_transition_time.0, now());
}

#[test]
fn a_deployment_that_cannot_make_its_pod_says_why() {
    let quota = Cluster {
        deployment: json!({"observedGeneration": 1, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"}]}),
        ..Cluster::serving()
    };
    let status = quota.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::READY), is("False", "DeploymentFailing"));
    let ready = &status.conditions[0];
    assert_eq!(ready.message, "Deployment larder: exceeded quota: pods");

    let stale = Cluster {
        deployment: json!({"observedGeneration": 0, "updatedReplicas": 1, "availableReplicas": 1}),
        ..Cluster::serving()
    };
    assert_eq!(condition_of(&stale.status("{}", None, now()), condition::READY), is("False", "RollingOut"));
}

/// A registry whose Pod has failed, with the Deployment saying so too.
fn failing(previous: Option<&PrivateRegistryStatus>) -> PrivateRegistryStatus {
    let mut cluster = Cluster {
        deployment: json!({"observedGeneration": 1, "updatedReplicas": 1, "conditions": [
            {"type": "Progressing", "status": "False", "message": "timed out progressing"}]}),
        ..Cluster::serving()
    };
    let trouble = Trouble { reason: "ServerEnded", message: "Pod p: the server ended with exit code 1".into() };
    cluster.observed.awaited = Some(Awaited { since: std::time::Duration::ZERO, trouble: Some(trouble) });
    cluster.status("{}", previous, now())
}

#[test]
fn a_pod_that_fails_says_why_and_which_spec_has_served() {
    let first = failing(None);
    assert_eq!(condition_of(&first, condition::READY), is("False", "ServerEnded"));
    assert_eq!(first.conditions[0].message, "Pod p: the server ended with exit code 1");
    assert_eq!(first.last_served_generation, None);

    let served = Cluster::serving().status("{}", None, now());
    assert_eq!(served.last_served_generation, Some(3));
    assert_eq!(failing(Some(&served)).conditions[0].message, first.conditions[0].message, "it is not the spec's fault");

    let before = PrivateRegistryStatus { last_served_generation: Some(2), ..served };
    let after = failing(Some(&before));
    assert_eq!(
        after.conditions[0].message,
        "Pod p: the server ended with exit code 1. Generation 2 of this resource has served, this is generation 3: correct its \
         spec, or take back what has changed since"
    );
    assert_eq!(after.last_served_generation, Some(2), "until another one serves");
}

#[test]
fn a_claim_that_is_not_bound_is_why_the_pod_does_not_start() {
    let pending = Cluster { deployment: json!({}), claim: json!({"phase": "Pending"}), ..Cluster::serving() };
    let status = pending.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::READY), is("False", "ClaimPending"));
    assert_eq!(condition_of(&status, condition::STORAGE_READY), is("False", "ClaimPending"));

    let in_the_pod = Cluster::serving().status("{storage: {emptyDir: {}}}", None, now());
    assert_eq!(condition_of(&in_the_pod, condition::STORAGE_READY), is("True", "EmptyDir"));
    assert_eq!(in_the_pod.storage, None);
}

#[test]
fn a_missing_secret_may_pass_and_an_unusable_one_has_to_be_corrected() {
    let spec = "{auth: {users: [{name: cook, passwordSecretRef: {name: staff}}]}}";
    let missing = Cluster::serving().status(spec, None, now());
    assert_eq!(condition_of(&missing, condition::CREDENTIALS_READY), is("False", "SecretNotFound"));
    assert_eq!(condition_of(&missing, condition::READY), is("False", "SecretNotFound"));
    assert_eq!(condition_of(&missing, condition::RECONCILING), is("True", "SecretNotFound"));
    assert_eq!(condition_of(&missing, condition::STALLED), is("False", "NothingToCorrect"));

    let mut unusable = Cluster::serving();
    let staff = crate::controller::fixtures::secret("staff", "1", &[("password", b"")]);
    unusable.observed.referenced.insert("staff".into(), Some(staff));
    let unusable = unusable.status(spec, None, now());
    assert_eq!(condition_of(&unusable, condition::RECONCILING), is("False", "Settled"));
    assert_eq!(condition_of(&unusable, condition::STALLED), is("True", "InvalidPassword"));
}

#[test]
fn files_that_pods_have_not_loaded_are_work_in_progress() {
    let mut lagging = Cluster::serving();
    lagging.observed.loaded = Loaded { lagging: Some("Pod p has not".into()), ..Loaded::default() };
    let status = lagging.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&status, condition::RECONCILING), is("True", "LoadingFiles"));

    let mut just_written = Cluster::serving();
    just_written.observed.htpasswd = Some(Arc::default());
    let status = just_written.status("{}", None, now());
    assert_eq!(condition_of(&status, condition::RECONCILING), is("True", "LoadingFiles"));
}

#[test]
fn an_error_of_the_api_server_does_not_take_readiness_away() {
    let serving = Cluster::serving().status("{}", None, now());
    let failed = conditions::failed(Some(&serving), "ApplyFailed", "failed to apply", false, Some(3), now());
    assert_eq!(condition_of(&failed, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&failed, condition::RECONCILING), is("True", "ApplyFailed"));
    assert_eq!(failed.endpoint, serving.endpoint);

    // A new spec is not fulfilled, whatever served the old one.
    let changed = conditions::failed(Some(&serving), "ApplyFailed", "failed to apply", false, Some(4), now());
    assert_eq!(condition_of(&changed, condition::READY), is("False", "ApplyFailed"));
    let invalid = conditions::failed(None, "InvalidSpec", "spec.storage ...", true, Some(1), now());
    assert_eq!(condition_of(&invalid, condition::READY), is("False", "InvalidSpec"));
    assert_eq!(condition_of(&invalid, condition::STALLED), is("True", "InvalidSpec"));
    assert_eq!(condition_of(&invalid, condition::RECONCILING), is("False", "InvalidSpec"));
}

#[test]
fn a_certificate_that_could_not_be_renewed_is_said_before_and_after_its_end() {
    let serving = Cluster::serving().status("{}", None, now());
    let days = |days: i64| now() + jiff::SignedDuration::from_hours(24 * days);
    let told = |at| {
        let status = conditions::failed(Some(&serving), "ApplyFailed", "quota exceeded", false, Some(3), at);
        condition_of(&status, condition::CERTIFICATE_READY)
    };
    assert_eq!(told(days(80)), is("True", "Issued"), "there is time");
    assert_eq!(told(days(82)), is("True", "CertificateExpiring"));
    assert_eq!(told(days(90)), is("False", "CertificateExpired"));
}

#[test]
fn a_paused_registry_says_so_and_what_still_serves() {
    let before = PrivateRegistryStatus { observed_generation: Some(2), ..PrivateRegistryStatus::default() };
    let paused = Cluster { paused: true, ..Cluster::serving() }.status("{}", Some(&before), now());
    assert_eq!(condition_of(&paused, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&paused, condition::RECONCILING), is("False", "Paused"));
    assert_eq!(paused.observed_generation, Some(2), "a newer spec has not been answered");

    let stopped = Cluster { paused: true, deployment: json!({}), ..Cluster::serving() };
    let stopped = stopped.status("{}", Some(&paused), now());
    assert_eq!(condition_of(&stopped, condition::READY), is("False", "RollingOut"));
    assert_eq!(condition_of(&stopped, condition::RECONCILING), is("False", "Paused"));
}

#[test]
fn plain_http_is_said_aloud() {
    let status = Cluster::serving().status("{tls: {disabled: true}}", None, now());
    assert_eq!(condition_of(&status, condition::CERTIFICATE_READY), is("True", "Disabled"));
    assert_eq!((status.ca_secret_ref, status.certificate), (None, None));
    assert_eq!(resource("{}").metadata.generation, Some(3));
}

/// A registry behind a Service of this type, as the API server has both.
fn exposed(type_: &str, load_balancer: &Value) -> PrivateRegistryStatus {
    let observed = observed_behind(load_balancer);
    Cluster { observed, ..Cluster::serving() }.status(&format!("{{service: {{type: {type_}}}}}"), None, now())
}

#[test]
fn a_load_balancer_is_waited_for_and_then_told() {
    let waiting = exposed("LoadBalancer", &json!([]));
    assert_eq!(condition_of(&waiting, "Ready"), is("False", "WaitingForLoadBalancer"));
    assert_eq!(condition_of(&waiting, "Reconciling"), is("True", "WaitingForLoadBalancer"));
    assert_eq!(waiting.external_endpoint, None);

    let there = exposed("LoadBalancer", &json!([{"ip": "192.0.2.7"}]));
    assert_eq!(condition_of(&there, "Ready"), is("True", "Serving"));
    assert_eq!(condition_of(&there, "ExposureReady"), is("True", "LoadBalancer"));
    assert_eq!((there.external_endpoint.as_deref(), there.node_port), (Some("192.0.2.7"), Some(30443)));
    assert_eq!(there.endpoint.as_deref(), Some("larder.kitchen.svc.house.example"));
}

#[test]
fn a_port_of_the_nodes_is_told_and_no_address_is_made_up() {
    let status = exposed("NodePort", &json!([]));
    assert_eq!(condition_of(&status, "ExposureReady"), is("True", "NodePort"));
    assert_eq!((status.external_endpoint, status.node_port), (None, Some(30443)));
}

#[test]
fn an_ingress_is_told_with_what_its_controller_says() {
    let spec = "{ingress: {host: pantry.example}}";
    let message = |status: PrivateRegistryStatus| {
        let found = status.conditions.iter().find(|known| known.type_ == condition::EXPOSURE_READY);
        found.map(|known| known.message.clone()).unwrap()
    };
    let silent = Cluster::serving().status(spec, None, now());
    assert_eq!(condition_of(&silent, "Ready"), is("True", "Serving"));
    assert_eq!(silent.external_endpoint.as_deref(), Some("pantry.example"));
    assert_eq!(
        message(silent),
        "Ingress larder leads pantry.example to the registry; no controller has put an address into it so far"
    );

    let mut cluster = Cluster::serving();
    let answer = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
    cluster.observed.optional.statuses = [(OptionalKind::Ingress, answer)].into();
    assert!(message(cluster.status(spec, None, now())).ends_with("a controller has taken it"));
}

#[test]
fn a_kind_that_is_missing_is_told_and_the_rest_goes_on() {
    let mut cluster = Cluster::serving();
    cluster.observed.optional.unavailable = [(OptionalKind::Ingress, Unavailable::Forbidden)].into();
    let status = cluster.status("{ingress: {host: pantry.example}}", None, now());
    for type_ in ["Ready", "ExposureReady"] {
        assert_eq!(condition_of(&status, type_), is("False", "KindForbidden"));
    }
    assert_eq!(condition_of(&status, "Reconciling"), is("True", "KindForbidden"));
    assert_eq!(status.ready_replicas, Some(1));
}

#[test]
fn copies_are_counted_and_what_fails_is_told_without_taking_readiness_away() {
    let selects = "{pullSecrets: {namespaceSelector: {}}}";
    let with = |distributed| Cluster { distributed, ..Cluster::serving() }.status(selects, None, now());
    let message = |status: &PrivateRegistryStatus| {
        let credentials = status.conditions.iter().find(|condition| condition.type_ == condition::CREDENTIALS_READY);
        credentials.unwrap().message.clone()
    };
    assert_eq!(Cluster::serving().status("{}", None, now()).pull_secrets, None);

    let copied = with(Outcome { asked: true, namespaces: 2, ..Outcome::default() });
    assert_eq!(copied.pull_secrets, Some(PullSecretsStatus { namespaces: 2, failing: 0 }));
    assert!(message(&copied).ends_with("other namespaces with the pull Secret: 2"), "{}", message(&copied));

    let confined_to = Some(vec!["attic".to_owned(), "hall".to_owned()]);
    let confined = with(Outcome { asked: true, namespaces: 1, confined_to, ..Outcome::default() });
    assert!(message(&confined).contains("of the 2 in which the operator works"), "{}", message(&confined));

    let nothing = with(Outcome { asked: true, nothing_to_copy: true, ..Outcome::default() });
    assert!(message(&nothing).contains("no generated user whose pull Secret could be copied"), "{}", message(&nothing));

    let failures = [("hall".to_owned(), "Secret x: no".to_owned())].into();
    let failing = with(Outcome { asked: true, namespaces: 1, failures, ..Outcome::default() });
    assert_eq!(failing.pull_secrets, Some(PullSecretsStatus { namespaces: 1, failing: 1 }));
    assert_eq!(condition_of(&failing, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&failing, condition::CREDENTIALS_READY), is("False", "PullSecretNotCopied"));
    assert!(message(&failing).contains("in namespace hall, Secret x: no"), "{}", message(&failing));

    let waiting = Outcome { waiting: true, ..Outcome::default() };
    let later = Cluster { distributed: waiting, ..Cluster::serving() }.status(selects, Some(&copied), now());
    assert_eq!(condition_of(&later, condition::CREDENTIALS_READY), is("False", "WaitingForNamespaces"));
    assert_eq!(later.pull_secrets, copied.pull_secrets, "what was known stays");
}

#[test]
fn prometheus_without_its_kinds_makes_a_registry_no_less_ready() {
    let spec = "{monitoring: {serviceMonitor: {}, prometheusRule: {}}}";
    let told = Cluster::serving().status(spec, None, now());
    assert_eq!(condition_of(&told, "MonitoringReady"), is("True", "Created"));

    let mut cluster = Cluster::serving();
    cluster.observed.optional.unavailable = [(OptionalKind::ServiceMonitor, Unavailable::NotInstalled)].into();
    let missing = cluster.status(spec, None, now());
    assert_eq!(condition_of(&missing, "MonitoringReady"), is("False", "KindNotInstalled"));
    assert_eq!(condition_of(&missing, "Ready"), is("True", "Serving"));
    assert_eq!(condition_of(&missing, "Reconciling"), is("True", "KindNotInstalled"));
    assert!(
        Cluster::serving().status("{}", None, now()).conditions.iter().all(|known| known.type_ != "MonitoringReady")
    );
}

#[test]
fn what_a_gateway_says_of_a_route_is_told() {
    let spec = "{httpRoute: {hostnames: [pantry.example], parentRefs: [{name: gate}]}}";
    let answered = |conditions: &Value| {
        let mut cluster = Cluster::serving();
        let answer = json!({"parents": [{"parentRef": {"name": "gate"}, "conditions": conditions}]});
        cluster.observed.optional.statuses = [(OptionalKind::HttpRoute, answer)].into();
        cluster.status(spec, None, now())
    };
    let accepted = answered(&json!([{"type": "Accepted", "status": "True"}]));
    assert_eq!(condition_of(&accepted, "ExposureReady"), is("True", "HTTPRoute"));
    assert_eq!(accepted.external_endpoint.as_deref(), Some("pantry.example"));

    let refused = answered(&json!([{"type": "Accepted", "status": "False", "message": "no listener has this host"}]));
    for type_ in ["Ready", "ExposureReady"] {
        assert_eq!(condition_of(&refused, type_), is("False", "RouteNotAccepted"));
    }
    let told = refused.conditions.iter().find(|known| known.type_ == "ExposureReady").unwrap();
    assert_eq!(told.message, "HTTPRoute larder is not accepted by Gateway gate: no listener has this host");
}
