//! Why a Pod of the `DaemonSet` ends: to come back, as with every update and restart of the node, or because node trust was switched
//! off. What it has written stays in the first case, so that no Pod of the node waits for this one, and goes in the second.

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::{Api, Client};

use crate::controller::chain;

/// Why a Pod of the `DaemonSet` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// Another one follows, or nobody knows: what was written stays.
    Restart,
    /// The last of ours: what was written goes.
    Uninstall,
}

/// Asks the API server about the `DaemonSet` that this Pod is of.
pub(super) async fn departure(client: &Client, namespace: &str, daemon_set: &str) -> Departure {
    let found = Api::<DaemonSet>::namespaced(client.clone(), namespace).get_opt(daemon_set).await;
    if let Err(error) = &found {
        tracing::warn!(error = chain(error), "failed to read the DaemonSet of this Pod");
    }
    judge(&found)
}

/// The right to read the `DaemonSet` goes with it: Helm deletes the one, then the other, and a Pod may ask in between or later.
fn judge(found: &Result<Option<DaemonSet>, kube::Error>) -> Departure {
    match found {
        Ok(None) => Departure::Uninstall,
        Ok(Some(found)) if found.metadata.deletion_timestamp.is_some() => Departure::Uninstall,
        Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => Departure::Uninstall,
        Ok(Some(_)) | Err(_) => Departure::Restart,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
    use kube::core::Status;

    use super::*;

    fn refused(code: u16) -> Result<Option<DaemonSet>, kube::Error> {
        Err(kube::Error::Api(Status { code, ..Status::default() }.boxed()))
    }

    #[test]
    fn files_go_with_the_daemon_set_and_stay_when_another_pod_follows_or_nobody_knows() {
        let deleted = Some(Time(Timestamp::UNIX_EPOCH));
        let metadata = ObjectMeta { deletion_timestamp: deleted, ..ObjectMeta::default() };
        let going = DaemonSet { metadata, ..DaemonSet::default() };
        for gone in [Ok(None), Ok(Some(going)), refused(401), refused(403)] {
            assert_eq!(judge(&gone), Departure::Uninstall, "{gone:?}");
        }
        for stays in [Ok(Some(DaemonSet::default())), refused(500), refused(429)] {
            assert_eq!(judge(&stays), Departure::Restart, "{stays:?}");
        }
    }
}
