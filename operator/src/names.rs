//! Every name that two places must agree on: of children, labels, annotations, ports, paths and the keys of Secrets.

use std::{collections::BTreeMap, fmt};

use registry_pki::Subject;

/// Who owns the fields that the operator applies.
pub const FIELD_MANAGER: &str = "private-registry-operator";
/// The Lease that says which replica of the operator works.
pub const LEASE: &str = "private-registry-operator";
/// The users that every registry has.
pub const PULL_USER: &str = "pull";
/// See [`PULL_USER`].
pub const PUSH_USER: &str = "push";
/// The end of the names of copies of pull Secrets.
const COPY_SUFFIX: &str = "pull";

/// Kept on a `PrivateRegistry` while something of its is outside its namespace, or on a service account.
pub const FINALIZER: &str = "privateregistry.io/pull-secrets";
/// Kept on a `PrivateRegistry` while nodes are told of it.
pub const NODE_TRUST_FINALIZER: &str = "privateregistry.io/node-trust";

/// Keys of labels, as Kubernetes recommends them, and the values that are the same everywhere.
pub mod label {
    /// What the application is: [`APPLICATION`].
    pub const NAME: &str = "app.kubernetes.io/name";
    /// Name of the `PrivateRegistry`.
    pub const INSTANCE: &str = "app.kubernetes.io/instance";
    /// Which part of the registry the object is.
    pub const COMPONENT: &str = "app.kubernetes.io/component";
    /// Who keeps the object: [`super::FIELD_MANAGER`].
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// Version of the operator that applied the object.
    pub const VERSION: &str = "app.kubernetes.io/version";
    /// What the object belongs to: [`APPLICATION`].
    pub const PART_OF: &str = "app.kubernetes.io/part-of";
    /// Namespace of the registry whose pull Secret a Secret is a copy of.
    pub const REGISTRY_NAMESPACE: &str = "privateregistry.io/registry-namespace";
    /// Name of that registry.
    pub const REGISTRY_NAME: &str = "privateregistry.io/registry-name";
    /// On a namespace, with the value `true`: it takes copies of pull Secrets.
    pub const PULL_SECRETS: &str = "privateregistry.io/pull-secrets";
    /// On every namespace: its name.
    pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
    /// Value of [`NAME`] and [`PART_OF`].
    pub const APPLICATION: &str = "private-registry";
}

/// Keys of annotations.
pub mod annotation {
    /// Hash of config.yml on the Pod template: a new configuration rolls the Pods.
    pub const CONFIG_HASH: &str = "privateregistry.io/config-hash";
    /// On a `PrivateRegistry`, with the value `true`: nothing is changed but what the running server reads again by itself.
    pub const PAUSED: &str = "privateregistry.io/paused";
    /// On a `PrivateRegistry`: each new value has the operator issue another certificate at once. On the certificate's Secret: the
    /// value that it answers.
    pub const RENEW: &str = "privateregistry.io/renew";
    /// On a service account: which of its `imagePullSecrets` the operator has added, separated by commas.
    pub const IMAGE_PULL_SECRETS: &str = "privateregistry.io/image-pull-secrets";
    /// What Argo CD is told of an object that it takes for one of an Application's own.
    pub const ARGO_CD_SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
    /// What Argo CD is told of an object that is in no repository.
    pub const ARGO_CD_COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
    /// Where each line of the htpasswd file came from, on the Secret that holds it.
    pub const HTPASSWD_RECORD: &str = "privateregistry.io/htpasswd-record";
}

/// Keys in Secrets and `ConfigMaps`, and with that the names of mounted files.
pub mod key {
    /// A certificate, followed by its intermediates.
    pub const CERTIFICATE: &str = "tls.crt";
    /// Its private key.
    pub const PRIVATE_KEY: &str = "tls.key";
    /// The authorities to trust.
    pub const AUTHORITY: &str = "ca.crt";
    /// Names and bcrypt hashes.
    pub const HTPASSWD: &str = "htpasswd";
    /// Rules about who may do what.
    pub const ACCESS: &str = "access.yml";
    /// The server's configuration.
    pub const CONFIG: &str = "config.yml";
    /// The key that signs the state of uploads.
    pub const HTTP_SECRET: &str = "secret";
    /// Registry credentials as Docker writes them.
    pub const DOCKER_CONFIG: &str = ".dockerconfigjson";
    /// Host of the registry, for people and scripts.
    pub const REGISTRY: &str = "registry";
    /// User of the registry, for people and scripts.
    pub const USERNAME: &str = "username";
    /// Password of that user.
    pub const PASSWORD: &str = "password";
}

