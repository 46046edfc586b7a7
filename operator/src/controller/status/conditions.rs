//! The conditions, as pure functions of a pass.
//!
//! Ready, Reconciling and Stalled are what kstatus reads: Reconciling is work in progress or something that may pass by itself,
//! Stalled is something a person has to correct. Where both hold, kstatus goes by the first of them: it is Stalled, so that nobody
//! waits for what will not come. All but `MonitoringReady` and `NodesTrusted` are there from the first write on.

mod certificate;
mod exposure;
mod monitoring;
mod nodes;
mod storage;

use jiff::Timestamp;
use k8s_openapi::{
    api::apps::v1::Deployment,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::ResourceExt;

pub(crate) use self::storage::{growth as growth_of_claim, told_level};
pub(in crate::controller) use self::{certificate::CERTIFICATE_EXPIRING, storage::VOLUME_NEARLY_FULL};
use super::Pass;
use crate::{
    api::v1alpha1::PrivateRegistryStatus,
    controller::{
        distribute::Outcome,
        pods::{Trouble, answers_spec, serves},
        registry::{About, Auth, Problem, Users},
        versions::file_version,
    },
    names::{annotation, key},
};

/// Types of conditions.
pub mod condition {
    /// The registry serves what the spec asks for.
    pub const READY: &str = "Ready";
    /// The operator is at work, or waits for something.
    pub const RECONCILING: &str = "Reconciling";
    /// A person has to correct something.
    pub const STALLED: &str = "Stalled";
    /// A good certificate is served.
    pub const CERTIFICATE_READY: &str = "CertificateReady";
    /// The volume is there, as large as it should be, and not full.
    pub const STORAGE_READY: &str = "StorageReady";
    /// All users have a password that can be used.
    pub const CREDENTIALS_READY: &str = "CredentialsReady";
    /// Clients reach the registry the way the spec asks for.
    pub const EXPOSURE_READY: &str = "ExposureReady";
    /// Prometheus is told what the spec asks for; not there when it asks for nothing.
    pub const MONITORING_READY: &str = "MonitoringReady";
    /// Nodes find the registry and trust it; not there when the spec does not ask for it.
    pub const NODES_TRUSTED: &str = "NodesTrusted";
}

/// Reason of `Reconciling` while a person has paused the registry.
pub(in crate::controller) const PAUSED: &str = "Paused";

/// Reason of `Ready` while the Deployment has no Pod and says why.
pub(in crate::controller) const DEPLOYMENT_FAILING: &str = "DeploymentFailing";

/// A condition without its bookkeeping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) holds: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Finding {
    fn new(holds: bool, reason: &'static str, message: impl Into<String>) -> Self {
        Self { holds, reason, message: message.into() }
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        Self::new(false, problem.reason, problem.message.clone())
    }
}

/// The conditions that follow from a pass.
pub(super) fn conditions(
    pass: &Pass<'_>,
    previous: Option<&PrivateRegistryStatus>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let [certificate, claim, credentials] = [certificate::finding(pass, now), storage::claim(pass), credentials(pass)];
    let exposure = exposure::exposure(pass);
    let going_back = going_back(previous, generation);
    let unfinished =
        unfinished(pass, &claim, &going_back).or_else(|| Some(exposure.clone()).filter(|exposure| !exposure.holds));
    let ready = ready(pass, unfinished.as_ref());
    let reconciling = unfinished
        .or_else(|| loading(pass))
        .or_else(|| problem(pass, |problem| problem.may_pass).map(Finding::from))
        .map_or_else(
            || Finding::new(false, "Settled", "nothing is in progress"),
            |finding| Finding { holds: true, ..finding },
        );
    let reconciling = if pass.registry.paused { paused() } else { reconciling };
    let stalled = problem(pass, |problem| !problem.may_pass).map_or_else(
        || Finding::new(false, "NothingToCorrect", "nothing has to be corrected by a person"),
        |problem| Finding { holds: true, ..problem.into() },
    );
    let trusted = nodes::kept(pass, previous).or_else(|| {
        nodes::nodes(pass).map(|finding| dated(condition::NODES_TRUSTED, finding, previous, generation, now))
    });
    [
        (condition::READY, ready),
        (condition::STALLED, stalled),
        (condition::RECONCILING, reconciling),
        (condition::CERTIFICATE_READY, certificate),
        (condition::STORAGE_READY, storage::with_room(pass, claim, previous)),
        (condition::CREDENTIALS_READY, credentials),
        (condition::EXPOSURE_READY, exposure),
    ]
    .into_iter()
    .chain(monitoring::monitoring(pass).map(|finding| (condition::MONITORING_READY, finding)))
    .map(|(type_, finding)| dated(type_, finding, previous, generation, now))
    .chain(trusted)
    .collect()
}

