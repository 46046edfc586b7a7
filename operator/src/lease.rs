//! Leader election: of several operators only the one that holds the Lease writes.
//!
//! The others are live and ready, and start to work when the holder is gone. An operator that loses the Lease ends, since
//! it cannot know what its successor has done meanwhile.

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::{sync::watch, task::JoinHandle};

/// Name of the Lease in the operator's own namespace.
pub const LEASE: &str = "private-registry-operator";

/// Seconds after which a holder that does not renew is taken to be dead.
const DURATION_SECONDS: u64 = 15;

/// Seconds before the end of the Lease at which its holder renews it; also the clock skew between nodes that is tolerated.
const GRACE_SECONDS: u64 = 5;

/// A failure of leader election.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Lease could not be read, created or renewed.
    #[error("failed to use Lease {namespace}/{LEASE}")]
    Lease {
        /// Where the Lease is.
        namespace: String,
        /// What the API server said.
        #[source]
        source: LeaseManagerError,
    },
    /// Another operator holds the Lease now.
    #[error("failed to renew Lease {namespace}/{LEASE} in time: another operator may hold it now, so this one ends")]
    Lost {
        /// Where the Lease is.
        namespace: String,
    },
}

/// A place in the queue for the Lease, or the Lease itself.
pub struct Election {
    namespace: String,
    leading: watch::Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, LeaseManagerError>>,
}

impl Election {
    /// Queues for the Lease as `identity`, which no other operator may use (a Pod's name): each identity writes as a field
    /// manager of its own, and the API server's conflicts between those are what keeps two from holding the Lease.
    ///
    /// # Errors
    /// [`Error::Lease`] if the Lease can neither be read nor created.
    pub async fn enter(client: Client, namespace: &str, identity: &str) -> Result<Self, Error> {
        let manager = LeaseManagerBuilder::new(client, LEASE)
            .with_namespace(namespace)
            .with_identity(identity)
            .with_duration(DURATION_SECONDS)
            .with_grace(GRACE_SECONDS)
            .build()
            .await
            .map_err(|source| Error::Lease { namespace: namespace.to_owned(), source })?;
        let (leading, task) = manager.watch().await;
        Ok(Self { namespace: namespace.to_owned(), leading, task })
    }

    /// Waits until this operator holds the Lease.
    ///
    /// # Errors
    /// [`Error::Lost`] if the renewing task died.
    pub async fn won(&mut self) -> Result<(), Error> {
        self.becomes(true).await
    }

    /// Waits until this operator no longer holds the Lease. Safe to drop and call again.
    ///
    /// # Errors
    /// [`Error::Lost`] if the renewing task died, which comes to the same.
    pub async fn lost(&mut self) -> Result<(), Error> {
        self.becomes(false).await
    }

    async fn becomes(&mut self, leading: bool) -> Result<(), Error> {
        let changed = self.leading.wait_for(|&state| state == leading).await;
        changed.map(drop).map_err(|_| Error::Lost { namespace: self.namespace.clone() })
    }

    /// Gives the Lease back, so that a standby takes over at once.
    ///
    /// # Errors
    /// [`Error::Lease`] if the API server did not take it back; it expires by itself then.
    pub async fn release(self) -> Result<(), Error> {
        let Self { namespace, leading, task } = self;
        // The renewing task ends, and releases, once nobody listens.
        drop(leading);
        match task.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(Error::Lease { namespace, source }),
            Err(_) => Err(Error::Lost { namespace }),
        }
    }
}