/// Where the Pod finds what is mounted. The server's config.yml and the Pod's mounts must agree on them.
pub mod path {
    /// The directory of config.yml, where the server looks by itself.
    pub const CONFIG: &str = "/etc/distribution";
    /// The directory of certificate and key.
    pub const CERTIFICATES: &str = "/certs";
    /// The directory of htpasswd and access.yml.
    pub const AUTH: &str = "/auth";
    /// The directory of the blobs.
    pub const DATA: &str = "/var/lib/registry";
}

/// Ports and their names.
pub mod port {
    /// The container's port for the distribution API.
    pub const REGISTRY: i32 = 5000;
    /// The container's port for health, metrics and the versions of the files in force.
    pub const DEBUG: i32 = 5001;
    /// The Service's port unless the spec says another one.
    pub const HTTPS: i32 = 443;
    /// The same without TLS.
    pub const HTTP: i32 = 80;
    /// Name of [`REGISTRY`] in Pod and Service.
    pub const REGISTRY_NAME: &str = "registry";
    /// Name of [`DEBUG`] in the Pod.
    pub const DEBUG_NAME: &str = "debug";
    /// Name of [`DEBUG`] in the Service for Prometheus.
    pub const METRICS_NAME: &str = "metrics";
}

/// Whether `name` can be the name of an object: an RFC 1123 subdomain.
///
/// A name becomes a part of a request's path, where a slash or a question mark would lead to another object than the one in the
/// registry's own namespace.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = bytes.first().zip(bytes.last());
        ends.is_some_and(|(first, last)| letter_or_digit(*first) && letter_or_digit(*last))
            && bytes.iter().all(|byte| letter_or_digit(*byte) || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Which `PrivateRegistry`: the start of all its children's names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryName {
    /// Its namespace, where its children are too.
    pub namespace: String,
    /// Its name: a DNS label of at most 50 characters, which the CRD sees to.
    pub name: String,
}

/// What its authority is called. Both parts stay below the 64 characters that X.520 allows.
impl From<&RegistryName> for Subject {
    fn from(registry: &RegistryName) -> Self {
        Self { organization: Some(registry.namespace.clone()), common_name: format!("{} registry CA", registry.name) }
    }
}

impl RegistryName {
    /// Secret with the authority's key; never mounted.
    #[must_use]
    pub fn ca_secret(&self) -> String {
        self.child("ca")
    }

    /// Secret with the certificate that is served, its key, and the authorities to trust.
    #[must_use]
    pub fn tls_secret(&self) -> String {
        self.child("tls")
    }

    /// Secret in which cert-manager keeps what it has issued; never mounted.
    #[must_use]
    pub fn issued_secret(&self) -> String {
        self.child("cert-manager")
    }

    /// Secret with the generated users' passwords, a key a user.
    #[must_use]
    pub fn credentials_secret(&self) -> String {
        self.child("credentials")
    }

    /// Secret with htpasswd and access.yml.
    #[must_use]
    pub fn htpasswd_secret(&self) -> String {
        self.child("htpasswd")
    }

    /// Secret with the key that signs the state of uploads.
    #[must_use]
    pub fn http_secret(&self) -> String {
        self.child("http")
    }

    /// Secret with which Pods pull.
    #[must_use]
    pub fn pull_secret(&self) -> String {
        self.child("pull")
    }

    /// Secret with which Pods of other namespaces pull: of at most 119 characters, and another one for every registry, because
    /// neither part can contain a dot.
    #[must_use]
    pub fn pull_secret_copy(&self) -> String {
        format!("{}.{}.{COPY_SUFFIX}", self.name, self.namespace)
    }

    /// `ConfigMap` in the operator's namespace by which nodes are told of the registry: another one for every registry, because
    /// neither part can contain a dot.
    #[must_use]
    pub fn node_trust_config_map(&self) -> String {
        format!("{}.{}.nodes", self.name, self.namespace)
    }

