//! Names: of the registry, of what it refers to, and of its users.

use super::{answer, refused, resource, says};

#[test]
fn a_name_has_to_make_a_service() {
    for name in ["Larder", "1-larder", "larder-", "a.b", &"x".repeat(51)] {
        says(&answer(&resource(name, "{}"), None), "use at most 50 lower case letters, digits and '-'");
    }
    assert_eq!(answer(&resource(&"x".repeat(50), "{}"), None), "");
}

#[test]
fn a_reference_names_an_object_of_the_same_namespace() {
    for name in ["../../hall/secrets/safe", "hall/safe", "safe?watch=1", "safe#x", "%2e%2e", "..", "Safe", "a b", "-a"]
    {
        let user = format!("{{auth: {{users: [{{name: cook, passwordSecretRef: {{name: '{name}'}}}}]}}}}");
        says(&refused(&user), "passwordSecretRef.name must be the name of a Secret in the same namespace");
        let file = format!("{{auth: {{htpasswdSecretRef: {{name: '{name}'}}}}}}");
        says(&refused(&file), "htpasswdSecretRef.name must be the name of a Secret in the same namespace");
        let certificate = format!("{{tls: {{secretRef: {{name: '{name}'}}}}}}");
        says(&refused(&certificate), "secretRef.name must be the name of a Secret in the same namespace");
        let claim = format!("{{storage: {{persistentVolumeClaim: {{existingClaim: '{name}'}}}}}}");
        says(&refused(&claim), "existingClaim must be the name of a PersistentVolumeClaim in the same namespace");
    }
}

#[test]
fn pull_secrets_go_where_names_and_selectors_can_point() {
    for name in ["../../hall/serviceaccounts/butler", "hall/butler", "Butler", "a b"] {
        let spec = format!("{{pullSecrets: {{serviceAccounts: ['{name}']}}}}");
        says(&refused(&spec), "pullSecrets.serviceAccounts must be names of service accounts");
    }
    for requirement in ["operator: In", "operator: NotIn, values: []", "operator: Exists, values: [x]"] {
        let spec = format!("{{pullSecrets: {{namespaceSelector: {{matchExpressions: [{{key: k, {requirement}}}]}}}}}}");
        says(&refused(&spec), "In and NotIn need values, Exists and DoesNotExist take none");
    }
}

#[test]
fn a_user_can_be_written_into_an_htpasswd_file() {
    let user =
        |name: &str| refused(&format!("{{auth: {{users: [{{name: '{name}', passwordSecretRef: {{name: s}}}}]}}}}"));
    for name in ["a:b", "a b", "#a", "-a", "ä"] {
        says(&user(name), "a user's name consists of letters");
    }
    for name in ["pull", "push"] {
        says(&user(name), "the names pull and push belong to the generated users");
    }
    assert_eq!(user("pusher"), "");
}