/// The status of a registry with which the operator cannot go on: what is known stays, and the error is told.
#[must_use]
pub fn failed(
    previous: Option<&PrivateRegistryStatus>,
    reason: &'static str,
    message: &str,
    needs_correction: bool,
    generation: Option<i64>,
    now: Timestamp,
) -> PrivateRegistryStatus {
    let finding = |holds| Finding::new(holds, reason, message);
    let mut status = previous.cloned().unwrap_or_default();
    // A registry that serves what its spec asks for goes on doing so while the API server is out of reach.
    let still_ready = status.observed_generation == generation && !needs_correction;
    let mut set = |type_, finding| {
        let condition = dated(type_, finding, previous, generation, now);
        match status.conditions.iter_mut().find(|known| known.type_ == type_) {
            Some(known) => *known = condition,
            None => status.conditions.push(condition),
        }
    };
    if !still_ready || previous.is_none() {
        set(condition::READY, finding(false));
    }
    if let Some(ending) = certificate::not_renewed(previous, message, now) {
        set(condition::CERTIFICATE_READY, ending);
    }
    set(condition::STALLED, finding(needs_correction));
    set(condition::RECONCILING, finding(!needs_correction));
    status.observed_generation = generation;
    status
}

/// Adds what a condition has beside its finding. The time changes with the status alone, or the patch would trigger itself.
fn dated(
    type_: &str,
    finding: Finding,
    previous: Option<&PrivateRegistryStatus>,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = if finding.holds { "True" } else { "False" };
    let known = previous.and_then(|previous| previous.conditions.iter().find(|known| known.type_ == type_));
    let since =
        known.filter(|known| known.status == status).map_or(Time(now), |known| known.last_transition_time.clone());
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: finding.reason.to_owned(),
        message: finding.message,
        observed_generation: generation,
        last_transition_time: since,
    }
}

fn problem<'a>(pass: &'a Pass<'_>, matches: impl Fn(&Problem) -> bool) -> Option<&'a Problem> {
    pass.registry.problems.iter().chain(pass.growth_refused).find(|problem| matches(problem))
}

fn ready(pass: &Pass<'_>, unfinished: Option<&Finding>) -> Finding {
    let stopped = (pass.registry.replicas == 0).then(|| {
        let message = "spec.replicas is 0: nothing is served until it is 1 again, and the images are kept";
        Finding::new(false, "Stopped", message)
    });
    let problem = problem(pass, |problem| problem.about != About::Monitoring).map(Finding::from).or(stopped);
    let host = pass.registry.image_hosts().into_iter().next().unwrap_or_default();
    problem.or_else(|| unfinished.cloned()).map_or_else(
        || Finding::new(true, "Serving", format!("images are served as {host}/<repository>:<tag>")),
        |finding| Finding { holds: false, ..finding },
    )
}

fn paused() -> Finding {
    let message = format!(
        "the annotation {} is \"true\": changes of the spec wait, and what others change is left alone; certificates, passwords \
         and rights go on. Take the annotation away to go on with all of it",
        annotation::PAUSED
    );
    Finding::new(false, PAUSED, message)
}

/// What is still to come before the registry serves, first things first.
fn unfinished(pass: &Pass<'_>, storage: &Finding, going_back: &str) -> Option<Finding> {
    let Some(children) = &pass.applied.children else {
        if pass.registry.paused {
            return Some(paused());
        }
        let message = "the Service was created; the certificate follows when it has its address";
        return Some(Finding::new(false, "WaitingForService", message));
    };
    if pass.registry.replicas == 0 {
        return stopping(&children.deployment);
    }
    let unavailable = unavailable(pass, &children.deployment, going_back)?;
    // A claim that is not bound is why the Pod does not start.
    Some(if storage.holds { unavailable } else { storage.clone() })
}

/// What there still is of a registry that should not run.
fn stopping(deployment: &Deployment) -> Option<Finding> {
    let running = deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or_default() > 0;
    let name = deployment.name_any();
    (running || !answers_spec(deployment))
        .then(|| Finding::new(false, "Stopping", format!("Deployment {name} still has a Pod, which ends its requests")))
}