    /// The registry whose pull Secret a Secret of this name is a copy of.
    #[must_use]
    pub fn of_pull_secret_copy(secret: &str) -> Option<Self> {
        let mut parts = secret.split('.').map(str::to_owned);
        let [name, namespace, suffix] = [parts.next()?, parts.next()?, parts.next()?];
        (suffix == COPY_SUFFIX && parts.next().is_none()).then_some(Self { namespace, name })
    }

    /// The labels by which a copy of the pull Secret is known for one.
    #[must_use]
    pub fn copy_labels(&self) -> BTreeMap<String, String> {
        [
            (label::NAME, label::APPLICATION),
            (label::COMPONENT, "pull-secret-copy"),
            (label::MANAGED_BY, FIELD_MANAGER),
            (label::PART_OF, label::APPLICATION),
            (label::REGISTRY_NAMESPACE, &self.namespace),
            (label::REGISTRY_NAME, &self.name),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// Secret with which images are pushed.
    #[must_use]
    pub fn push_secret(&self) -> String {
        self.child("push")
    }

    /// `ConfigMap` with config.yml.
    #[must_use]
    pub fn config_map(&self) -> String {
        self.child("config")
    }

    /// `ConfigMap` with the authorities to trust, for gateways.
    #[must_use]
    pub fn authorities_config_map(&self) -> String {
        self.child("ca")
    }

    /// Service for Prometheus.
    #[must_use]
    pub fn metrics_service(&self) -> String {
        self.child("metrics")
    }

    /// Service, `ServiceAccount`, Deployment and the claim have the resource's own name.
    #[must_use]
    pub fn workload(&self) -> String {
        self.name.clone()
    }

    /// The Secrets that the operator keeps.
    #[must_use]
    pub fn secrets(&self) -> [String; 7] {
        [
            self.ca_secret(),
            self.tls_secret(),
            self.credentials_secret(),
            self.htpasswd_secret(),
            self.http_secret(),
            self.pull_secret(),
            self.push_secret(),
        ]
    }

    /// The labels that tell this registry's Pods from all others; a Deployment's selector can never change.
    #[must_use]
    pub fn selector(&self) -> BTreeMap<String, String> {
        [(label::NAME, label::APPLICATION), (label::INSTANCE, &self.name)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// The same as a label selector is written.
    #[must_use]
    pub fn pod_selector(&self) -> String {
        let labels = self.selector();
        labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
    }

    /// The labels of a child that is this part of the registry.
    #[must_use]
    pub fn labels(&self, component: &str) -> BTreeMap<String, String> {
        let mut labels = self.selector();
        labels.extend(
            [
                (label::COMPONENT, component),
                (label::MANAGED_BY, FIELD_MANAGER),
                (label::VERSION, env!("CARGO_PKG_VERSION")),
                (label::PART_OF, label::APPLICATION),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        labels
    }

    /// Hosts under which the Service is reached, shortest first, the full one last.
    #[must_use]
    pub fn hosts(&self, cluster_domain: &str) -> [String; 4] {
        let Self { namespace, name } = self;
        [
            name.clone(),
            format!("{name}.{namespace}"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.{cluster_domain}"),
        ]
    }

    fn child(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registry_has_copies_of_its_own_name() {
        let registry = |namespace: &str, name: &str| RegistryName { namespace: namespace.into(), name: name.into() };
        let longest = registry(&"n".repeat(63), &"r".repeat(50));
        for name in [registry("b", "a"), registry("a-b", "c"), registry("a", "b-c"), longest] {
            let copy = name.pull_secret_copy();
            assert!(is_object_name(&copy), "{copy}");
            assert_eq!(RegistryName::of_pull_secret_copy(&copy), Some(name));
        }
        for other in ["larder-pull", "a.b", "a.b.push", "a.b.c.pull", "pull"] {
            assert_eq!(RegistryName::of_pull_secret_copy(other), None, "{other}");
        }
    }

    #[test]
    fn a_name_is_a_subdomain_and_never_a_path() {
        for name in ["a", "staff", "staff.2", "0-a.b-1", &"x".repeat(253)] {
            assert!(is_object_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "../secrets",
            "a/b",
            "a?watch=1",
            "a#b",
            "a%2fb",
            "a..b",
            "-a",
            "a-",
            "a.",
            "A",
            "a b",
            "a\n",
            "ä",
            &"x".repeat(254),
        ] {
            assert!(!is_object_name(name), "{name}");
        }
    }
}
