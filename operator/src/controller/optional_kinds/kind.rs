//! Which kinds there are, and an object of one.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    api::{ApiResource, DynamicObject, TypeMeta},
    core::GroupVersionKind,
};
use serde_json::Value;

/// A kind of which a registry has a child only when its spec asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OptionalKind {
    /// Leads HTTP from outside the cluster to a Service.
    Ingress,
    /// Says who may reach a Pod.
    NetworkPolicy,
    /// Says how many Pods may be evicted at once.
    PodDisruptionBudget,
    /// Says which metrics Prometheus reads.
    ServiceMonitor,
    /// Says of what Prometheus warns.
    PrometheusRule,
    /// Leads HTTP from a gateway to a Service.
    HttpRoute,
    /// Says how a gateway speaks TLS to a Service.
    BackendTlsPolicy,
    /// Has cert-manager issue a certificate and renew it.
    Certificate,
}

impl OptionalKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ingress,
        Self::NetworkPolicy,
        Self::PodDisruptionBudget,
        Self::ServiceMonitor,
        Self::PrometheusRule,
        Self::HttpRoute,
        Self::BackendTlsPolicy,
        Self::Certificate,
    ];

    /// Group, version, kind and plural.
    const fn names(self) -> [&'static str; 4] {
        match self {
            Self::Ingress => ["networking.k8s.io", "v1", "Ingress", "ingresses"],
            Self::NetworkPolicy => ["networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"],
            Self::PodDisruptionBudget => ["policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"],
            Self::ServiceMonitor => ["monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"],
            Self::PrometheusRule => ["monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"],
            Self::HttpRoute => ["gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"],
            Self::BackendTlsPolicy => ["gateway.networking.k8s.io", "v1", "BackendTLSPolicy", "backendtlspolicies"],
            Self::Certificate => ["cert-manager.io", "v1", "Certificate", "certificates"],
        }
    }

    /// As `kind:` has it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        let [_, _, kind, _] = self.names();
        kind
    }

    /// As paths and roles have it.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        let [_, _, _, plural] = self.names();
        plural
    }

    /// Its API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        let [group, ..] = self.names();
        group
    }

    /// What a client needs to know of it.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let [group, version, kind, plural] = self.names();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

    /// A child of this kind.
    #[must_use]
    pub fn child(self, metadata: ObjectMeta, spec: Value) -> OptionalChild {
        let ApiResource { api_version, kind, .. } = self.resource();
        let data = Value::Object([("spec".to_owned(), spec)].into_iter().collect());
        OptionalChild {
            kind: self,
            object: DynamicObject { types: Some(TypeMeta { api_version, kind }), metadata, data },
        }
    }
}

/// A child of an optional kind.
#[derive(Clone, Debug)]
pub struct OptionalChild {
    /// Its kind.
    pub kind: OptionalKind,
    /// The object.
    pub object: DynamicObject,
}
