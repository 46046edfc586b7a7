//! The operator's roles. What is in them is judged by `rbac`.

use super::{Case, has, has_no};

const BINDING: &str = "ClusterRoleBinding";

pub(super) const CASES: &[Case] = &[
    has("", BINDING, "/roleRef/name", "giraffe-private-registry-operator"),
    has_no("rbac: {create: false}", BINDING),
    has_no("rbac: {create: false}", "Role"),
    has_no("watchNamespaces: [lion, zebra]", "ClusterRole"),
    has_no("watchNamespaces: [lion, zebra]", BINDING),
    has(
        "watchNamespaces: [lion, zebra]",
        "RoleBinding zebra/giraffe-private-registry-operator",
        "/roleRef/kind",
        "Role",
    ),
    has_no("leaderElection: {enabled: false}", "Role"),
    has("serviceAccount: {name: keeper}", BINDING, "/subjects/0/name", "keeper"),
    has("serviceAccount: {create: false, name: warden}", BINDING, "/subjects/0/name", "warden"),
];

#[test]
fn roles_are_where_values_say_and_of_the_account_that_they_name() {
    super::judge("roles.yaml");
}
