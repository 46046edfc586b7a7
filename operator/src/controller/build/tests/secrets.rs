//! The Secrets: certificates, users with their rights, and what clients are told.

use serde_json::{Value, json};

use super::{build, built, json_of, metadata};
use crate::controller::{
    issue::Material,
    tests::fixtures::{material, validated, value},
};

#[test]
fn certificates_are_in_secrets_that_every_tool_knows() {
    let (_, children) = built("{}");
    let [authority, certificate] = [children.authority, children.certificate].map(Option::unwrap);
    assert_eq!(json_of(&authority)["metadata"], metadata("larder-ca", "certificate"));
    assert_eq!(authority.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(value(&authority, "tls.key"), "authority key");
    assert_eq!(json_of(&certificate)["metadata"], metadata("larder-tls", "certificate"));
    let keys: Vec<_> = certificate.data.as_ref().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"]);
    assert_eq!(value(&certificate, "tls.crt"), "leaf certificate");
    assert_eq!(value(&certificate, "ca.crt"), "authorities");
}

#[test]
fn users_and_rights_are_two_files_of_one_secret() {
    let registry = validated(
        "
        auth:
          users:
          - {name: cook, access: Push, passwordSecretRef: {name: staff}}
          - {name: butler, access: Admin, passwordSecretRef: {name: staff}}
          - {name: 'yes', passwordSecretRef: {name: staff}}
        ",
    );
    let secret = build(&registry, Some(&material(&registry))).children.unwrap().htpasswd.unwrap();
    assert_eq!(value(&secret, "htpasswd"), "pull:hash-1\npush:hash-2\n");
    let access: Value = serde_saphyr::from_str(&value(&secret, "access.yml")).unwrap();
    assert_eq!(
        access,
        json!({"rules": [
            {"users": ["pull", "yes"], "actions": ["pull"]},
            {"users": ["push", "cook"], "actions": ["pull", "push"]},
            {"users": ["butler"], "actions": ["pull", "push", "delete"]},
        ]})
    );
    let record = secret.metadata.annotations.unwrap()["privateregistry.io/htpasswd-record"].clone();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record[0], json!({"user": "pull", "source": {"uid": "u", "resourceVersion": "7", "key": "pull"}}));
}

#[test]
fn anonymous_pull_is_one_more_rule() {
    let (_, children) = built("{auth: {anonymousPull: true}}");
    let access: Value = serde_saphyr::from_str(&value(&children.htpasswd.unwrap(), "access.yml")).unwrap();
    assert_eq!(
        access,
        json!({"rules": [
            {"users": ["pull"], "actions": ["pull"]},
            {"users": ["push"], "actions": ["pull", "push"]},
            {"anonymous": true, "actions": ["pull"]},
        ]})
    );
}

#[test]
fn where_nobody_is_asked_for_a_password_nothing_is_said_of_users_and_nobody_may_delete() {
    let registry = validated("{auth: {disabled: true}}");
    let material = Material { generated: None, lines: vec![], ..material(&registry) };
    let children = build(&registry, Some(&material)).children.unwrap();
    assert!(children.htpasswd.is_none() && children.credentials.is_none());
    assert!(children.pull.is_none() && children.push.is_none());
    let config = children.config.data.unwrap()["config.yml"].clone();
    assert!(!config.contains("auth:") && !config.contains("access:"), "{config}");
    assert!(config.contains("delete:\n    enabled: false"), "{config}");
    let pod = json_of(&children.deployment)["spec"]["template"]["spec"].to_string();
    assert!(!pod.contains("/auth") && !pod.contains("htpasswd"), "{pod}");
}

#[test]
fn clients_are_told_the_published_password_under_every_host() {
    let (_, children) = built("{service: {port: 5443}}");
    let pull = children.pull.unwrap();
    assert_eq!(json_of(&pull)["metadata"], metadata("larder-pull", "credentials"));
    assert_eq!(pull.type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    let entry = json!({"username": "pull", "password": "told-pull", "auth": "cHVsbDp0b2xkLXB1bGw="});
    let config: Value = serde_json::from_str(&value(&pull, ".dockerconfigjson")).unwrap();
    assert_eq!(
        config,
        json!({"auths": {
            "larder.kitchen.svc.house.example:5443": entry,
            "larder.kitchen.svc:5443": entry,
            "larder.kitchen:5443": entry,
        }})
    );
    let told = ["registry", "username", "password", "ca.crt"].map(|key| value(&pull, key));
    assert_eq!(told, ["larder.kitchen.svc.house.example:5443", "pull", "told-pull", "authorities"]);
    assert_eq!(value(&children.push.unwrap(), "password"), "told-push");
    assert_eq!(
        value(&children.credentials.unwrap(), "push"),
        "new-push",
        "what is stored may be ahead of what is told"
    );
}
