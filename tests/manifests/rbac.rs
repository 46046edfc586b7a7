//! The operator's rights: written out, the same in both modes, and none that would let it give rights away.

use std::collections::BTreeSet;

use private_registry_operator::check::{NEEDED, Needed};
use serde_json::Value;

use crate::tools::{NAMESPACE, identity, of_kind, render};

const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// What the operator has no business with: through these the holder of its token would become somebody else.
const IDENTITIES: [&str; 9] = [
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "serviceaccounts/token",
    "users",
    "groups",
    "certificatesigningrequests",
    "pods/exec",
];

fn strings<'a>(rule: &'a Value, field: &str) -> Vec<&'a str> {
    rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn rules(role: &Value) -> Vec<&Value> {
    role["rules"].as_array().into_iter().flatten().collect()
}

fn roles(objects: &[Value]) -> Vec<&Value> {
    [of_kind(objects, "ClusterRole"), of_kind(objects, "Role")].concat()
}

#[test]
fn every_right_is_written_out() {
    let values: [&[&str]; 3] = [&["watchNamespaces={lion,zebra}"], &["nodeTrust.enabled=true"], &[]];
    let objects = values.into_iter().flat_map(render).collect::<Vec<_>>();

    for role in roles(&objects) {
        assert!(!rules(role).is_empty(), "{} has no rules", identity(role));
        for rule in rules(role) {
            let verbs = strings(rule, "verbs");
            assert!(verbs.iter().all(|verb| VERBS.contains(verb)), "{}: {rule}", identity(role));
            assert!(!verbs.is_empty() && verbs.len() == verbs.iter().collect::<BTreeSet<_>>().len());
            for field in ["apiGroups", "resources"] {
                assert!(!strings(rule, field).is_empty(), "{}: no {field} in {rule}", identity(role));
                assert!(!strings(rule, field).iter().any(|value| value.contains('*')), "{}: {rule}", identity(role));
            }
        }
    }
}

#[test]
fn the_operator_gives_no_rights_away_and_only_looks_at_pods() {
    for role in roles(&render(&[])) {
        for rule in rules(role) {
            let (resources, verbs) = (strings(rule, "resources"), strings(rule, "verbs"));
            assert!(!resources.iter().any(|name| IDENTITIES.contains(name)), "{}: {rule}", identity(role));
            assert!(!resources.contains(&"pods") || verbs == ["list"], "{}: {rule}", identity(role));
        }
    }
}

/// Who has broken into a node is not to change what others trust.
#[test]
fn a_node_only_looks_and_the_operator_looks_at_one_daemon_set() {
    let before = render(&["rbac.aggregatedRoles=false"]);
    let objects = render(&["rbac.aggregatedRoles=false", "nodeTrust.enabled=true"]);
    let of_nodes = |role: &&Value| role["metadata"]["name"].as_str().unwrap().ends_with("-node-trust");
    let of_nodes: Vec<_> = roles(&objects).into_iter().filter(of_nodes).collect();
    assert_eq!(of_nodes.len(), 2, "in the operator's namespace, and about nodes");
    for rule in of_nodes.into_iter().flat_map(rules) {
        let verbs = strings(rule, "verbs");
        assert!(verbs.iter().all(|verb| ["get", "list", "watch"].contains(verb)), "{rule}");
    }
    for rule in roles(&objects).into_iter().flat_map(rules) {
        let about_daemon_sets = strings(rule, "resources").contains(&"daemonsets");
        assert!(!about_daemon_sets || strings(rule, "resourceNames").len() == 1, "{rule}");
    }
    let names = |objects: &[Value]| roles(objects).into_iter().map(identity).collect::<BTreeSet<_>>();
    assert!(names(&before).is_subset(&names(&objects)) && names(&before).len() + 3 == names(&objects).len());
}

#[test]
fn watching_some_namespaces_needs_the_same_rights_but_only_there() {
    let everywhere = render(&["rbac.aggregatedRoles=false"]);
    let some = render(&["rbac.aggregatedRoles=false", "watchNamespaces={lion,zebra}"]);

    let cluster_roles = of_kind(&everywhere, "ClusterRole");
    let [cluster_role] = cluster_roles[..] else { panic!("one ClusterRole, not {}", cluster_roles.len()) };
    assert!(of_kind(&some, "ClusterRole").is_empty() && of_kind(&some, "ClusterRoleBinding").is_empty());
    for namespace in ["lion", "zebra"] {
        let role = of_kind(&some, "Role").into_iter().find(|role| role["metadata"]["namespace"] == namespace);
        let role = role.expect("a Role in each namespace");
        assert_eq!(rules(role), rules(cluster_role)[..rules(role).len()]);
    }
    // Namespaces are no part of a namespace.
    let role = of_kind(&some, "Role")[0];
    let more: Vec<_> = rules(cluster_role).into_iter().skip(rules(role).len()).collect();
    let namespaces = serde_json::json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]});
    assert_eq!(more, [&namespaces]);
}

