//! A `PrivateRegistry` that has been checked against what it refers to: all that `issue`, `build` and `status` go by.

mod exposure;
mod tls;

use std::{collections::BTreeMap, net::IpAddr};

use k8s_openapi::{
    api::core::v1::{Affinity, LocalObjectReference, PodSecurityContext, Toleration, TopologySpreadConstraint},
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, OwnerReference},
    },
};
use kube::core::Selector;

pub use self::{
    exposure::{Exposure, Host, HttpRoute, Ingress, NetworkPolicy},
    tls::{CertManager, Provided, Request, SelfSigned, Tls, Trust},
};
pub use crate::api::v1alpha1::Monitoring;
use crate::{
    api::v1alpha1::{Access, AccessMode, DeletionPolicy, EnvVar, ImagePullPolicy, IpFamilyPolicy, ServiceType},
    credentials::{Line, Password, Source},
    names::RegistryName,
};

/// A checked `PrivateRegistry`.
#[derive(Debug)]
pub struct Registry {
    /// Which one.
    pub name: RegistryName,
    /// What makes a child go with the resource.
    pub owner: OwnerReference,
    /// DNS domain of the cluster.
    pub cluster_domain: String,
    /// The server's image.
    pub image: Image,
    /// How many servers run: one, or none.
    pub replicas: i32,
    /// Where blobs are kept.
    pub storage: Storage,
    /// How the registry proves who it is.
    pub tls: Tls,
    /// Whom clients trust.
    pub trust: Trust,
    /// Who may do what.
    pub auth: Auth,
    /// Passwords and the file made of them, as they are now.
    pub credentials: Credentials,
    /// The key that signs the state of uploads, when there is one.
    pub http_secret: Option<String>,
    /// Who else gets the pull Secret.
    pub pull_secrets: PullSecrets,
    /// The Service.
    pub service: Service,
    /// What leads to the registry from outside the cluster.
    pub exposure: Exposure,
    /// What Prometheus is told, as far as the cluster has the kinds for it.
    pub monitoring: Monitoring,
    /// Whether nodes are to be told of it.
    pub node_trust: bool,
    /// What the spec adds to the server's config.yml.
    pub config: Box<registry_config::Config>,
    /// What is handed to the Pod as it is.
    pub pod: PodSettings,
    /// Whether nothing but Secrets is to be changed; see [`annotation::PAUSED`](crate::names::annotation::PAUSED).
    pub paused: bool,
    /// What keeps the spec from being fulfilled, although the registry can go on.
    pub problems: Vec<Problem>,
}

impl Registry {
    /// Metadata of a child that goes with the resource.
    #[must_use]
    pub fn child_metadata(&self, name: String, component: &str) -> ObjectMeta {
        ObjectMeta { owner_references: Some(vec![self.owner.clone()]), ..self.kept_metadata(name, component) }
    }

    /// Metadata of a child that stays when the resource goes.
    #[must_use]
    pub fn kept_metadata(&self, name: String, component: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.name.namespace.clone()),
            labels: Some(self.name.labels(component)),
            ..ObjectMeta::default()
        }
    }

    /// Name of the Pod's `ServiceAccount`.
    #[must_use]
    pub fn service_account_name(&self) -> String {
        match &self.pod.service_account {
            ServiceAccount::Own(_) => self.name.workload(),
            ServiceAccount::Existing(name) => name.clone(),
        }
    }

    /// The hosts that images are named by, the full one first, with the port where it is not the scheme's own.
    #[must_use]
    pub fn image_hosts(&self) -> Vec<String> {
        let [_, in_cluster, svc, full] = self.name.hosts(&self.cluster_domain);
        [full, svc, in_cluster].map(|host| self.with_port(&host)).into()
    }

    /// The hosts that clients outside the cluster name images by, the best one first.
    #[must_use]
    pub fn external_hosts(&self) -> Vec<String> {
        let ingress = self.exposure.ingress.iter().map(|ingress| ingress.host.clone());
        let load_balancer = self.exposure.load_balancer.iter().map(|host| self.with_port(&host.to_string()));
        let routes = self.exposure.http_route.iter().flat_map(|route| route.hostnames.clone());
        ingress.chain(routes).chain(load_balancer).collect()
    }

    /// All hosts that images are named by, inside the cluster and outside.
    #[must_use]
    pub fn all_hosts(&self) -> Vec<String> {
        [self.image_hosts(), self.external_hosts()].concat()
    }

    /// The hosts that images are named by in other namespaces, without port, the full one first: those under `.svc` alone, which
    /// can be nobody else's. A registry `docker` in a namespace `io` must not answer for `docker.io` there.
    #[must_use]
    pub fn hosts_elsewhere(&self) -> [String; 2] {
        let [.., svc, full] = self.name.hosts(&self.cluster_domain);
        [full, svc]
    }

    /// `host`, or `host:port` where a client would otherwise use another port.
    #[must_use]
    pub fn with_port(&self, host: &str) -> String {
        if self.service.port == self.tls.default_port() {
            host.to_owned()
        } else {
            format!("{host}:{}", self.service.port)
        }
    }
}

/// The server's image and how the kubelet gets it.
#[derive(Debug)]
pub struct Image {
    /// Its reference.
    pub reference: String,
    /// When it is pulled.
    pub pull_policy: Option<ImagePullPolicy>,
    /// With what it is pulled.
    pub pull_secrets: Vec<LocalObjectReference>,
}

