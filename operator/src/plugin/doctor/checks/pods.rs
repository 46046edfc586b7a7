//! Whether Pods get the images that they name.

use super::seen;
use crate::plugin::{
    doctor::{
        finding::{Finding, Part},
        observed::{Observed, Users},
        pulls,
    },
    words::count,
};

/// Pods that are told of one by one.
const MOST: usize = 20;

pub(super) fn findings(observed: &Observed) -> Vec<Finding> {
    seen(Part::Pods, &observed.users, |users| {
        let failing = users.failing.iter().take(MOST).map(pulls::finding);
        let well = users.failing.is_empty().then(|| well(users));
        failing.chain(more(users)).chain(well).chain(confined(users)).chain(cut_short(users)).collect()
    })
}

/// Those that are not told of one by one.
fn more(users: &Users) -> Option<Finding> {
    let more = users.failing.len().checked_sub(MOST).filter(|more| *more > 0)?;
    Some(Part::Pods.fail(format!("{} more cannot get their image", count(more, "Pod")), "correct these first"))
}

fn confined(users: &Users) -> Option<Finding> {
    let namespace = users.only.as_ref()?;
    let message =
        format!("only Pods of namespace {namespace} were looked at: you may not list those of all namespaces");
    Some(Part::Pods.warn(message, "ask somebody who may, if Pods elsewhere do not get their image"))
}

fn cut_short(users: &Users) -> Option<Finding> {
    let message = "there are more Pods in the cluster than were looked at";
    users.more.then(|| Part::Pods.warn(message, "kubectl get pods -A shows those that wait for an image"))
}

fn well(users: &Users) -> Finding {
    Part::Pods.ok(match users.count {
        0 => "no Pod names an image of this registry".to_owned(),
        number => format!("{} with images of this registry, and none that cannot get it", count(number, "Pod")),
    })
}
