//! The server's Deployment: one Pod that passes the restricted Pod security standard.
//!
//! Certificate, htpasswd and access.yml are read again by the running server; config.yml is not, so its hash is on the Pod
//! template and a change rolls the Pod.

use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy},
        core::v1::{
            ConfigMap, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction,
            PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
            SecretVolumeSource, TopologySpreadConstraint, Volume, VolumeMount,
        },
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta},
        util::intstr::IntOrString,
    },
};

use super::{
    config::DRAIN_SECONDS,
    environment::environment,
    non_empty,
    security::{container_security, pod_security},
};
use crate::{
    api::v1alpha1::ImagePullPolicy,
    controller::{
        registry::{Registry, Storage},
        versions::hexadecimal,
    },
    names::{annotation, key, path, port},
};

/// Time between SIGTERM and SIGKILL: the drain, and a little for the rest.
const TERMINATION_GRACE_SECONDS: i64 = DRAIN_SECONDS as i64 + 10;

/// Names of volumes; those of mounts must be the same.
mod volume {
    pub(super) const CONFIG: &str = "config";
    pub(super) const CERTIFICATES: &str = "certificates";
    pub(super) const AUTH: &str = "auth";
    pub(super) const DATA: &str = "data";
}

pub(super) fn deployment(registry: &Registry, config: &ConfigMap) -> Deployment {
    Deployment {
        metadata: registry.child_metadata(registry.name.workload(), "registry"),
        spec: Some(DeploymentSpec {
            replicas: Some(registry.replicas),
            // Two servers never write one volume.
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            selector: LabelSelector { match_labels: Some(registry.name.selector()), match_expressions: None },
            revision_history_limit: Some(3),
            template: PodTemplateSpec { metadata: Some(pod_metadata(registry, config)), spec: Some(pod(registry)) },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod_metadata(registry: &Registry, config: &ConfigMap) -> ObjectMeta {
    let mut labels = registry.pod.labels.clone();
    labels.extend(registry.name.labels("registry"));
    // A new operator does not roll the Pods of all registries for its version's sake alone.
    labels.remove(crate::names::label::VERSION);
    let mut annotations = registry.pod.annotations.clone();
    annotations.insert(annotation::CONFIG_HASH.to_owned(), config_hash(config));
    ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }
}

fn config_hash(config: &ConfigMap) -> String {
    let text = config.data.as_ref().and_then(|data| data.get(key::CONFIG)).map(String::as_bytes);
    hexadecimal(digest(&SHA256, text.unwrap_or_default()).as_ref())
}

fn pod(registry: &Registry) -> PodSpec {
    PodSpec {
        service_account_name: Some(registry.service_account_name()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(TERMINATION_GRACE_SECONDS),
        security_context: Some(pod_security(registry.pod.security_context.clone())),
        image_pull_secrets: non_empty(registry.image.pull_secrets.clone()),
        node_selector: non_empty(registry.pod.node_selector.clone()),
        tolerations: non_empty(registry.pod.tolerations.clone()),
        affinity: registry.pod.affinity.clone(),
        topology_spread_constraints: non_empty(spread(registry)),
        priority_class_name: registry.pod.priority_class_name.clone(),
        containers: vec![container(registry)],
        volumes: Some(volumes(registry)),
        ..PodSpec::default()
    }
}

/// A constraint that does not say which Pods it counts would count none.
fn spread(registry: &Registry) -> Vec<TopologySpreadConstraint> {
    let mut constraints = registry.pod.topology_spread_constraints.clone();
    for constraint in &mut constraints {
        constraint.label_selector.get_or_insert_with(|| LabelSelector {
            match_labels: Some(registry.name.selector()),
            match_expressions: None,
        });
    }
    constraints
}

fn container(registry: &Registry) -> Container {
    Container {
        name: "registry".to_owned(),
        image: Some(registry.image.reference.clone()),
        image_pull_policy: registry.image.pull_policy.map(ImagePullPolicy::as_str).map(str::to_owned),
        ports: Some(vec![
            container_port(port::REGISTRY_NAME, port::REGISTRY),
            container_port(port::DEBUG_NAME, port::DEBUG),
        ]),
        env: Some(environment(registry)),
        resources: Some(ResourceRequirements {
            requests: non_empty(registry.pod.requests.clone()),
            limits: non_empty(registry.pod.limits.clone()),
            ..ResourceRequirements::default()
        }),
        security_context: Some(container_security()),
        // What a server that cannot start says last is shown by `kubectl describe pod`.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        // A first start may have to index a large volume: five minutes, looked at every second.
        startup_probe: Some(Probe { period_seconds: Some(1), failure_threshold: Some(300), ..probe("/readyz") }),
        liveness_probe: Some(Probe { period_seconds: Some(10), failure_threshold: Some(3), ..probe("/livez") }),
        readiness_probe: Some(Probe { period_seconds: Some(5), failure_threshold: Some(2), ..probe("/readyz") }),
        volume_mounts: Some(mounts(registry)),
        ..Container::default()
    }
}

fn container_port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port::DEBUG_NAME.to_owned()),
            scheme: Some("HTTP".to_owned()),
            ..HTTPGetAction::default()
        }),
        timeout_seconds: Some(3),
        ..Probe::default()
    }
}

fn mounts(registry: &Registry) -> Vec<VolumeMount> {
    let read_only = |name: &str, path: &str| VolumeMount { read_only: Some(true), ..mount(name, path) };
    let certificates = registry.tls.is_enabled().then(|| read_only(volume::CERTIFICATES, path::CERTIFICATES));
    let auth = registry.auth.users_log_in().then(|| read_only(volume::AUTH, path::AUTH));
    [read_only(volume::CONFIG, path::CONFIG)]
        .into_iter()
        .chain(auth)
        .chain(certificates)
        .chain([mount(volume::DATA, path::DATA)])
        .collect()
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

fn volumes(registry: &Registry) -> Vec<Volume> {
    let config = Volume {
        name: volume::CONFIG.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: registry.name.config_map(),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let certificates =
        registry.tls.is_enabled().then(|| secret_volume(volume::CERTIFICATES, registry.name.tls_secret()));
    let auth = registry.auth.users_log_in().then(|| secret_volume(volume::AUTH, registry.name.htpasswd_secret()));
    [config].into_iter().chain(auth).chain(certificates).chain([data_volume(registry)]).collect()
}

/// Readable for the server's group alone.
fn secret_volume(name: &str, secret: String) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn data_volume(registry: &Registry) -> Volume {
    let mut volume = Volume { name: volume::DATA.to_owned(), ..Volume::default() };
    let claim = |name: String| PersistentVolumeClaimVolumeSource { claim_name: name, read_only: None };
    match &registry.storage {
        Storage::Claim { .. } => volume.persistent_volume_claim = Some(claim(registry.name.workload())),
        Storage::ExistingClaim(name) => volume.persistent_volume_claim = Some(claim(name.clone())),
        Storage::EmptyDir { size_limit } => {
            volume.empty_dir = Some(EmptyDirVolumeSource { size_limit: size_limit.clone(), medium: None });
        }
    }
    volume
}
