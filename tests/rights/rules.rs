//! What the chart's roles grant to the operator and to its Pods on nodes, where all is switched on that wants further rights.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, ensure};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use serde::de::DeserializeOwned;
use support::command::{command, run};
use support::manifest;
use support::operator::{NAMESPACE, RELEASE};

/// The roles of programs for the whole cluster; the others are for people.
const OF_PROGRAMS: [&str; 2] = [RELEASE, "private-registry-operator-node-trust"];

/// Who has a right, or has asked for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Account {
    /// The operator.
    Operator,
    /// What it runs on each node, whose roles and account have names of their own.
    Node,
}

impl Account {
    /// Of a service account or a role.
    pub(crate) fn of(name: &str) -> Self {
        if name.ends_with("-node-trust") { Self::Node } else { Self::Operator }
    }
}

/// One verb on one resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    /// Whose it is.
    pub(crate) account: Account,
    /// Plural, with group and subresource if there are any: `deployments.apps`, `privateregistries.privateregistry.io/status`.
    pub(crate) resource: String,
    /// As RBAC names it.
    pub(crate) verb: String,
}

impl Right {
    pub(crate) fn new(account: Account, group: &str, resource: &str, subresource: &str, verb: &str) -> Self {
        let dot = if group.is_empty() { "" } else { "." };
        let slash = if subresource.is_empty() { "" } else { "/" };
        Self { account, resource: format!("{resource}{dot}{group}{slash}{subresource}"), verb: verb.to_owned() }
    }

    /// Whose it is, and on what.
    pub(crate) fn place(&self) -> String {
        match self.account {
            Account::Operator => self.resource.clone(),
            Account::Node => format!("{}, on nodes", self.resource),
        }
    }
}

impl fmt::Debug for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.verb, self.place())
    }
}

/// Everything that the chart grants.
pub(crate) async fn granted() -> Result<BTreeSet<Right>> {
    let chart = support::root().join("charts").join(RELEASE);
    let mut helm = command("helm", ["template", RELEASE, "--namespace", NAMESPACE, "--set", "nodeTrust.enabled=true"]);
    helm.arg(chart);
    let mut rights = BTreeSet::new();
    for object in manifest::parse_all(&run(helm).await?)? {
        let kind = object.types.as_ref().map(|types| types.kind.as_str());
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let account = Account::of(name);
        let rules = match kind {
            Some("ClusterRole") if OF_PROGRAMS.contains(&name) => typed::<ClusterRole>(&object)?.rules,
            Some("Role") => typed::<Role>(&object)?.rules,
            _ => continue,
        };
        rights.extend(rules.iter().flatten().flat_map(|rule| of_rule(account, rule)));
    }
    ensure!(!rights.is_empty(), "the chart grants nothing to {RELEASE}");
    Ok(rights)
}

fn typed<T: DeserializeOwned>(object: &kube::api::DynamicObject) -> Result<T> {
    Ok(serde_json::from_value(serde_json::to_value(object)?)?)
}

fn of_rule(account: Account, rule: &PolicyRule) -> Vec<Right> {
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            rights.extend(rule.verbs.iter().map(|verb| Right::new(account, group, resource, subresource, verb)));
        }
    }
    rights
}
