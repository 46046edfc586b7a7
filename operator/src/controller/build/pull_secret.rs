//! The Secrets that clients use: `imagePullSecrets` for Pods, and the same with the right to push.
//!
//! Beside what the kubelet reads they say host, user and password one by one, and hold the authorities to trust, so that one
//! Secret is all that a script needs.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::json;

use super::data;
use crate::{
    controller::{
        issue::{GeneratedUser, Material},
        registry::Registry,
    },
    names::key,
};

/// The Secrets of the generated users, pull and push, where there are such users.
pub(super) fn pull_secrets(registry: &Registry, material: &Material) -> [Option<Secret>; 2] {
    let Some([pull, push]) = &material.generated else { return [None, None] };
    [
        pull_secret(registry, material, pull, registry.name.pull_secret()),
        pull_secret(registry, material, push, registry.name.push_secret()),
    ]
}

fn pull_secret(registry: &Registry, material: &Material, user: &GeneratedUser, name: String) -> Option<Secret> {
    let password = user.published.as_ref()?.expose();
    let host = registry.image_hosts().into_iter().next()?;
    let mut data = data([
        (key::DOCKER_CONFIG, docker_config(registry.all_hosts(), user.name, password).into_bytes()),
        (key::REGISTRY, host.into_bytes()),
        (key::USERNAME, user.name.as_bytes().to_vec()),
        (key::PASSWORD, password.as_bytes().to_vec()),
    ]);
    let authorities = material.certificate.as_ref().and_then(|served| served.authorities.clone());
    data.extend(authorities.map(|bundle| (key::AUTHORITY.to_owned(), ByteString(bundle))));
    Some(Secret {
        metadata: registry.child_metadata(name, "credentials"),
        type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}

/// Keyed by every host that images are named by, because the kubelet compares text. No `serveraddress`: containerd drops
/// credentials whose server address is not the host it talks to, which on a node is the Service's address.
fn docker_config(hosts: impl IntoIterator<Item = String>, user: &str, password: &str) -> String {
    let entry = json!({
        "username": user,
        "password": password,
        "auth": STANDARD.encode(format!("{user}:{password}")),
    });
    let auths: serde_json::Map<_, _> = hosts.into_iter().map(|host| (host, entry.clone())).collect();
    json!({ "auths": auths }).to_string()
}

/// The Secret of a paused registry: password and authorities as they are wanted, for the hosts under which it still is reached.
pub(in crate::controller) fn for_the_same_hosts(known: &Secret, mut wanted: Secret) -> Secret {
    if let (Some(known), Some(wanted)) = (&known.data, &mut wanted.data)
        && let Some(config) = docker_config_of_the_same_hosts(known, wanted)
    {
        wanted.insert(key::DOCKER_CONFIG.to_owned(), ByteString(config.into_bytes()));
        wanted.extend(known.get(key::REGISTRY).map(|host| (key::REGISTRY.to_owned(), host.clone())));
        if let Some(authorities) = known.get(key::AUTHORITY) {
            wanted.entry(key::AUTHORITY.to_owned()).or_insert_with(|| authorities.clone());
        }
    }
    wanted
}

fn docker_config_of_the_same_hosts(
    known: &BTreeMap<String, ByteString>,
    wanted: &BTreeMap<String, ByteString>,
) -> Option<String> {
    let config: serde_json::Value = serde_json::from_slice(&known.get(key::DOCKER_CONFIG)?.0).ok()?;
    let hosts = config.get("auths")?.as_object()?.keys().cloned();
    let text = |key| std::str::from_utf8(&wanted.get(key)?.0).ok();
    Some(docker_config(hosts, text(key::USERNAME)?, text(key::PASSWORD)?))
}
