//! Leader election: of several replicas one works, the others wait for its Lease to become free.
//!
//! The name of the Pod is the holder's identity, so that a container that restarts in its Pod goes on at once. A replica that
//! loses the lease must end: another one has begun to work.

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::{sync::watch, task::JoinHandle};

use crate::names::{FIELD_MANAGER, LEASE};

/// How long the lease is valid after a renewal: the longest time without an operator when a node dies.
const SECONDS: u64 = 15;
/// How long before its end it is renewed; also how far clocks may differ.
const GRACE_SECONDS: u64 = 5;

/// Why the lease cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("failed to manage Lease {namespace}/{LEASE}")]
    Manage {
        /// Namespace of the operator.
        namespace: String,
        /// What went wrong.
        #[source]
        source: LeaseManagerError,
    },
    /// The task that renews it has ended.
    #[error("the renewal of Lease {LEASE} has ended")]
    Ended,
}

/// The lease, held or waited for. Dropping the receiver gives it back.
pub struct Election {
    /// Whether this replica holds the lease.
    pub held: watch::Receiver<bool>,
    /// The task that renews it.
    pub task: JoinHandle<Result<LeaseManager, LeaseManagerError>>,
}

/// Stands for election.
///
/// # Errors
/// When the Lease can be neither read nor created.
pub async fn stand(client: Client, namespace: &str, identity: &str) -> Result<Election, Error> {
    let manager = LeaseManagerBuilder::new(client, LEASE)
        .with_namespace(namespace)
        .with_identity(identity)
        .with_duration(SECONDS)
        .with_grace(GRACE_SECONDS)
        // Of its own for each replica: taking over somebody's fields is the conflict that tells them apart.
        .with_field_manager(format!("{FIELD_MANAGER}-{identity}"))
        .build()
        .await
        .map_err(|source| Error::Manage { namespace: namespace.to_owned(), source })?;
    let (held, task) = manager.watch().await;
    Ok(Election { held, task })
}

impl Election {
    /// Waits until this replica holds the lease.
    ///
    /// # Errors
    /// When the task that waits for it has ended.
    pub async fn won(&mut self) -> Result<(), Error> {
        self.held.wait_for(|held| *held).await.map(drop).map_err(|_| Error::Ended)
    }

    /// Waits until this replica has lost the lease.
    pub async fn lost(&mut self) {
        // An error is the end of the task that renews it: lost as well.
        let _ = self.held.wait_for(|held| !*held).await;
    }

    /// Gives the lease back, so that another replica does not have to wait for its end.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub async fn resign(self, namespace: &str) -> Result<(), Error> {
        let Self { held, task } = self;
        drop(held);
        match task.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(Error::Manage { namespace: namespace.to_owned(), source }),
            Err(_) => Err(Error::Ended),
        }
    }
}