/// Where blobs are kept.
#[derive(Debug, PartialEq)]
pub enum Storage {
    /// On a claim that the operator makes.
    Claim {
        /// Its size.
        size: Quantity,
        /// Its storage class, or the cluster's default.
        storage_class_name: Option<String>,
        /// How it may be mounted.
        access_modes: Vec<AccessMode>,
        /// Whether it goes with the resource.
        deletion_policy: DeletionPolicy,
    },
    /// On a claim that somebody else has made.
    ExistingClaim(String),
    /// In the Pod.
    EmptyDir {
        /// Size at which the Pod is evicted.
        size_limit: Option<Quantity>,
    },
}

/// Who may do what.
#[derive(Debug)]
pub enum Auth {
    /// Everybody may pull and push.
    Disabled,
    /// Users that log in.
    Users {
        /// Who they are.
        users: Users,
        /// Whether everybody may pull.
        anonymous_pull: bool,
    },
    /// What is in force stays: the file that should take its place cannot be used.
    Unchanged {
        /// access.yml as it is.
        access: String,
    },
}

impl Auth {
    /// Whether the server has users to ask for a password.
    #[must_use]
    pub const fn users_log_in(&self) -> bool {
        !matches!(self, Self::Disabled)
    }
}

/// Users that log in.
#[derive(Debug)]
pub enum Users {
    /// The generated ones and those of the spec.
    Managed(Vec<User>),
    /// Those of a user's own file, who may all pull and push.
    File(Vec<Line>),
}

/// A user of the spec.
#[derive(Debug)]
pub struct User {
    /// Name.
    pub name: String,
    /// What the user may do.
    pub access: Access,
    /// The password, when it can be read.
    pub password: Option<(Password, Source)>,
}

/// Passwords and the file made of them, as they are now.
#[derive(Debug)]
pub struct Credentials {
    /// The generated users, `pull` and `push`.
    pub generated: [Generated; 2],
    /// The htpasswd file.
    pub lines: Vec<Line>,
    /// Whether every running Pod accepts exactly these lines.
    pub loaded: bool,
}

/// A generated user.
#[derive(Debug)]
pub struct Generated {
    /// Name.
    pub name: &'static str,
    /// The value in the Secret that a person may change.
    pub stored: Stored,
    /// The password that the pull or push Secret tells clients.
    pub published: Option<Password>,
}

/// A generated user's password as it is kept.
#[derive(Debug)]
pub enum Stored {
    /// There is none: one has to be generated.
    Missing,
    /// A person has written something that cannot be a password. It stays as it is.
    Unusable(Vec<u8>),
    /// There is one.
    Good {
        /// The password.
        password: Password,
        /// Where it came from.
        source: Source,
        /// As it is written, a line feed at the end included.
        value: Vec<u8>,
    },
}

impl Stored {
    /// As it is written; `None` when there is none.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Missing => None,
            Self::Unusable(value) | Self::Good { value, .. } => Some(value),
        }
    }
}

/// Who else gets the pull Secret.
#[derive(Debug)]
pub struct PullSecrets {
    /// Namespaces, of those that take copies; `None` is none.
    pub namespaces: Option<Selector>,
    /// Names of service accounts, there and in the registry's own namespace.
    pub service_accounts: Vec<String>,
}

/// The Service.
#[derive(Debug)]
pub struct Service {
    /// How it is exposed.
    pub type_: ServiceType,
    /// Its port.
    pub port: i32,
    /// Its port on every node.
    pub node_port: Option<i32>,
    /// Class of its load balancer.
    pub load_balancer_class: Option<String>,
    /// Of which families its addresses are.
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its addresses; none while it does not exist.
    pub addresses: Vec<IpAddr>,
}

/// What is handed to the Pod as it is.
#[derive(Debug)]
pub struct PodSettings {
    /// Resources of the container.
    pub requests: BTreeMap<String, Quantity>,
    /// See `requests`.
    pub limits: BTreeMap<String, Quantity>,
    /// Labels a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated.
    pub tolerations: Vec<Toleration>,
    /// Scheduling constraints.
    pub affinity: Option<Affinity>,
    /// How Pods are spread.
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Priority class.
    pub priority_class_name: Option<String>,
    /// Labels beside the operator's own.
    pub labels: BTreeMap<String, String>,
    /// Annotations beside the operator's own.
    pub annotations: BTreeMap<String, String>,
    /// In place of the operator's own, field by field.
    pub security_context: PodSecurityContext,
    /// Environment variables beside the operator's own.
    pub env: Vec<EnvVar>,
    /// What the Pod runs as.
    pub service_account: ServiceAccount,
}

/// What the Pod runs as.
#[derive(Debug, PartialEq, Eq)]
pub enum ServiceAccount {
    /// A `ServiceAccount` that the operator makes, with these annotations.
    Own(BTreeMap<String, String>),
    /// One that somebody else has made.
    Existing(String),
}

/// What keeps the spec from being fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which part of the registry it concerns.
    pub about: About,
    /// For programs, in CamelCase.
    pub reason: &'static str,
    /// For people: what it is about, and what to do.
    pub message: String,
    /// Whether it may go away by itself, as when a Secret is still to be created; otherwise somebody has to correct something.
    pub may_pass: bool,
}

/// A part of the registry, with a condition of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// `CertificateReady`.
    Certificate,
    /// `StorageReady`.
    Storage,
    /// `CredentialsReady`.
    Credentials,
    /// The server's config.yml, without a condition of its own.
    Configuration,
    /// `ExposureReady`.
    Exposure,
    /// `MonitoringReady`, which does not make the registry less ready.
    Monitoring,
}
