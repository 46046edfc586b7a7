//! `privateregistry.io/v1alpha1`: what a person writes, and what the operator answers in the status.
//!
//! Every rule that the API server can check is a CEL rule here, so that a mistake is refused when it is made and with a
//! sentence that says what to write instead. What needs other objects to be judged (a Secret that does not exist) is left to
//! `controller::validate`, which answers with a condition.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct into a function to derive its schema, `pub` included"
)]

mod auth;
mod availability;
mod http_route;
mod ingress;
mod monitoring;
mod node_trust;
mod pod;
mod pull_secrets;
mod server_config;
mod service;
mod status;
mod storage;
mod tls;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Affinity, LocalObjectReference, PodSecurityContext, Toleration, TopologySpreadConstraint},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    },
};
use kube::{CustomResource, CustomResourceExt, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use self::server_config::{OWN_HTTP_KEYS, OWN_KEYS};
pub use self::{
    auth::{Access, Auth, HtpasswdSecretRef, PasswordSecretRef, User},
    availability::{NetworkPolicy, PodDisruptionBudget},
    http_route::{HttpRoute, ParentRef},
    ingress::Ingress,
    monitoring::{Monitoring, PrometheusRule, ServiceMonitor},
    node_trust::NodeTrust,
    pod::{EnvVar, ImagePullPolicy, Resources, ServiceAccount},
    pull_secrets::{LabelOperator, NamespaceRequirement, NamespaceSelector, PullSecrets},
    service::{IpFamilyPolicy, Service, ServiceType},
    status::{CertificateStatus, FileSystemStatus, PrivateRegistryStatus, PullSecretsStatus, StorageStatus},
    storage::{AccessMode, DeletionPolicy, EmptyDir, PersistentVolumeClaim, Storage},
    tls::{CertManager, IssuerRef, KeyAlgorithm, SecretRef, SelfSigned, Tls},
};

/// Runs an OCI registry of its own: TLS, users with rights, a volume, and the Secrets that let Pods pull from it.
/// `spec: {}` is a complete registry.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "privateregistry.io",
    version = "v1alpha1",
    kind = "PrivateRegistry",
    plural = "privateregistries",
    singular = "privateregistry",
    shortname = "preg",
    category = "all",
    namespaced,
    status = "PrivateRegistryStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    derive = "PartialEq",
    doc = "A private OCI registry: TLS, users with rights, a volume, and the Secrets that let Pods pull from it. \
           `spec: {}` is a complete registry.",
    printcolumn(
        name = "Endpoint",
        type_ = "string",
        json_path = ".status.endpoint",
        description = "Host under which Pods and nodes reach the registry"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the registry serves what the spec asks for"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1,
        description = "Why the registry is or is not ready"
    ),
    printcolumn(
        name = "Used%",
        type_ = "integer",
        json_path = ".status.storage.fileSystem.usedPercent",
        priority = 1,
        description = "How full the file system with the images is, in percent"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("the name becomes the name of a Service and the start of other names: use at most 50 lower case \
                  letters, digits and '-', starting with a letter and ending with a letter or digit"),
    validation = Rule::new(storage::size_does_not_shrink())
        .message("storage.persistentVolumeClaim.size cannot shrink (left out, it is 10Gi) below what the claim has: Kubernetes \
                  can only grow a claim")
)]
#[serde(rename_all = "camelCase")]
pub struct PrivateRegistrySpec {
    /// Image of the registry server. Defaults to the image released together with the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.matches('\\\\s')").message("image must be an image reference such as \
        registry.example.com/team/server:1.0.0, without white space"))]
    pub image: Option<String>,

    /// When the kubelet pulls the server's image. Defaults to the kubelet's own rule: Always for the tag `latest`, `IfNotPresent`
    /// otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ImagePullPolicy")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// Secrets in the same namespace with which the kubelet pulls the server's own image. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// How many servers run: 1, the default, or 0 for a registry that is stopped and keeps its images. More would need storage that
    /// several servers can write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 1))]
    #[x_kube(validation = Rule::new("self == 0 || self == 1").message("replicas must be 1, or 0 for a registry that is stopped: \
        two servers must not write one volume"))]
    pub replicas: Option<i32>,

    /// Where blobs are kept. Defaults to a claim of 10Gi of the cluster's default storage class.
    #[serde(default)]
    pub storage: Storage,

    /// How the registry proves who it is. Defaults to a certificate that the operator issues and renews.
    #[serde(default)]
    pub tls: Tls,

    /// Who may do what. Defaults to a generated user that may pull and one that may also push.
    #[serde(default)]
    pub auth: Auth,

    /// Who else gets the pull Secret: other namespaces, and service accounts. Defaults to nobody: a Pod names the Secret itself.
    #[serde(default)]
    pub pull_secrets: PullSecrets,

    /// The Service under which the registry is reached. Defaults to a `ClusterIP` Service on port 443, or 80 without TLS.
    #[serde(default)]
    pub service: Service,

    /// Leads clients outside the cluster to the registry through an ingress controller. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,

    /// Leads clients outside the cluster to the registry through a gateway, where the cluster has the Gateway API. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRoute>,

