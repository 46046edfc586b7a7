//! Whether the account may do what every registry needs. What only some registries need, their conditions tell.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};

use super::{Finding, unanswered};

const SUBJECT: &str = "rights";
/// Questions that are asked at the same time.
const AT_ONCE: usize = 8;
/// Rights that are named when many are missing.
const NAMED: usize = 5;

/// Verbs on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// API group; empty for the core one.
    pub group: &'static str,
    /// Plural.
    pub resource: &'static str,
    /// Subresource; empty for none.
    pub subresource: &'static str,
    /// As RBAC names them.
    pub verbs: &'static [&'static str],
}

/// What is done with what a registry consists of.
const KEPT: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// What every registry needs. The chart's roles grant it; a test compares the two.
pub const NEEDED: [Needed; 10] = [
    needed("privateregistry.io", "privateregistries", "", &["list", "watch", "patch"]),
    needed("privateregistry.io", "privateregistries", "status", &["patch"]),
    needed("", "secrets", "", KEPT),
    needed("", "configmaps", "", KEPT),
    needed("", "services", "", KEPT),
    needed("", "serviceaccounts", "", KEPT),
    needed("", "persistentvolumeclaims", "", KEPT),
    needed("apps", "deployments", "", KEPT),
    needed("", "pods", "", &["list"]),
    needed("events.k8s.io", "events", "", &["create", "patch"]),
];

const fn needed(
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    verbs: &'static [&'static str],
) -> Needed {
    Needed { group, resource, subresource, verbs }
}

/// One verb of them, in one namespace or in all.
struct Right<'a> {
    needed: &'a Needed,
    verb: &'static str,
    namespace: Option<&'a str>,
}

pub(super) async fn look(client: &Client, namespaces: &[String]) -> Finding {
    let everywhere = namespaces.is_empty().then_some(None);
    let places: Vec<_> = everywhere.into_iter().chain(namespaces.iter().map(|name| Some(name.as_str()))).collect();
    let rights = places.iter().flat_map(|&namespace| {
        NEEDED.iter().flat_map(move |needed| needed.verbs.iter().map(move |verb| Right { needed, verb, namespace }))
    });
    let asked = stream::iter(rights).map(|right| missing(client, right)).buffered(AT_ONCE);
    match asked.try_filter_map(async |missing| Ok(missing)).try_collect::<Vec<_>>().await {
        Ok(missing) => judge(&missing),
        Err(error) => unanswered(SUBJECT, &error),
    }
}

/// The right in words if the account does not have it.
async fn missing(client: &Client, right: Right<'_>) -> Result<Option<String>, kube::Error> {
    let attributes = ResourceAttributes {
        group: Some(right.needed.group.to_owned()),
        resource: Some(right.needed.resource.to_owned()),
        subresource: Some(right.needed.subresource.to_owned()).filter(|name| !name.is_empty()),
        verb: Some(right.verb.to_owned()),
        namespace: right.namespace.map(str::to_owned),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    let allowed = answer.status.is_some_and(|status| status.allowed);
    Ok((!allowed).then(|| in_words(&right)))
}

fn in_words(right: &Right<'_>) -> String {
    let Needed { group, resource, subresource, .. } = right.needed;
    let dot = if group.is_empty() { "" } else { "." };
    let slash = if subresource.is_empty() { "" } else { "/" };
    let place = right.namespace.map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"));
    format!("{} {resource}{dot}{group}{slash}{subresource} in {place}", right.verb)
}

fn judge(missing: &[String]) -> Finding {
    if missing.is_empty() {
        return Finding::well(SUBJECT);
    }
    let named = missing.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = missing.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Finding::wrong(
        SUBJECT,
        format!("the operator's account may not {named}{more}: give it the rules of the chart's templates/roles.yaml"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_named_as_a_person_would_look_for_it() {
        let status = Right { needed: &NEEDED[1], verb: "patch", namespace: Some("apps") };
        assert_eq!(in_words(&status), "patch privateregistries.privateregistry.io/status in namespace apps");
        let secrets = Right { needed: &NEEDED[2], verb: "watch", namespace: None };
        assert_eq!(in_words(&secrets), "watch secrets in all namespaces");
    }

    #[test]
    fn of_many_that_are_missing_some_are_named() {
        assert_eq!(judge(&[]), Finding::well(SUBJECT));
        let missing: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned).to_vec();
        let told = judge(&missing).fault.unwrap();
        assert!(told.contains("may not a, b, c, d, e and 2 more: give it the rules"), "{told}");
    }
}