fn unavailable(pass: &Pass<'_>, deployment: &Deployment, going_back: &str) -> Option<Finding> {
    if serves(deployment) {
        return None;
    }
    let name = deployment.name_any();
    let failing =
        |message: &str| Finding::new(false, DEPLOYMENT_FAILING, format!("Deployment {name}: {message}{going_back}"));
    // Without a Pod there is nobody else to tell; what a Pod tells says more than that it takes too long.
    if let Some(refused) = refusal(deployment, "ReplicaFailure", "True") {
        return Some(failing(refused));
    }
    if let Some(Trouble { reason, message }) =
        pass.observed.awaited.as_ref().and_then(|awaited| awaited.trouble.as_ref())
    {
        return Some(Finding::new(false, reason, format!("{message}{going_back}")));
    }
    if let Some(late) = refusal(deployment, "Progressing", "False") {
        return Some(failing(late));
    }
    let message = format!(
        "Deployment {name} has no Pod that is ready; kubectl describe pod -l app.kubernetes.io/instance={name}"
    );
    Some(Finding::new(false, "RollingOut", message))
}

/// What a condition of the Deployment says.
fn refusal<'a>(deployment: &'a Deployment, type_: &str, status: &str) -> Option<&'a str> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_ && condition.status == status)?.message.as_deref()
}

/// Which spec has served, where that is not the present one any more: a person may want it back.
fn going_back(previous: Option<&PrivateRegistryStatus>, generation: Option<i64>) -> String {
    match (previous.and_then(|previous| previous.last_served_generation), generation) {
        (Some(served), Some(present)) if served < present => format!(
            ". Generation {served} of this resource has served, this is generation {present}: correct its spec, or take back \
             what has changed since"
        ),
        _ => String::new(),
    }
}

/// Files that are in the Secrets and that not every Pod has loaded.
fn loading(pass: &Pass<'_>) -> Option<Finding> {
    let children = pass.applied.children.as_ref()?;
    let changed = |applied, observed, key| file_version(applied, key) != file_version(observed, key);
    let htpasswd = (children.htpasswd.as_ref(), pass.observed.htpasswd.as_deref());
    let certificate = (children.certificate.as_ref(), pass.observed.tls.as_deref());
    let just_written = changed(htpasswd.0, htpasswd.1, key::HTPASSWD)
        || changed(htpasswd.0, htpasswd.1, key::ACCESS)
        || changed(certificate.0, certificate.1, key::CERTIFICATE);
    let message = if just_written {
        "the Pods are about to load new files; the kubelet brings them within about a minute".to_owned()
    } else {
        pass.observed.loaded.lagging.clone()?
    };
    Some(Finding::new(true, "LoadingFiles", message))
}

fn credentials(pass: &Pass<'_>) -> Finding {
    if let Some(problem) = problem(pass, |problem| problem.about == About::Credentials) {
        return problem.into();
    }
    let (users, anonymous_pull) = match &pass.registry.auth {
        Auth::Disabled => {
            let message = "spec.auth.disabled is set: everybody who reaches the registry may pull and push";
            return Finding::new(true, "Disabled", message);
        }
        Auth::Users { users, anonymous_pull } => (Some(users), *anonymous_pull),
        Auth::Unchanged { .. } => (None, false),
    };
    let (reason, message) = match users {
        Some(Users::File(_)) => ("Provided", "the users of the htpasswd file may pull and push"),
        _ => ("Accepted", "every user has a password that can be used"),
    };
    let also = if anonymous_pull { "; everybody who reaches the registry may pull" } else { "" };
    distributed(pass.distributed, reason, format!("{message}{also}"))
}

/// What is told where users have no problem: `accepted`, and where else the pull Secret is. That does not make a registry unready,
/// which serves all the same.
fn distributed(outcome: &Outcome, reason: &'static str, accepted: String) -> Finding {
    if outcome.waiting {
        let message = "the namespaces and service accounts that are to have the pull Secret have not been listed; if this \
                       stays, check that the operator's role allows list and watch of both";
        return Finding::new(false, "WaitingForNamespaces", message);
    }
    if let Some(failing) = outcome.failing() {
        let message = format!("the pull Secret is not everywhere it should be: {failing}");
        return Finding::new(false, "PullSecretNotCopied", message);
    }
    if !outcome.asked {
        return Finding::new(true, reason, accepted);
    }
    if outcome.nothing_to_copy {
        return Finding::new(
            true,
            reason,
            format!("{accepted}; there is no generated user whose pull Secret could be copied"),
        );
    }
    let copies = outcome.namespaces;
    let confined = outcome.confined_to.as_ref().map_or_else(String::new, |namespaces| {
        let number = namespaces.len();
        format!(", of the {number} in which the operator works and which it knows by name alone, without labels")
    });
    Finding::new(true, reason, format!("{accepted}; other namespaces with the pull Secret: {copies}{confined}"))
}
