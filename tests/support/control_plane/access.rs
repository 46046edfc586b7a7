//! Who may speak to the API server, and how it knows them: two authorities, the key of service accounts, kubeconfigs.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::Kubeconfig;
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::operator;
use crate::pki::{Authority, Leaf};

/// Somebody who speaks to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// May do everything, past RBAC.
    Administrator,
    /// A person, known by a certificate; may do what RBAC allows.
    User(String),
    /// The operator, with the rights that its chart gives.
    Operator,
    /// What the operator runs on each node, with the rights that its chart gives.
    NodeTrust,
}

impl Identity {
    /// How the API server names the operator.
    pub fn operator_name() -> String {
        format!("system:serviceaccount:{}:{}", operator::NAMESPACE, operator::RELEASE)
    }

    /// Name and group. A service account is known by its token alone; a certificate of the same name is the same user.
    fn name_and_group(&self) -> (String, String) {
        match self {
            Self::Administrator => ("administrator".to_owned(), "system:masters".to_owned()),
            Self::User(name) => (name.clone(), "people".to_owned()),
            Self::Operator => (Self::operator_name(), "system:serviceaccounts".to_owned()),
            Self::NodeTrust => (format!("{}-node-trust", Self::operator_name()), "system:serviceaccounts".to_owned()),
        }
    }
}

/// What certificates are signed with.
pub(super) struct Authorities {
    servers: Authority,
    clients: Authority,
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authorities").finish_non_exhaustive()
    }
}

impl Authorities {
    /// New ones; what the API server at `address` needs of them is written into `folder`.
    pub(super) fn new(folder: &Path, address: Ipv4Addr) -> Result<Self> {
        let authorities = Self { servers: Authority::new("servers")?, clients: Authority::new("clients")? };
        let server = authorities.serving(address)?;
        let tokens = KeyPair::generate()?;
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text);
        write("server.crt", server.certificate)?;
        write("server.key", server.key)?;
        write("clients.crt", authorities.clients.certificate())?;
        write("tokens.key", tokens.serialize_pem())?;
        write("tokens.pub", tokens.public_key_pem())?;
        Ok(authorities)
    }

    /// A certificate that clients of this control plane trust.
    pub(super) fn serving(&self, address: Ipv4Addr) -> Result<Leaf> {
        self.servers.issue(&[&address.to_string()])
    }

    /// PEM of the authority that vouches for the API server and for [`Self::serving`].
    pub(super) fn of_servers(&self) -> String {
        self.servers.certificate()
    }

    /// By which the API server knows `identity`.
    pub(super) fn client(&self, identity: &Identity) -> Result<Leaf> {
        let (name, group) = identity.name_and_group();
        self.clients.issue_client(&name, &group)
    }

    /// How `identity` reaches the API server at `url`.
    pub(super) fn kubeconfig(&self, url: &str, identity: &Identity) -> Result<Kubeconfig> {
        let (name, _) = identity.name_and_group();
        let leaf = self.client(identity)?;
        let encoded = |pem: &str| Value::from(STANDARD.encode(pem));
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "clusters": [{"name": "test", "cluster": {
                "server": url,
                "certificate-authority-data": encoded(&self.of_servers()),
            }}],
            "users": [{"name": name, "user": {
                "client-certificate-data": encoded(&leaf.certificate),
                "client-key-data": encoded(&leaf.key),
            }}],
        });
        serde_json::from_value(kubeconfig).context("failed to write a kubeconfig")
    }
}
