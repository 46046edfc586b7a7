//! How long to wait: after a pass, until there is something to look at again; after an error, until the next try.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kube::runtime::controller::Action;

use super::{Context, Error, apply, chain, registry::Storage, status::Pass, stores::StoredRegistry, validate};

/// The longest time until a registry is looked at again. Nothing is asked when nothing has changed; it is for clocks that jump.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// How soon the Pods are asked again whether they have loaded new files, while they have not, and why none serves, while none does.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Later that is a part of the time that they have taken already: the kubelet brings files within two minutes, an image that does
/// not tell what it has loaded never will, and a Pod that has failed for hours goes on doing so for a while.
const ASK_AGAIN_PART: u32 = 8;
/// How often a claim that is not watched is read until it is bound.
const READ_CLAIM_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// Until when nothing has to be done unless something changes.
pub(super) fn look_again(pass: &Pass<'_>, now: Timestamp) -> SignedDuration {
    let material = pass.material;
    let certificate = material.and_then(|material| material.certificate.as_ref()?.next);
    let line = material.and_then(|material| material.next_line_goes);
    let next = earliest([certificate, line], now);
    let loading = pass.observed.loaded.lagging.as_ref().map(|_| ask_again(pass.observed.loaded.lagging_for));
    let awaited = pass.observed.awaited.as_ref().map(|awaited| ask_again(awaited.since));
    let unwatched = matches!(pass.registry.storage, Storage::ExistingClaim(_))
        && pass
            .observed
            .claim
            .as_ref()
            .is_none_or(|claim| claim.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Bound"));
    let claim = unwatched.then_some(READ_CLAIM_AGAIN);
    let kind = pass.observed.optional.ask_again.and_then(|wait| SignedDuration::try_from(wait).ok());
    let elsewhere = pass.distributed.again;
    let growth = pass.growth_refused.and_then(|_| SignedDuration::try_from(apply::claim::TRY_AGAIN).ok());
    let nodes = pass.nodes.waiting_for().map(ask_again);
    let confirmed = pass.nodes.good_for().and_then(|wait| SignedDuration::try_from(wait).ok());
    [next, loading, awaited, claim, kind, elsewhere, growth, nodes, confirmed]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(LOOK_AGAIN)
        .min(LOOK_AGAIN)
}

/// Until the Pods are asked again that have not done for so long what is waited for.
fn ask_again(waiting_for: Duration) -> SignedDuration {
    let wait = (waiting_for / ASK_AGAIN_PART).max(ASK_AGAIN);
    SignedDuration::try_from(wait).unwrap_or(LOOK_AGAIN)
}

/// Until the first of `times` that is still to come: what has passed, such as the end of a user's certificate, is no reason to
/// look again.
fn earliest<const N: usize>(times: [Option<Timestamp>; N], now: Timestamp) -> Option<SignedDuration> {
    times.into_iter().flatten().filter(|time| *time > now).min().map(|time| time.duration_since(now))
}

/// How long to wait after an error: longer with each failure in a row, and for a change where only that can help.
pub(super) fn error_policy(stored: Arc<StoredRegistry>, error: &Error, context: Arc<Context>) -> Action {
    let Ok(name) = validate::registry_name(stored.as_ref()) else { return Action::await_change() };
    let (failures, wait) = context.memories.failed(&name, Timestamp::now());
    context.metrics.in_backoff(context.memories.in_backoff());
    if error.waits_for_change() {
        tracing::warn!(registry = %name, error = chain(error), "waiting for a correction");
        return Action::await_change();
    }
    tracing::warn!(registry = %name, error = chain(error), failures, ?wait, "failed; trying again");
    Action::requeue(wait.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_passed_is_no_reason_to_look_again() {
        let now: Timestamp = "2031-05-06T07:08:09Z".parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        assert_eq!(earliest([Some(now - hour), Some(now), None], now), None);
        assert_eq!(earliest([Some(now - hour), Some(now + hour * 2), Some(now + hour)], now), Some(hour));
    }

    #[test]
    fn the_pods_are_asked_less_and_less_often() {
        let after = |seconds| ask_again(Duration::from_secs(seconds));
        assert_eq!(after(0), SignedDuration::from_secs(2));
        assert_eq!(after(80), SignedDuration::from_secs(10));
        let day = 86_400.0;
        let (mut elapsed, mut times) = (0.0, 0);
        while elapsed < day {
            elapsed += ask_again(Duration::from_secs_f64(elapsed)).min(LOOK_AGAIN).as_secs_f64();
            times += 1;
        }
        assert!(times < 100, "{times} times a day");
    }
}
