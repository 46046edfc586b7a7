//! Whether the kinds that a spec asks for can be used.

use crate::controller::{
    observe::Observed,
    optional_kinds::{OptionalKind, Unavailable},
    registry::{About, Problem},
};

/// Whether `kind`, which the field `spec.<field>` asks for, can be used; if not, why.
pub(super) fn usable(kind: OptionalKind, field: &str, observed: &Observed, problems: &mut Vec<Problem>) -> bool {
    let Some(why) = observed.optional.unavailable.get(&kind) else { return true };
    let (plural, group) = (kind.plural(), kind.group());
    let (reason, what) = match why {
        Unavailable::NotInstalled => {
            ("KindNotInstalled", format!("the cluster does not know {plural}.{group}: install what brings them"))
        }
        Unavailable::Forbidden => {
            ("KindForbidden", format!("the operator's role does not allow {plural}.{group}: add them to it"))
        }
    };
    problems.push(Problem {
        about: about(kind),
        reason,
        message: format!("spec.{field} asks for {}, but {what}, or take the field away", kind.kind()),
        may_pass: true,
    });
    false
}

const fn about(kind: OptionalKind) -> About {
    match kind {
        OptionalKind::Ingress
        | OptionalKind::HttpRoute
        | OptionalKind::BackendTlsPolicy
        | OptionalKind::NetworkPolicy
        | OptionalKind::PodDisruptionBudget => About::Exposure,
        OptionalKind::ServiceMonitor | OptionalKind::PrometheusRule => About::Monitoring,
        OptionalKind::Certificate => About::Certificate,
    }
}
