//! Leader election: of several replicas one works, the others wait for its Lease to become free.
//!
//! As every Kubernetes component does it: the holder renews the Lease, a candidate reads it and takes it when it was given back,
//! or when it was not renewed for as long as it is valid by the candidate's own clock, so that clocks may differ. Each write
//! names the version that was read, so that of two candidates one is refused. A holder that cannot renew stops before anybody
//! else may begin.
//!
//! The name of the Pod is the holder's identity, so that a container that restarts in its Pod goes on at once.

use std::{
    fmt,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    controller::chain,
    names::{FIELD_MANAGER, LEASE},
};

/// How long the lease is valid after a renewal: the longest time without an operator when a node dies.
const VALID: Duration = Duration::from_secs(15);
/// How long the holder works on after its last renewal: less than it is valid, so that two never work at the same time.
const WORK_ON: Duration = Duration::from_secs(10);
/// How often the holder renews it.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often a candidate reads it, and how soon a holder tries again to renew it.
const TRY_EVERY: Duration = Duration::from_secs(2);
/// How long a request may take: the holder has to know in time.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Why the lease could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("failed to {verb} Lease {namespace}/{LEASE}")]
    Request {
        /// What was to be done.
        verb: &'static str,
        /// Namespace of the operator.
        namespace: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
    /// The API server took too long.
    #[error("failed to {verb} Lease {namespace}/{LEASE}: no answer within {ANSWER_WITHIN:?}")]
    NoAnswer {
        /// What was to be done.
        verb: &'static str,
        /// Namespace of the operator.
        namespace: String,
    },
}

impl Error {
    /// Whether somebody else was faster.
    const fn is_conflict(&self) -> bool {
        matches!(self, Self::Request { source: kube::Error::Api(status), .. } if status.code == 409)
    }
}

/// Why the lease is no longer held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Another replica has it.
    Taken {
        /// The other one.
        by: String,
    },
    /// It could not be renewed: another replica may take it.
    NotRenewed,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { by } => write!(formatter, "{by} has taken it and works now"),
            Self::NotRenewed => write!(formatter, "it could not be renewed for {WORK_ON:?}: another replica may work"),
        }
    }
}

/// One replica's part in the election.
pub struct Election {
    api: Api<Lease>,
    namespace: String,
    identity: String,
    /// The version that was seen last, and since when.
    seen: Option<(Option<String>, Instant)>,
}

/// What a candidate does about the lease as it is.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Create,
    Take,
    Wait,
}

