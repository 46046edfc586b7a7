//! What the operator answers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What the operator found and did. Written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrivateRegistryStatus {
    /// Generation of the spec that this status answers; -1 while the operator has answered none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Generation of the last spec with which the registry was ready: the one to go back to when a newer one does not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_served_generation: Option<i64>,

    /// Ready, Reconciling and Stalled, as kstatus reads them, and `CertificateReady`, `StorageReady`, `CredentialsReady` and
    /// `ExposureReady`; `MonitoringReady` and `NodesTrusted` where the spec asks for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Host, with the port where it is not the scheme's own, under which images are named: `<endpoint>/<repository>:<tag>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,

    /// The same for clients outside the cluster: what a load balancer gave the Service. Not there when nothing outside leads to
    /// the registry, or only a port of the nodes does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_endpoint: Option<String>,

    /// Port under which every node leads to the registry, for a Service of type `NodePort` or `LoadBalancer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<i32>,

    /// Address of the Service, for node configuration: `<ClusterIP>:<port>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_endpoint: Option<String>,

    /// Secret whose key ca.crt holds the authority that clients have to trust. Not there when nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<super::SecretRef>,

    /// Secret of type kubernetes.io/dockerconfigjson with which Pods pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_secret_ref: Option<super::SecretRef>,

    /// Secret of type kubernetes.io/dockerconfigjson with which images are pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_secret_ref: Option<super::SecretRef>,

    /// Copies of the pull Secret. Not there when none are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_secrets: Option<PullSecretsStatus>,

    /// The certificate being served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateStatus>,

    /// The volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageStatus>,

    /// Pods that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,

    /// Pods that serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,

    /// Label selector of the registry's Pods, for `kubectl scale` and autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// Version of the operator that wrote this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The certificate being served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Start of its validity.
    pub not_before: Time,
    /// End of its validity.
    pub not_after: Time,
    /// Serial number, hexadecimal with colons as openssl prints it.
    pub serial_number: String,
    /// When the operator or cert-manager renews it. Not there for a certificate of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal_time: Option<Time>,
}

/// The volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// Name of the claim. Not there for an `emptyDir`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_name: Option<String>,
    /// Capacity of the bound volume, as the claim has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// What the server says of the file system that it keeps images on. It is written again when it has changed by more than a
    /// percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<FileSystemStatus>,
}

/// How full a file system is. Everything on it counts: where volumes are directories of a node's disk, that is all of the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSystemStatus {
    /// Its size.
    pub capacity: String,
    /// What can still be written to it.
    pub available: String,
    /// How much is taken of its bytes or of its inodes, whichever is more, in percent.
    pub used_percent: i32,
}

/// Copies of the pull Secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullSecretsStatus {
    /// Other namespaces that have the pull Secret as it is now.
    pub namespaces: i32,
    /// Namespaces where something could not be written; `CredentialsReady` says which and why.
    pub failing: i32,
}
