//! The Secrets that clients use: `imagePullSecrets` for Pods, and the same with the right to push.
//!
//! Beside what the kubelet reads they say host, user and password one by one, and hold the authorities to trust, so that one
//! Secret is all that a script needs.

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

/// The Secrets of the generated users, pull and push.
pub(super) fn pull_secrets(registry: &Registry, material: &Material) -> [Option<Secret>; 2] {
    let [pull, push] = &material.generated;
    [
        pull_secret(registry, material, pull, registry.name.pull_secret()),
        pull_secret(registry, material, push, registry.name.push_secret()),
    ]
}

fn pull_secret(registry: &Registry, material: &Material, user: &GeneratedUser, name: String) -> Option<Secret> {
    let password = user.published.as_ref()?.expose();
    let host = registry.image_hosts().into_iter().next()?;
    let mut data = data([
        (key::DOCKER_CONFIG, docker_config(registry, user.name, password).into_bytes()),
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
fn docker_config(registry: &Registry, user: &str, password: &str) -> String {
    let entry = json!({
        "username": user,
        "password": password,
        "auth": STANDARD.encode(format!("{user}:{password}")),
    });
    let auths: serde_json::Map<_, _> = registry.image_hosts().into_iter().map(|host| (host, entry.clone())).collect();
    json!({ "auths": auths }).to_string()
}
