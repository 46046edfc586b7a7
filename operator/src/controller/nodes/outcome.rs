//! What has become of nodes, for the condition and the next pass.

use std::{
    error::Error,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{canary::Trouble, reports::NodeReport};
use crate::{controller::chain, names::RegistryName};

/// What has become of nodes.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Nobody has asked for it.
    NotAsked,
    /// The administrator has not switched it on.
    SwitchedOff,
    /// The operator does not know yet what there is, and for how long it has not.
    Waiting(Duration),
    /// The `DaemonSet` is gone.
    NoDaemonSet,
    /// The certificate is not good for an address by which nodes reach the registry.
    WrongCertificate(IpAddr),
    /// What there is cannot be told to a node, and why.
    CannotBeTold(String),
    /// Telling nodes has failed.
    NotTold {
        /// For people.
        why: String,
        /// For how long it has.
        since: Duration,
    },
    /// Nodes were told.
    Told(Nodes),
}

/// What nodes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// How many there are.
    pub desired: usize,
    /// How many find the registry and trust it.
    pub trusting: usize,
    /// The first one that does not, and why.
    pub failing: Option<(String, String)>,
    /// How long they have had, where one does not.
    pub since: Option<Duration>,
    /// How long that is taken for granted, where all do.
    pub good_for: Option<Duration>,
}

impl Nodes {
    /// All find it and trust it, and are not asked again for so long.
    pub(super) const fn all(desired: usize, good_for: Duration) -> Self {
        Self { desired, trusting: desired, failing: None, since: None, good_for: Some(good_for) }
    }

    /// None has said so, since they were told.
    pub(super) const fn none(desired: usize, since: Duration) -> Self {
        Self { desired, trusting: 0, failing: None, since: Some(since), good_for: None }
    }

    /// Whether there is nothing to wait for.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.trusting >= self.desired && self.failing.is_none()
    }
}

impl Outcome {
    pub(super) const fn waiting() -> Self {
        Self::Waiting(Duration::ZERO)
    }