/// Groups of kinds that only some registries have a child of.
const OPTIONAL: [&str; 5] =
    ["networking.k8s.io", "policy", "monitoring.coreos.com", "gateway.networking.k8s.io", "cert-manager.io"];

/// `helm test` asks for what the roles grant, and for all that every registry needs of it.
#[test]
fn what_an_installation_is_checked_for_is_what_its_roles_grant() {
    let objects = render(&["watchNamespaces={lion}", "leaderElection.enabled=false"]);
    let role = of_kind(&objects, "Role")[0];
    let mut granted = BTreeSet::new();
    for rule in rules(role).into_iter().filter(|rule| !OPTIONAL.contains(&strings(rule, "apiGroups")[0])) {
        for resource in strings(rule, "resources") {
            let verbs = strings(rule, "verbs").into_iter();
            granted.extend(verbs.map(|verb| format!("{verb} {resource} of {:?}", strings(rule, "apiGroups")[0])));
        }
    }
    let in_words = |needed: &'static Needed| {
        let slash = if needed.subresource.is_empty() { "" } else { "/" };
        let resource = format!("{}{slash}{}", needed.resource, needed.subresource);
        needed.verbs.iter().map(move |verb| format!("{verb} {resource} of {:?}", needed.group))
    };
    assert_eq!(NEEDED.iter().flat_map(in_words).collect::<BTreeSet<_>>(), granted);
}

#[test]
fn the_operator_changes_no_registry_but_its_finalizer_and_no_namespace() {
    for role in roles(&render(&["rbac.aggregatedRoles=false"])) {
        for rule in rules(role) {
            let (resources, verbs) = (strings(rule, "resources"), strings(rule, "verbs"));
            assert!(!resources.contains(&"namespaces") || verbs == ["list", "watch"], "{}: {rule}", identity(role));
            assert!(!resources.contains(&"privateregistries") || verbs == ["list", "watch", "patch"], "{rule}");
        }
    }
}

#[test]
fn bindings_name_the_account_of_the_deployment_and_a_role_of_the_chart() {
    let objects = render(&["watchNamespaces={lion}", "serviceAccount.name=keeper"]);
    let names: BTreeSet<String> = roles(&objects).into_iter().map(identity).collect();

    let bindings = of_kind(&objects, "RoleBinding");
    assert_eq!(bindings.len(), 2, "one for registries, one for the lease");
    for binding in bindings {
        let subject = serde_json::json!([{"kind": "ServiceAccount", "name": "keeper", "namespace": NAMESPACE}]);
        assert_eq!(binding["subjects"], subject);
        let namespace = binding["metadata"]["namespace"].as_str().unwrap();
        let name = binding["roleRef"]["name"].as_str().unwrap();
        assert!(names.contains(&format!("Role {namespace}/{name}")), "{} refers to nothing", identity(binding));
    }
}

#[test]
fn people_get_rights_through_the_built_in_roles() {
    let objects = render(&["watchNamespaces={lion}"]);
    let aggregated = |suffix: &str| {
        let cluster_roles = of_kind(&objects, "ClusterRole");
        let role = cluster_roles.into_iter().find(|role| role["metadata"]["name"].as_str().unwrap().ends_with(suffix));
        role.unwrap_or_else(|| panic!("no ClusterRole …{suffix}")).clone()
    };
    let (view, edit) = (aggregated("-view"), aggregated("-edit"));
    let label = |role: &Value, to: &str| {
        role["metadata"]["labels"][format!("rbac.authorization.k8s.io/aggregate-to-{to}")] == "true"
    };

    assert_eq!(["view", "edit", "admin"].map(|to| label(&view, to)), [true, true, true]);
    assert_eq!(["view", "edit", "admin"].map(|to| label(&edit, to)), [false, true, true]);
    assert_eq!(strings(&view["rules"][0], "verbs"), ["get", "list", "watch"]);
    assert!(!edit.to_string().contains("privateregistries/status"), "only the operator writes the status");
}
