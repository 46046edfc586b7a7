//! Whether an operator works: one that does renews its Lease every few seconds. Clocks are not compared.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};

use super::{Finding, unanswered};
use crate::names::LEASE;

const SUBJECT: &str = "leader";

/// The Lease, as it was seen first.
pub(super) struct Leader {
    api: Api<Lease>,
    namespace: String,
    first: Option<String>,
}

impl Leader {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), namespace: namespace.to_owned(), first: None }
    }

    /// Well from the second version on that somebody holds.
    pub(super) async fn look(&mut self) -> Finding {
        match self.api.get_opt(LEASE).await {
            Ok(lease) => self.judge(lease),
            Err(error) => unanswered(SUBJECT, &error),
        }
    }

    fn judge(&mut self, lease: Option<Lease>) -> Finding {
        let holder = lease.as_ref().and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref());
        let Some(holder) = holder.filter(|holder| !holder.is_empty()) else {
            return self.wrong("nobody holds");
        };
        let version = lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        match &self.first {
            Some(first) if version.as_ref() != Some(first) => Finding::well(SUBJECT),
            _ => {
                let held = format!("{holder} holds and does not renew");
                self.first = version;
                self.wrong(&held)
            }
        }
    }

    fn wrong(&self, what: &str) -> Finding {
        let namespace = &self.namespace;
        let look =
            format!("`kubectl describe pods --namespace {namespace}` and the operator's log say why it does not work");
        Finding::wrong(SUBJECT, format!("{what} Lease {namespace}/{LEASE}: {look}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lease(version: &str, holder: &str) -> Option<Lease> {
        let lease = json!({"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder}});
        Some(serde_json::from_value(lease).unwrap())
    }

    fn leader() -> Leader {
        let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("nobody is asked"))
        });
        Leader::new(Client::new(service, "default"), "system")
    }

    #[tokio::test]
    async fn only_a_lease_that_is_held_and_renewed_is_an_operator_that_works() {
        let mut leader = leader();
        assert!(leader.judge(None).fault.unwrap().contains("nobody holds Lease system/private-registry-operator"));
        assert!(leader.judge(lease("1", "")).fault.is_some(), "given back");
        assert!(leader.judge(lease("2", "first")).fault.unwrap().contains("first holds and does not renew"));
        assert!(leader.judge(lease("2", "first")).fault.is_some(), "the same as before");
        assert_eq!(leader.judge(lease("3", "first")), Finding::well(SUBJECT));
        assert_eq!(leader.judge(lease("3", "first")), Finding::well(SUBJECT), "seen renewed once is enough");
    }
}