impl Election {
    /// Of the replica called `identity`, with the Lease in `namespace`.
    #[must_use]
    pub fn new(client: Client, namespace: &str, identity: &str) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, namespace: namespace.to_owned(), identity: identity.to_owned(), seen: None }
    }

    /// Waits until this replica holds the lease. What fails meanwhile is logged and tried again.
    pub async fn won(&mut self) -> Held {
        loop {
            let renewed = Instant::now();
            match self.campaign().await {
                Ok(Some(lease)) => return Held { lease, renewed },
                Ok(None) => {}
                Err(error) if error.is_conflict() => tracing::debug!("another replica was faster"),
                Err(error) => tracing::warn!(error = chain(&error), "cannot stand for election; trying again"),
            }
            sleep(TRY_EVERY).await;
        }
    }

    /// One attempt. Returns the lease if it is ours now.
    async fn campaign(&mut self) -> Result<Option<Lease>, Error> {
        let begun = Instant::now();
        let lease = self.read().await?;
        let version = lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != version) {
            self.seen = Some((version, begun));
        }
        let unchanged = self.seen.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed());
        match (step(lease.as_ref().and_then(|lease| lease.spec.as_ref()), &self.identity, unchanged), lease) {
            (Step::Create, None) => self.create().await.map(Some),
            (Step::Create | Step::Take, Some(lease)) => {
                self.write(&lease, "take", self.acquired(&lease)).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Renews `held` from time to time, until that is no longer possible.
    pub async fn lost(&self, held: &mut Held) -> Lost {
        sleep(RENEW_EVERY).await;
        loop {
            let begun = Instant::now();
            let left = WORK_ON.saturating_sub(held.renewed.elapsed());
            match timeout(left, self.renew(&held.lease)).await {
                Err(_) => return Lost::NotRenewed,
                Ok(Ok(Some(lease))) => {
                    *held = Held { lease, renewed: begun };
                    sleep(RENEW_EVERY).await;
                }
                Ok(Ok(None)) => return Lost::Taken { by: self.other().await },
                Ok(Err(error)) => {
                    tracing::warn!(error = chain(&error), "cannot renew the lease; trying again");
                    sleep(TRY_EVERY.min(left)).await;
                }
            }
        }
    }

    /// `None` if the lease is another's by now.
    async fn renew(&self, held: &Lease) -> Result<Option<Lease>, Error> {
        let spec = json!({"holderIdentity": self.identity, "renewTime": now()});
        match self.write(held, "renew", spec.clone()).await {
            Err(error) if error.is_conflict() => {}
            result => return result.map(Some),
        }
        // A renewal whose answer got lost, or somebody's label, has changed the version as well.
        match self.read().await? {
            Some(lease) if holder(lease.spec.as_ref()) == Some(&self.identity) => {
                self.write(&lease, "renew", spec).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Who holds it, for people.
    async fn other(&self) -> String {
        let lease = self.read().await.ok().flatten();
        holder(lease.as_ref().and_then(|lease| lease.spec.as_ref())).unwrap_or("somebody").to_owned()
    }

    /// Gives the lease back, so that another replica does not have to wait for its end.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub async fn resign(&self, held: &Held) -> Result<(), Error> {
        match self.write(&held.lease, "give back", json!({"holderIdentity": null, "renewTime": now()})).await {
            // Another's already.
            Err(error) if error.is_conflict() => Ok(()),
            result => result.map(drop),
        }
    }

    fn acquired(&self, lease: &Lease) -> serde_json::Value {
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or_default();
        json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": VALID.as_secs(),
            "acquireTime": now(),
            "renewTime": now(),
            "leaseTransitions": transitions.saturating_add(1),
        })
    }

    async fn read(&self) -> Result<Option<Lease>, Error> {
        self.answered("read", self.api.get_opt(LEASE)).await
    }

    async fn create(&self) -> Result<Lease, Error> {
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(VALID.as_secs()).ok(),
            acquire_time: Some(now()),
            renew_time: Some(now()),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        };
        let metadata = ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() };
        let lease = Lease { metadata, spec: Some(spec) };
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.answered("create", self.api.create(&parameters, &lease)).await
    }

    /// Changes the spec of exactly the version that was read.
    async fn write(&self, read: &Lease, verb: &'static str, spec: serde_json::Value) -> Result<Lease, Error> {
        let patch = json!({"metadata": {"resourceVersion": read.metadata.resource_version}, "spec": spec});
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.answered(verb, self.api.patch(LEASE, &parameters, &Patch::Merge(patch))).await
    }

    async fn answered<T>(
        &self,
        verb: &'static str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        let namespace = || self.namespace.clone();
        let answer =
            timeout(ANSWER_WITHIN, request).await.map_err(|_| Error::NoAnswer { verb, namespace: namespace() })?;
        answer.map_err(|source| Error::Request { verb, namespace: namespace(), source })
    }
}

/// The lease, held.
#[derive(Debug)]
pub struct Held {
    lease: Lease,
    /// When the request began that renewed it last.
    renewed: Instant,
}

fn holder(spec: Option<&LeaseSpec>) -> Option<&str> {
    spec?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// What to do about a lease that this candidate has seen `unchanged` for so long.
fn step(spec: Option<&LeaseSpec>, identity: &str, unchanged: Duration) -> Step {
    let Some(spec) = spec else { return Step::Create };
    let valid = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    match holder(Some(spec)) {
        None => Step::Take,
        Some(holder) if holder == identity => Step::Take,
        Some(_) if unchanged >= valid.unwrap_or(VALID) => Step::Take,
        Some(_) => Step::Wait,
    }
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        serde_json::from_value(json!({"holderIdentity": holder, "leaseDurationSeconds": 15})).unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lease_is_taken_when_nobody_has_it_or_nobody_renews_it() {
        let first = held_by("first");
        assert_eq!(step(None, "second", Duration::ZERO), Step::Create);
        assert_eq!(step(Some(&first), "second", Duration::ZERO), Step::Wait);
        assert_eq!(step(Some(&first), "second", 14 * SECOND), Step::Wait);
        assert_eq!(step(Some(&first), "second", 15 * SECOND), Step::Take);
        assert_eq!(step(Some(&held_by("")), "second", Duration::ZERO), Step::Take);
        assert_eq!(step(Some(&LeaseSpec::default()), "second", Duration::ZERO), Step::Take);
    }

    #[test]
    fn a_container_that_restarts_in_its_pod_goes_on_at_once() {
        assert_eq!(step(Some(&held_by("first")), "first", Duration::ZERO), Step::Take);
    }

    #[test]
    fn a_duration_that_nobody_can_mean_is_not_waited_for() {
        let endless: LeaseSpec =
            serde_json::from_value(json!({"holderIdentity": "first", "leaseDurationSeconds": -1})).unwrap();
        assert_eq!(step(Some(&endless), "second", VALID), Step::Take);
    }

    #[test]
    fn the_holder_stops_before_anybody_else_may_begin() {
        // A request that began just before the holder stops may still be under way.
        assert!(WORK_ON + ANSWER_WITHIN <= VALID);
        assert!(RENEW_EVERY + TRY_EVERY + ANSWER_WITHIN <= WORK_ON, "one renewal may fail");
    }
}
