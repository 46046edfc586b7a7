//! What copies of the pull Secret in other namespaces hold.
//!
//! Taken from the Secret as it was applied, so that a copy never says anything else: the keys that are ours, and the hosts that can
//! be nobody else's.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::{Value, json};

use super::data;
use crate::{controller::registry::Registry, names::key};

/// The `data` of a copy of `pull`; `None` if that is not a pull Secret of this registry.
pub(in crate::controller) fn copy_of_pull_secret(
    registry: &Registry,
    pull: &Secret,
) -> Option<BTreeMap<String, ByteString>> {
    let known = pull.data.as_ref()?;
    let mut config: Value = serde_json::from_slice(&known.get(key::DOCKER_CONFIG)?.0).ok()?;
    let auths = config.get_mut("auths")?.as_object_mut()?;
    let [full, svc] = registry.hosts_elsewhere();
    auths.retain(|host, _| is_at(host, &full) || is_at(host, &svc));
    let host = auths.keys().find(|host| is_at(host, &full))?.clone();
    let mut copy = data([
        (key::DOCKER_CONFIG, json!({ "auths": auths }).to_string().into_bytes()),
        (key::REGISTRY, host.into_bytes()),
    ]);
    let same =
        [key::USERNAME, key::PASSWORD, key::AUTHORITY].map(|key| Some((key.to_owned(), known.get(key)?.clone())));
    copy.extend(same.into_iter().flatten());
    Some(copy)
}

/// Whether `host` is `name`, at whatever port.
fn is_at(host: &str, name: &str) -> bool {
    host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        controller::{
            build::pull_secret::pull_secrets,
            issue::Material,
            tests::fixtures::{material, password, validated},
        },
        names::RegistryName,
    };

    /// The copy of the pull Secret of `registry`, to which somebody has added a key.
    fn copy(registry: &Registry, material: &Material) -> BTreeMap<String, ByteString> {
        let [pull, _] = pull_secrets(registry, material);
        let mut pull = pull.unwrap();
        pull.data.get_or_insert_default().insert("theirs".into(), ByteString(b"x".to_vec()));
        copy_of_pull_secret(registry, &pull).unwrap()
    }

    #[test]
    fn a_copy_answers_for_the_service_alone_whatever_names_and_passwords_say() {
        let mut registry = validated("{service: {port: 5443}, tls: {selfSigned: {dnsNames: [docker.io]}}}");
        registry.name = RegistryName { namespace: "io".into(), name: "docker".into() };
        let mut material = material(&registry);
        material.generated.as_mut().unwrap()[0].published =
            Some(password(r#"x"}},"auths":{"docker.io":{"auth":"eA=="#));
        let config: Value = serde_json::from_slice(&copy(&registry, &material)[key::DOCKER_CONFIG].0).unwrap();
        assert_eq!(config.as_object().map(serde_json::Map::len), Some(1));
        let hosts: Vec<_> = config["auths"].as_object().unwrap().keys().collect();
        let ours = ["docker.io.svc.house.example:5443", "docker.io.svc:5443"];
        assert_eq!(hosts, ours, "never docker.io, of which kubelets everywhere pull");
    }

    #[test]
    fn a_copy_has_the_password_that_clients_were_told_and_nothing_of_others() {
        let registry = validated("{}");
        let copy = copy(&registry, &material(&registry));
        let keys: Vec<_> = copy.keys().collect();
        assert_eq!(keys, [key::DOCKER_CONFIG, key::AUTHORITY, key::PASSWORD, key::REGISTRY, key::USERNAME]);
        let told = [key::REGISTRY, key::USERNAME, key::PASSWORD, key::AUTHORITY].map(|key| copy[key].0.as_slice());
        let host = "larder.kitchen.svc.house.example";
        assert_eq!(told, [host, "pull", "told-pull", "authorities"].map(str::as_bytes));
    }

    #[test]
    fn a_host_is_one_s_own_at_any_port_and_not_by_its_beginning() {
        assert!(is_at("a.b.svc", "a.b.svc") && is_at("a.b.svc:5443", "a.b.svc"));
        assert!(!is_at("a.b.svc.evil.example", "a.b.svc") && !is_at("xa.b.svc", "a.b.svc"));
    }
}
