//! The claim. Its growth may be refused for good, because its class does not let claims grow or a quota does not: then it stays as
//! large as it is, all else about it is applied, and the growth is tried again every now and then.

use std::time::{Duration, Instant};

use k8s_openapi::{api::core::v1::PersistentVolumeClaim, apimachinery::pkg::api::resource::Quantity};
use kube::ResourceExt;

use super::{Apply, Error};
use crate::{
    controller::{
        chain,
        registry::{About, Problem},
        stores::Stores,
    },
    quantity::is_less,
};

/// How long until a growth that was refused is tried again, by itself: nobody tells when a class or a quota is changed.
pub(in crate::controller) const TRY_AGAIN: Duration = Duration::from_secs(300);

/// A growth that was refused.
#[derive(Debug)]
pub(in crate::controller) struct Refusal {
    /// What to tell of it.
    pub(in crate::controller) problem: Problem,
    growth: Growth,
    at: Instant,
}

/// What was asked for, and of what.
#[derive(Clone, Debug, PartialEq)]
struct Growth {
    from: Quantity,
    to: Quantity,
    phase: Option<String>,
}

impl Growth {
    /// `None` where nothing grows.
    fn of(claim: &PersistentVolumeClaim, desired: &PersistentVolumeClaim) -> Option<Self> {
        let (from, to) = (requested(claim)?.clone(), requested(desired)?.clone());
        let phase = claim.status.as_ref().and_then(|status| status.phase.clone());
        (from != to).then_some(Self { from, to, phase })
    }

    fn refused(self, name: &str, error: &Error) -> Refusal {
        let message = format!(
            "PersistentVolumeClaim {name} stays at {} and does not become {}: {}. If its StorageClass does not let claims grow, \
             set allowVolumeExpansion: true there, which its driver has to support, or move the images to another \
             PrivateRegistry with a larger claim; it is tried again every {} minutes",
            self.from.0,
            self.to.0,
            cause(error),
            TRY_AGAIN.as_secs() / 60
        );
        // Before it is bound, a claim cannot grow, whatever its class.
        let may_pass = self.phase.as_deref() != Some("Bound");
        let problem = Problem { about: About::Storage, reason: "VolumeExpansionRefused", message, may_pass };
        Refusal { problem, growth: self, at: Instant::now() }
    }
}

impl Apply<'_> {
    pub(super) async fn optional_claim(
        &mut self,
        desired: Option<PersistentVolumeClaim>,
        stores: &Stores,
    ) -> Result<Option<PersistentVolumeClaim>, Error> {
        let Some(desired) = desired else {
            self.memory.growth_refused = None;
            return Ok(None);
        };
        if self.registry.paused {
            return self.one(desired, &stores.claims).await.map(Some);
        }
        let seen = stores.claims.get(&self.registry.name.namespace, &desired.name_any());
        let seen = seen.and_then(|seen| seen.object());
        let Some(growth) = seen.as_ref().and_then(|seen| Growth::of(seen, &desired)) else {
            self.memory.growth_refused = None;
            return self.one(desired, &stores.claims).await.map(Some);
        };
        // A claim that has more already, such as one that another resource of this name has left, cannot shrink. Only a growth that
        // has not come about can be taken back.
        let above_capacity = seen.as_ref().and_then(|seen| capacity(seen)).is_some_and(|has| is_less(has, &growth.to));
        if is_less(&growth.to, &growth.from) && !above_capacity {
            self.memory.growth_refused = None;
            return self.one(with_size(desired, growth.from), &stores.claims).await.map(Some);
        }
        let known = self.memory.growth_refused.as_ref();
        let stands = known.is_some_and(|refusal| refusal.growth == growth && refusal.at.elapsed() < TRY_AGAIN);
        if !stands {
            match self.one(desired.clone(), &stores.claims).await {
                Err(error) if is_refusal(&error) => {
                    self.memory.growth_refused = Some(growth.clone().refused(&desired.name_any(), &error));
                }
                result => {
                    self.memory.growth_refused = None;
                    return result.map(Some);
                }
            }
        }
        self.one(with_size(desired, growth.from), &stores.claims).await.map(Some)
    }
}

fn requested(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?.get("storage")
}

fn capacity(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    claim.status.as_ref()?.capacity.as_ref()?.get("storage")
}

fn with_size(mut claim: PersistentVolumeClaim, size: Quantity) -> PersistentVolumeClaim {
    let resources = claim.spec.get_or_insert_default().resources.get_or_insert_default();
    resources.requests.get_or_insert_default().insert("storage".to_owned(), size);
    claim
}

/// Whether the API server will say the same the next time: forbidden or invalid, and not busy, away or of another mind about
/// the version.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Request { source: kube::Error::Api(status), .. } if matches!(status.code, 403 | 422))
}

/// What the API server said, without what the message says already.
fn cause(error: &Error) -> String {
    let text = match error {
        Error::Request { source, .. } => chain(source),
        error => chain(error),
    };
    text.trim_end_matches('.').to_owned()
}
