//! The registry server's `config.yml` as types: the server reads it with them and the operator writes it with them, so that
//! the two cannot disagree about a key.
//!
//! The keys and their meaning are those of the reference implementation's configuration, version 0.1, in its releases 2.8
//! and 3.1, plus [`access`](Config::access). Every value is optional. A key's declaration names its default and what the
//! server makes of it, and both are there for programs too, as [`keys`].
//!
//! A configuration is first a tree of values: [`yaml`] reads it, [`environment`] applies `REGISTRY_*` variables to it,
//! [`document`] brings it into the shape that the keys have and says what is wrong with it, [`defaults`] fills in what is left
//! out, and [`checks`] look at what the values say. The server reads its file this way (`registry_server::config`), and the
//! operator checks what users add to that file.
//!
//! # Keys
//!
//! *Implemented*: the server does what the key says. *Warned about*: it starts, with a warning that names the key. *Refused*:
//! it does not start, because data would be stored elsewhere or a protection would be missing. Keys that are not in this
//! table are warned about; unknown drivers of `storage` and `auth` are refused.
//!
#![doc = include_str!("../keys.md")]

mod auth;
pub mod checks;
pub mod defaults;
pub mod document;
mod duration;
pub mod environment;
mod health;
pub mod htpasswd;
mod http;
pub mod keys;
mod log;
mod macros;
mod middleware;
mod notifications;
mod obsolete;
mod proxy;
mod redis;
mod secret;
mod storage;
mod validation;
mod value;
pub mod yaml;

pub use self::{
    auth::{Access, Auth, Htpasswd, NoAuth, Silly, Token},
    duration::{Duration, ParseDurationError},
    health::{FileCheck, Health, HttpCheck, RequestHeaders, StorageDriverHealth, TcpCheck},
    http::{ClientAuth, Debug, H2c, Headers, Http, Http2, LetsEncrypt, MinimumTls, Network, Prometheus, Tls},
    log::{AccessLog, Formatter, Level, Log, LogHook, MailOptions, Smtp},
    middleware::{Middleware, MiddlewareEntry},
    notifications::{Endpoint, Events, Ignore, Notifications},
    obsolete::{Bugsnag, Compatibility, NewRelic, Reporting, Schema1},
    proxy::{Proxy, ProxyExec},
    redis::{Redis, RedisPool, RedisTls},
    secret::{HIDDEN, Secret, without_user_info},
    storage::{
        Azure, AzureCredentials, Cache, Delete, DescriptorCache, Filesystem, Gcs, InMemory, Maintenance, Oss, ReadOnly,
        Redirect, S3, Storage, Swift, TagLookup, UploadPurging,
    },
    validation::{
        IndexValidation, ManifestValidation, Platform, Platforms, Policy, RepositoryPolicy, UrlValidation, Validation,
    },
};
use self::{
    keys::Support::{Implemented, Refused, Warned},
    macros::{choice, section},
};

section! {
    /// The whole file.
    Section Config {
        /// The version of this format.
        version: Version = "0.1" => Implemented,
        /// What is logged, and how.
        log: Log = "{}" => Implemented,
        /// The old form of `log.level`.
        loglevel: Level => Implemented,
        /// Where blobs and manifests are kept.
        storage: Storage = "{}" => Implemented,
        /// How users prove who they are; without it nobody is asked.
        auth: Auth => Implemented,
        /// What users may do; without it every authenticated user may do everything, as in the reference. A key of this server.
        access: Access => Implemented,
        /// The listeners.
        http: Http = "{}" => Implemented,
        /// Checks that decide whether the registry serves; none, unless given.
        health: Health => Implemented,
        /// Limits of the catalog listing.
        catalog: Catalog = "{}" => Implemented,
        /// Limits of tag listings (3.1).
        tags: Tags = "{}" => Implemented,
        /// A cache of another registry.
        proxy: Proxy => Refused(
            "this server is no pull-through cache; run it without proxy, or use the reference for that"
        ),
        /// Which manifests are taken.
        validation: Validation => Implemented,
        /// What may be stored.
        policy: Policy => Warned("content is not told apart by class"),
        /// Events about pushes and pulls.
        notifications: Notifications => Warned("no events are sent"),
        /// What is put between the reference's layers.
        middleware: Middleware => Warned("clients get blobs from this server, nothing stands between"),
        /// A Redis server for what replicas share.
        redis: Redis => Warned("what is cached is cached in memory"),
        /// Formats of the past (2.8).
        compatibility: Compatibility => Warned("manifests of schema 1 are not taken"),
        /// Services that collect errors (2.8).
        reporting: Reporting => Warned("errors are in the log alone"),
    }

    /// Limits of the catalog listing.
    Section Catalog {
        /// Most entries of one page; the default when it is not positive.
        maxentries: i64 = "1000" => Implemented,
    }

    /// Limits of tag listings.
    Section Tags {
        /// Most tags of one page; the default when it is 0.
        maxtags: usize = "1000" => Implemented,
    }
}

choice! {
    /// The version of the format; there is one.
    Version {
        /// `version: 0.1`.
        #[default]
        V0_1 = "0.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_writes_the_server_reads() {
        let written = Config {
            version: Some(Version::V0_1),
            storage: Some(Storage {
                filesystem: Some(Filesystem { rootdirectory: Some("/srv/blobs".into()), ..Filesystem::default() }),
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
        assert_eq!(serde_json::to_value(Config::default()).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn names_that_are_no_rust_names_are_written_as_the_reference_has_them() {
        let hook = LogHook { kind: Some("mail".to_owned()), ..LogHook::default() };
        assert_eq!(serde_json::to_value(hook).unwrap(), serde_json::json!({"type": "mail"}));
    }
}
