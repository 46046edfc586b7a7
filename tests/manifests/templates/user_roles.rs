//! What people may do by their built-in roles. What is in them is judged by `rbac`.

use super::{Case, has, has_no};

pub(super) const CASES: &[Case] = &[
    has("", "ClusterRole -view", "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-view", "'true'"),
    has("", "ClusterRole -edit", "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-edit", "'true'"),
    has_no("rbac: {aggregatedRoles: false}", "ClusterRole -view"),
    has_no("rbac: {aggregatedRoles: false}", "ClusterRole -edit"),
];

#[test]
fn people_get_roles_unless_values_say_otherwise() {
    super::judge("user_roles.yaml");
}
