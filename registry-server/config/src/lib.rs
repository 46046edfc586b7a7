//! The registry server's `config.yml` as types: the server reads it with them and the operator writes it with them, so that
//! the two cannot disagree about a key.
//!
//! The keys and their meaning are those of the reference implementation's configuration, version 0.1, as far as this server
//! implements them, plus [`access`](Config::access). Every value is optional and its documentation names the default; the
//! defaults themselves, unknown keys and `REGISTRY_*` variables are the server's business (`registry_server::config`).

mod auth;
mod duration;
mod health;
mod http;
mod log;
mod storage;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::{
    auth::{Auth, Htpasswd, NoAuth},
    duration::{Duration, ParseDurationError},
    health::{Health, StorageDriverHealth},
    http::{ClientAuth, Debug, HeaderValues, Headers, Http, Http2, MinimumTls, Prometheus, Tls},
    log::{AccessLog, Formatter, Level, Log},
    storage::{Delete, Filesystem, InMemory, Maintenance, ReadOnly, Storage, UploadPurging},
};

/// The whole file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The version of this format.
    pub version: Version,
    /// What is logged, and how. Default: `info`, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Where blobs and manifests are kept. Default: the filesystem below `/var/lib/registry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// How users prove who they are. Default: no authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// What users may do. Default: every authenticated user may do everything, as in the reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The listeners. Default: plain HTTP on port 5000, no debug listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// What readiness depends on. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Limits of the catalog listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Catalog>,
    /// Limits of tag listings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// The version of the format; there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Version {
    /// `version: "0.1"`.
    #[default]
    #[serde(rename = "0.1")]
    V0_1,
}

/// Rules about who may do what; a key of this server, unknown to the reference.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// The file with the rules; read again when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// Limits of the catalog listing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalog {
    /// Most entries of one page. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxentries: Option<usize>,
}

/// Limits of tag listings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tags {
    /// Most tags of one page. Default: 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxtags: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_writes_the_server_reads() {
        let written = Config {
            storage: Some(Storage {
                filesystem: Some(Filesystem { rootdirectory: Some("/srv/blobs".into()) }),
                delete: Some(Delete { enabled: Some(true) }),
                ..Storage::default()
            }),
            access: Some(Access { path: Some("/auth/access.yml".into()) }),
            http: Some(Http { draintimeout: Some(Duration::from_secs(20)), ..Http::default() }),
            ..Config::default()
        };

        let text = serde_saphyr::to_string(&written).unwrap();

        assert_eq!(serde_saphyr::from_str::<Config>(&text).unwrap(), written, "{text}");
    }

    #[test]
    fn what_is_not_given_is_not_written() {
        let json = serde_json::to_value(Config::default()).unwrap();
        assert_eq!(json, serde_json::json!({"version": "0.1"}));
    }
}