    pub(super) fn failed(error: &(dyn Error + 'static)) -> Self {
        Self::NotTold { why: chain(error), since: Duration::ZERO }
    }

    pub(super) fn cannot_be_told(error: &(dyn Error + 'static)) -> Self {
        Self::CannotBeTold(chain(error))
    }

    /// With the time since passes have ended like this, which `since` keeps from one to the next.
    pub(super) fn dated(self, since: &mut Option<Instant>) -> Self {
        let mut elapsed = || since.get_or_insert_with(Instant::now).elapsed();
        match self {
            Self::Waiting(_) => Self::Waiting(elapsed()),
            Self::NotTold { why, .. } => Self::NotTold { why, since: elapsed() },
            outcome => {
                *since = None;
                outcome
            }
        }
    }

    /// For how long nodes have been waited for, if they are. What else has to change first has a watch.
    #[must_use]
    pub fn waiting_for(&self) -> Option<Duration> {
        match self {
            Self::Told(nodes) if !nodes.is_settled() => Some(nodes.since.unwrap_or_default()),
            Self::Waiting(since) | Self::NotTold { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// For how long nothing has to be asked, where all is well.
    #[must_use]
    pub const fn good_for(&self) -> Option<Duration> {
        match self {
            Self::Told(nodes) => nodes.good_for,
            _ => None,
        }
    }
}

/// Counts the nodes that have carried out `version` of what they are told of `registry`.
pub(super) fn judge(
    desired: usize,
    registry: &RegistryName,
    version: &str,
    reports: &[NodeReport],
    since: Duration,
) -> Nodes {
    let key = registry.to_string();
    let trouble = |report: &NodeReport| match &report.answer {
        Err(why) => Some(format!("its Pod gives no good answer: {why}")),
        Ok(standing) => {
            let said = standing.registries.get(&key);
            let problem = standing.problem.as_ref().or_else(|| said?.problem.as_ref());
            let late = match said {
                None => Some("it has not been told yet"),
                Some(said) if said.version != version => Some("it has not carried out the latest change yet"),
                Some(_) => None,
            };
            let problem = problem.map(|problem| format!("{}: {}", problem.reason, problem.message));
            match (problem, &report.canary) {
                // What is the matter, and what has come of it.
                (Some(problem), Some(canary @ Trouble::NotPulled(_))) => Some(format!("{problem}; {canary}")),
                (problem, canary) => {
                    problem.or_else(|| canary.as_ref().map(ToString::to_string)).or(late.map(str::to_owned))
                }
            }
        }
    };
    let (mut trusting, mut failing) = (0, None);
    for report in reports {
        match trouble(report) {
            None => trusting += 1,
            Some(why) => _ = failing.get_or_insert_with(|| (report.node.clone(), why)),
        }
    }
    Nodes { desired, trusting, failing, since: Some(since), good_for: None }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::node_trust::{Problem, Report, Standing};

    fn report(node: &str, version: &str, problem: Option<Problem>) -> NodeReport {
        let registries = BTreeMap::from([("apps/team".to_owned(), Report { version: version.into(), problem })]);
        let standing = Standing { problem: None, registries };
        NodeReport { node: node.into(), answer: Ok(Arc::new(standing)), canary: None }
    }

    fn judge(desired: usize, reports: &[NodeReport]) -> Nodes {
        let registry = RegistryName { namespace: "apps".into(), name: "team".into() };
        super::judge(desired, &registry, "7", reports, Duration::ZERO)
    }

    #[test]
    fn what_fails_again_and_again_is_dated_and_what_has_a_watch_is_not_waited_for() {
        let long = Duration::from_secs(80);
        let mut since = Instant::now().checked_sub(long);
        assert!(Outcome::waiting().dated(&mut since).waiting_for().is_some_and(|waited| waited >= long));
        let failed = Outcome::failed(&std::io::Error::other("quota")).dated(&mut since);
        assert!(failed.waiting_for().is_some_and(|waited| waited >= long));
        assert_eq!(Outcome::NoDaemonSet.dated(&mut since).waiting_for(), None);
        assert!(Outcome::waiting().dated(&mut since).waiting_for().is_some_and(|waited| waited < long));
    }

    #[test]
    fn nodes_are_counted_and_the_first_that_fails_is_named_with_its_reason() {
        let taken = Problem { reason: "DirectoryTaken".into(), message: "delete it".into() };
        let untold = NodeReport { node: "well".into(), answer: Ok(Arc::default()), canary: None };
        let reports =
            [report("attic", "7", None), report("hearth", "7", Some(taken)), report("stable", "6", None), untold];
        let nodes = judge(4, &reports);
        assert_eq!((nodes.desired, nodes.trusting), (4, 1));
        assert_eq!(nodes.failing, Some(("hearth".into(), "DirectoryTaken: delete it".into())));
        assert!(!nodes.is_settled());
        let failing = |reports| judge(1, reports).failing.unwrap().1;
        assert_eq!(failing(&reports[2..3]), "it has not carried out the latest change yet");
        assert_eq!(failing(&reports[3..]), "it has not been told yet");
        let well = [report("attic", "7", None), report("hearth", "7", None)];
        assert!(judge(2, &well).is_settled() && !judge(3, &well).is_settled());
        let silent = NodeReport { node: "attic".into(), answer: Err("no answer within 2s".into()), canary: None };
        assert_eq!(failing(&[silent]), "its Pod gives no good answer: no answer within 2s");
    }

    #[test]
    fn what_is_wrong_with_a_node_comes_before_what_its_runtime_says() {
        let taken = Problem { reason: "DirectoryTaken".into(), message: "delete it".into() };
        let failing = |canary, problem| {
            let report = NodeReport { canary: Some(canary), ..report("attic", "7", problem) };
            judge(1, &[report]).failing.unwrap().1
        };
        let not_pulled = || Trouble::NotPulled("no such host".into());
        assert!(failing(not_pulled(), None).starts_with("CanaryNotPulled: "));
        assert_eq!(failing(Trouble::Starting, None), "its canary does not run yet");
        assert_eq!(failing(Trouble::Starting, Some(taken.clone())), "DirectoryTaken: delete it");
        let both = failing(not_pulled(), Some(taken));
        assert!(both.starts_with("DirectoryTaken: delete it; CanaryNotPulled: "), "{both}");
    }
}
