//! What the operator and its Pods on nodes have asked for, from the audit logs of API servers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use support::control_plane::audit_folder;

use crate::rules::{Account, Right};

/// What all logs together say.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Rights that were used, and how often.
    pub(crate) used: BTreeMap<Right, u64>,
    /// Rights that were asked for and not granted.
    pub(crate) refused: BTreeSet<Right>,
}

/// A line of a log (`audit.k8s.io/v1`), as far as it is of interest here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    stage: String,
    user: User,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct User {
    username: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRef {
    #[serde(default)]
    api_group: String,
    resource: String,
    #[serde(default)]
    subresource: String,
}

#[derive(Debug, Deserialize)]
struct ResponseStatus {
    code: Option<u16>,
}

/// Reads all logs.
pub(crate) fn read() -> Result<Audit> {
    let folder = audit_folder();
    let mut audit = Audit::default();
    let logs = std::fs::read_dir(&folder).with_context(|| {
        format!("there are no audit logs in {}: `make control-plane` writes them", folder.display())
    })?;
    for log in logs {
        for line in std::fs::read_to_string(log?.path())?.lines() {
            // An API server that was killed may have left half a line.
            if let Ok(event) = serde_json::from_str(line) {
                audit.note(event);
            }
        }
    }
    ensure!(!audit.used.is_empty(), "the audit logs in {} have no request of the operator", folder.display());
    Ok(audit)
}

impl Audit {
    fn note(&mut self, event: Event) {
        // What discovery asks is about no object, and open to everybody.
        let Some(object) = event.object_ref else { return };
        let counts = event.stage == "ResponseComplete" || event.verb == "watch" && event.stage == "ResponseStarted";
        if !counts {
            return;
        }
        let account = Account::of(&event.user.username);
        let right = Right::new(account, &object.api_group, &object.resource, &object.subresource, &event.verb);
        if event.annotations.get("authorization.k8s.io/decision").is_some_and(|decision| decision == "forbid") {
            self.refused.insert(right);
            return;
        }
        // What server-side apply makes anew needs both rights.
        let created = event.verb == "patch" && event.response_status.is_some_and(|status| status.code == Some(201));
        let create = created.then(|| Right { verb: "create".to_owned(), ..right.clone() });
        for right in [Some(right), create].into_iter().flatten() {
            *self.used.entry(right).or_default() += 1;
        }
    }
}
