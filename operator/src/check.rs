//! The subcommand `check`: whether an installation is whole, as `helm test` asks from a Pod with the operator's account.
//!
//! ```text
//!   definition   the cluster serves PrivateRegistry, with every field of the spec that this version knows
//!   rights       the account may do what every registry needs, wherever registries are kept
//!   leader       an operator holds the Lease, and renews it
//! ```
//!
//! It asks, changes nothing, and needs no right that the operator does not have. What is not there yet is waited for, because an
//! installation takes a while to come up. One registry is the business of [`crate::plugin`].

mod definition;
mod leader;
mod rights;

use std::{
    fmt,
    time::{Duration, Instant},
};

use kube::Client;
use tokio::time::sleep;

use self::leader::Leader;
pub use self::rights::{NEEDED, Needed};

/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Where registries are kept; none: everywhere.
    pub namespaces: Vec<String>,
    /// The operator's own, where the Lease is.
    pub namespace: String,
    /// Whether operators agree by a Lease on the one that works.
    pub leader_election: bool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it was.
    pub subject: &'static str,
    /// Nothing, or what is wrong and what to do.
    pub fault: Option<String>,
}

impl Finding {
    const fn well(subject: &'static str) -> Self {
        Self { subject, fault: None }
    }

    fn wrong(subject: &'static str, fault: impl Into<String>) -> Self {
        Self { subject, fault: Some(fault.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            None => write!(formatter, "ok    {}", self.subject),
            Some(fault) => write!(formatter, "fail  {}: {fault}", self.subject),
        }
    }
}

impl Installation {
    /// Looks until all is well, for no longer than `within`. Returns what the last look has found.
    pub async fn look(&self, client: &Client, within: Duration) -> Vec<Finding> {
        let deadline = Instant::now() + within;
        let mut leader = self.leader_election.then(|| Leader::new(client.clone(), &self.namespace));
        loop {
            let mut findings = vec![definition::look(client).await, rights::look(client, &self.namespaces).await];
            if let Some(leader) = &mut leader {
                findings.push(leader.look().await);
            }
            if findings.iter().all(|finding| finding.fault.is_none()) || Instant::now() >= deadline {
                return findings;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Why something could not be looked at.
fn unanswered(subject: &'static str, error: &kube::Error) -> Finding {
    Finding::wrong(subject, format!("the API server does not say: {}", crate::controller::chain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_that_says_what_to_do() {
        assert_eq!(Finding::well("definition").to_string(), "ok    definition");
        assert_eq!(Finding::wrong("leader", "none: look").to_string(), "fail  leader: none: look");
    }
}
