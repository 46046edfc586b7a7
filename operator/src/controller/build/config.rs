//! config.yml, written with the types that the server reads it with. Secrets are in it as paths alone.

use std::path::Path;

use k8s_openapi::api::core::v1::ConfigMap;
use registry_config::{
    Access, AccessLog, Auth, Config, Debug, Delete, Duration, Filesystem, Formatter, Health, Htpasswd, Http, Log,
    Prometheus, Storage, StorageDriverHealth, Tls, Version, document::merge,
};

use crate::{
    controller::registry::Registry,
    names::{key, path, port},
};

/// How long requests may take to end when the Pod is stopped. [`super::deployment`] gives the Pod more than that.
pub(super) const DRAIN_SECONDS: u64 = 20;

pub(super) fn config_map(registry: &Registry) -> ConfigMap {
    let config = with(config(registry), &registry.config);
    // Strings, numbers and words alone: there is nothing that YAML could refuse.
    let config = serde_saphyr::to_string(&config).unwrap_or_default();
    ConfigMap {
        metadata: registry.child_metadata(registry.name.config_map(), "registry"),
        data: Some([(key::CONFIG.to_owned(), config)].into()),
        ..ConfigMap::default()
    }
}

/// The operator's configuration with the keys of the spec, which were read with the same types: what is merged is a configuration
/// again.
fn with(own: Config, keys: &Config) -> Config {
    if *keys == Config::default() {
        return own;
    }
    let merged = serde_json::to_value(&own).and_then(|mut merged| {
        merge(&mut merged, serde_json::to_value(keys)?);
        serde_json::from_value(merged)
    });
    merged.unwrap_or(own)
}

fn config(registry: &Registry) -> Config {
    let users_log_in = registry.auth.users_log_in();
    Config {
        version: Some(Version::V0_1),
        log: Some(Log {
            formatter: Some(Formatter::Json),
            // What it says is in the other log, and as JSON, as all of it.
            accesslog: Some(AccessLog { disabled: Some(true) }),
            ..Log::default()
        }),
        storage: Some(Storage {
            filesystem: Some(Filesystem { rootdirectory: Some(path::DATA.into()), ..Filesystem::default() }),
            // Who may delete is decided by access.yml; without it, it would be everybody.
            delete: Some(Delete { enabled: Some(users_log_in) }),
            ..Storage::default()
        }),
        auth: users_log_in.then(|| Auth {
            htpasswd: Some(Htpasswd {
                realm: Some(registry.name.to_string()),
                path: Some(Path::new(path::AUTH).join(key::HTPASSWD)),
            }),
            ..Auth::default()
        }),
        access: users_log_in.then(|| Access { path: Some(Path::new(path::AUTH).join(key::ACCESS)) }),
        http: Some(http(registry)),
        health: Some(Health {
            storagedriver: Some(StorageDriverHealth { enabled: Some(true), ..StorageDriverHealth::default() }),
            ..Health::default()
        }),
        ..Config::default()
    }
}

fn http(registry: &Registry) -> Http {
    Http {
        addr: Some(format!(":{}", port::REGISTRY)),
        // A proxy may speak another scheme to clients, and not say which.
        relativeurls: registry.exposure.is_proxied().then_some(true),
        draintimeout: Some(Duration::from_secs(DRAIN_SECONDS)),
        tls: registry.tls.is_enabled().then(|| Tls {
            certificate: Some(Path::new(path::CERTIFICATES).join(key::CERTIFICATE)),
            key: Some(Path::new(path::CERTIFICATES).join(key::PRIVATE_KEY)),
            ..Tls::default()
        }),
        debug: Some(Debug {
            addr: Some(format!(":{}", port::DEBUG)),
            prometheus: Some(Prometheus { enabled: Some(true), ..Prometheus::default() }),
        }),
        ..Http::default()
    }
}