    /// Who may reach the registry's Pod. Without it everybody may; `networkPolicy: {}` allows the Pods of the same namespace alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,

    /// How many of the registry's Pods may be evicted at once. Without it they are evicted whenever a node is drained, and the
    /// registry is gone for the seconds that its Pod needs elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_disruption_budget: Option<PodDisruptionBudget>,

    /// What Prometheus is told of the registry, where the cluster has the kinds of the Prometheus operator. Defaults to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,

    /// Has every node told where the registry is and whom to trust for it, so that Pods of any namespace run
    /// `<name>.<namespace>.svc.<cluster domain>/...` with no hand on a node. `nodeTrust: {}` asks for it; the administrator has to have
    /// switched it on for the cluster. Defaults to not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_trust: Option<NodeTrust>,

    /// Other keys of the server's config.yml, as its reference describes them, added to what the operator writes there. Keys that other
    /// fields of the spec decide about are refused here, and keys that the server does not know or would not act upon. A mistake
    /// leaves the configuration in force as it is. Defaults to none.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "server_config::schema")]
    pub config: Map<String, Value>,

    /// Resources of the server's container. Defaults to requests of 50m CPU and 64Mi memory, and a limit of 512Mi memory. A
    /// value given here replaces all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Labels a node must have to run the registry's Pod. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints the registry's Pod tolerates. Defaults to none beyond those that Kubernetes adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tolerations: Vec<Toleration>,

    /// Scheduling constraints of the registry's Pod. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,

    /// How the registry's Pod is spread over nodes and zones. A constraint without `labelSelector` counts the Pods of this registry.
    /// Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,

    /// Name of the priority class of the registry's Pod. Defaults to the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,

    /// Labels added to the registry's Pod. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('app.kubernetes.io/'))")
        .message("podLabels must not start with app.kubernetes.io/: these labels are the operator's own"))]
    pub pod_labels: BTreeMap<String, String>,

    /// Annotations added to the registry's Pod. Defaults to none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('privateregistry.io/'))")
        .message("podAnnotations must not start with privateregistry.io/: these annotations are the operator's own"))]
    pub pod_annotations: BTreeMap<String, String>,

    /// Security settings of the registry's Pod, each in place of the operator's own: `runAsNonRoot: true`, `runAsUser`, `runAsGroup`
    /// and `fsGroup: 65532`, `fsGroupChangePolicy: OnRootMismatch`, `seccompProfile: {type: RuntimeDefault}`. Fields that are left
    /// out stay as they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("!has(self.windowsOptions)").message("podSecurityContext.windowsOptions: the server runs on Linux alone"),
        validation = Rule::new("!(has(self.runAsUser) && self.runAsUser == 0) || (has(self.runAsNonRoot) && !self.runAsNonRoot)")
            .message("podSecurityContext.runAsUser 0 is root: write runAsNonRoot: false beside it if that is what you want")
    )]
    pub pod_security_context: Option<PodSecurityContext>,

    /// Environment variables added to the server's container, such as `HTTPS_PROXY`, or `REGISTRY_` followed by a key of the server's
    /// config.yml whose value is kept in a Secret. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub env: Vec<EnvVar>,

    /// The `ServiceAccount` of the registry's Pod. Defaults to one that the operator makes, without annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
}

impl PrivateRegistry {
    /// What an operator has said; `None` while it has said nothing, whatever the definition gives a resource from the start.
    #[must_use]
    pub fn answer(&self) -> Option<&PrivateRegistryStatus> {
        self.status.as_ref().filter(|status| !status.conditions.is_empty())
    }
}

/// CEL: whether `value` can be the name of an object. One with a slash would lead a request somewhere else.
fn is_object_name(value: &str) -> String {
    format!("{value}.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')")
}

/// The CRD as it is installed.
///
/// The derived schema calls every optional field `nullable`, so that `emptyDir:` without a value would be read as "not given"
/// and quietly become a claim. Without it the API server says that an object is expected.
///
/// What has no status counts as finished for kstatus, and so for Flux and Helm. A resource has therefore one from its creation on,
/// which answers no generation, until the operator writes one.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    let mut crd = PrivateRegistry::crd();
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            refuse_null(schema);
            let status = schema.properties.as_mut().and_then(|properties| properties.get_mut("status"));
            if let Some(status) = status {
                status.default = Some(JSON(json!({ "observedGeneration": -1 })));
            }
        }
    }
    crd
}

fn refuse_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flatten().for_each(|(_, property)| refuse_null(property));
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => refuse_null(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(refuse_null),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        refuse_null(values);
    }
}

/// [`crd`] as it is committed to `crds/` and printed by the subcommand `crd`.
///
/// # Errors
/// When the schema cannot be written as YAML, which a test of the subcommand rules out.
pub fn crd_yaml() -> Result<String, serde_saphyr::ser::Error> {
    let crd = serde_saphyr::to_string(&crd())?;
    Ok(format!("# Written by `cargo run -p private-registry-operator -- crd`.\n{crd}"))
}

#[cfg(test)]
mod tests;
