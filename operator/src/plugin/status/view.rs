//! What `status` shows of a registry: taken from the resource, with what was looked at besides.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::{Serialize, Serializer};

use crate::{
    api::v1alpha1::{CertificateStatus, PrivateRegistry, PullSecretsStatus, StorageStatus},
    controller::status::conditions::condition,
    names::{PULL_USER, PUSH_USER, annotation},
    plugin::cluster::Unseen,
};

/// A registry as it is shown; in JSON with the names of the resource's own status where it has them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugin) struct View {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Whether the condition Ready says so, of the spec as it is now.
    pub(super) ready: bool,
    /// Whether the status answers an older spec.
    pub(super) outdated: bool,
    pub(super) paused: bool,
    pub(super) endpoint: Option<String>,
    pub(super) external_endpoint: Option<String>,
    pub(super) internal_endpoint: Option<String>,
    pub(super) node_port: Option<i32>,
    pub(super) version: Option<String>,
    /// Whether nothing proves who the registry is.
    pub(super) plain_http: bool,
    pub(super) certificate: Option<CertificateStatus>,
    pub(super) storage: Option<StorageStatus>,
    pub(super) users: Vec<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copies: Option<Copies>,
    /// Its Pods, in words, or why they could not be looked at.
    pub(super) pods: Vec<String>,
    pub(super) conditions: Vec<Condition>,
}

/// Who may do what, and where the password is kept.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) access: String,
    /// The Secret with the password; `None` when nobody is asked for one.
    pub(super) secret: Option<String>,
}

/// Where the pull Secret was copied to.
#[derive(Debug, Serialize)]
pub(super) struct Copies {
    /// Name of the copies.
    pub(super) secret: String,
    /// The namespaces that have one, where that may be looked at.
    #[serde(serialize_with = "seen")]
    pub(super) namespaces: Result<Vec<String>, Unseen>,
    /// What the operator has told about it.
    pub(super) told: Option<PullSecretsStatus>,
}

/// What was seen, or `null`.
fn seen<S: Serializer>(namespaces: &Result<Vec<String>, Unseen>, serializer: S) -> Result<S::Ok, S::Error> {
    namespaces.as_ref().ok().serialize(serializer)
}

impl View {
    /// What the resource itself tells.
    pub(super) fn of(registry: &PrivateRegistry) -> Self {
        let status = registry.status.clone().unwrap_or_default();
        let outdated = status.observed_generation != registry.metadata.generation;
        let paused = registry.annotations().get(annotation::PAUSED).is_some_and(|paused| paused == "true");
        let holds =
            |wanted: &str| status.conditions.iter().any(|known| known.type_ == wanted && known.status == "True");
        Self {
            namespace: registry.namespace().unwrap_or_default(),
            name: registry.name_any(),
            ready: holds(condition::READY) && (paused || !outdated),
            outdated,
            paused,
            endpoint: status.endpoint,
            external_endpoint: status.external_endpoint,
            internal_endpoint: status.internal_endpoint,
            node_port: status.node_port,
            version: status.version,
            plain_http: registry.spec.tls.disabled == Some(true),
            certificate: status.certificate,
            storage: status.storage,
            users: users(registry),
            copies: None,
            pods: Vec::new(),
            conditions: status.conditions,
        }
    }

    /// Why it is or is not ready: for programs, and for people.
    pub(super) fn reason(&self) -> (String, String) {
        let ready = self.conditions.iter().find(|known| known.type_ == condition::READY);
        ready.map_or_else(
            || {
                let message = "no operator has said anything about it yet: `kubectl preg doctor` looks for one";
                ("NothingIsTold".to_owned(), message.to_owned())
            },
            |ready| (ready.reason.clone(), ready.message.clone()),
        )
    }
}

fn users(registry: &PrivateRegistry) -> Vec<User> {
    let auth = &registry.spec.auth;
    let user =
        |name: &str, access: &str, secret: Option<String>| User { name: name.into(), access: access.into(), secret };
    if auth.is_disabled() {
        return vec![user("everybody", "Push", None)];
    }
    let anyone = (auth.anonymous_pull == Some(true)).then(|| user("everybody", "Pull", None));
    if let Some(file) = &auth.htpasswd_secret_ref {
        let of_file = user("each of the htpasswd file", "Push", Some(file.name.clone()));
        return anyone.into_iter().chain([of_file]).collect();
    }
    let status = registry.status.as_ref();
    let secret =
        |reference: Option<&crate::api::v1alpha1::SecretRef>| reference.map(|reference| reference.name.clone());
    let generated = [
        user(PULL_USER, "Pull", secret(status.and_then(|status| status.pull_secret_ref.as_ref()))),
        user(PUSH_USER, "Push", secret(status.and_then(|status| status.push_secret_ref.as_ref()))),
    ];
    let own = auth.users.iter();
    let own = own.map(|own| user(&own.name, &format!("{:?}", own.access), Some(own.password_secret_ref.name.clone())));
    anyone.into_iter().chain(generated).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::fixtures::resource;

    fn names(spec: &str) -> Vec<String> {
        users(&resource(spec)).into_iter().map(|user| format!("{}: {}", user.name, user.access)).collect()
    }

    #[test]
    fn everybody_who_may_do_something_is_named() {
        assert_eq!(names("{}"), ["pull: Pull", "push: Push"]);
        assert_eq!(names("{auth: {disabled: true}}"), ["everybody: Push"]);
        assert_eq!(names("{auth: {anonymousPull: true}}"), ["everybody: Pull", "pull: Pull", "push: Push"]);
        assert_eq!(names("{auth: {htpasswdSecretRef: {name: guests}}}"), ["each of the htpasswd file: Push"]);
        let own = "{auth: {users: [{name: cook, access: Admin, passwordSecretRef: {name: apron}}]}}";
        assert_eq!(names(own), ["pull: Pull", "push: Push", "cook: Admin"]);
    }

    #[test]
    fn a_registry_is_ready_when_that_is_said_of_its_present_spec() {
        let ready = |observed: i64, paused: bool| {
            let mut registry = resource("{}");
            let status = serde_json::json!({"observedGeneration": observed, "conditions": [{"type": "Ready", "status": "True",
                "reason": "Serving", "message": "", "lastTransitionTime": "2031-05-06T07:08:09Z"}]});
            registry.status = serde_json::from_value(status).unwrap();
            let paused = paused.then(|| [(annotation::PAUSED.to_owned(), "true".to_owned())].into());
            registry.metadata.annotations = paused;
            View::of(&registry).ready
        };
        assert!(ready(3, false));
        assert!(!ready(2, false), "of an older spec");
        assert!(ready(2, true), "which is what a pause means");
        assert!(!View::of(&resource("{}")).ready, "nobody has said so");
    }
}
