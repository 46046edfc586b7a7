//! What was seen of a registry and around it: objects as the API server has them, or why they could not be looked at.

use k8s_openapi::api::{
    apps::v1::Deployment,
    coordination::v1::Lease,
    core::v1::{Event, PersistentVolumeClaim, Pod, Secret, ServiceAccount},
    discovery::v1::EndpointSlice,
    storage::v1::StorageClass,
};

use super::pulls::Failing;
use crate::{api::v1alpha1::PrivateRegistry, names::RegistryName, plugin::cluster::Unseen};

/// An answer, or why there is none.
pub(super) type Seen<T> = Result<T, Unseen>;

/// Everything that is judged.
#[derive(Debug)]
pub(super) struct Observed {
    /// Whose it is.
    pub(super) name: RegistryName,
    /// The resource.
    pub(super) registry: PrivateRegistry,
    /// Leases of operators, in whatever namespace.
    pub(super) leases: Seen<Vec<Lease>>,
    /// The claim; `Ok(None)` where there should be one and is none.
    pub(super) claim: Seen<Option<PersistentVolumeClaim>>,
    /// The cluster's storage classes; asked for only where the claim is not bound.
    pub(super) classes: Seen<Vec<StorageClass>>,
    /// Warnings about the claim, the Pods and the registry itself.
    pub(super) events: Seen<Vec<Event>>,
    /// The Deployment.
    pub(super) deployment: Seen<Option<Deployment>>,
    /// Its Pods.
    pub(super) pods: Seen<Vec<Pod>>,
    /// Where the Service leads.
    pub(super) slices: Seen<Vec<EndpointSlice>>,
    /// The certificate.
    pub(super) certificate: Seen<Option<Secret>>,
    /// The pull Secret.
    pub(super) pull: Seen<Option<Secret>>,
    /// What the server answers; `None` where there is none that could be asked.
    pub(super) answer: Option<Seen<Answer>>,
    /// Copies of the pull Secret, in the namespaces that are to have one; `None` where none are asked for.
    pub(super) copies: Option<Seen<Vec<Copy>>>,
    /// The service accounts that are to pull from it.
    pub(super) accounts: Vec<NamedAccounts>,
    /// Pods that use images of this registry.
    pub(super) users: Seen<Users>,
}

/// The service accounts of a name in the spec.
#[derive(Debug)]
pub(super) struct NamedAccounts {
    /// The name.
    pub(super) name: String,
    /// Those that there are: in the registry's namespace or, where copies are asked for, in all.
    pub(super) found: Seen<Vec<ServiceAccount>>,
}

/// A copy of the pull Secret.
#[derive(Debug)]
pub(super) struct Copy {
    /// The namespace that is to have it.
    pub(super) namespace: String,
    /// The Secret.
    pub(super) secret: Seen<Option<Secret>>,
}

/// What the server has answered to `GET /v2/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A status, to the pull user or to nobody.
    Status {
        /// The HTTP status.
        code: u16,
        /// Whether a password was sent.
        logged_in: bool,
    },
    /// No connection, or not one that can be trusted; in words.
    Broken(String),
}

/// Pods that use images of this registry.
#[derive(Debug, Default)]
pub(super) struct Users {
    /// How many there are.
    pub(super) count: usize,
    /// Those that cannot get their image.
    pub(super) failing: Vec<Failing>,
    /// The one namespace that was looked at, where that was not all of them.
    pub(super) only: Option<String>,
    /// Whether there are more Pods than were looked at.
    pub(super) more: bool,
}
