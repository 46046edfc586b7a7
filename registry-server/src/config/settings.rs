//! A configuration whose values were checked and whose defaults are filled in: all that the rest of the server sees of it.

mod ciphers;
mod listeners;

use std::{path::PathBuf, time::Duration};

pub use registry_config::checks::health::{HealthCheck, Probe};
use registry_config::{Config, DescriptorCache, Formatter, Level, checks, document::Report};
use serde_json::Value;

pub use self::listeners::{Address, Debug, Http, Tls};
use crate::registry::validation::Validation;

/// What the server is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is logged, and how.
    pub log: Log,
    /// Where blobs and manifests are kept.
    pub storage: Storage,
    /// How users prove who they are; `None`: nobody is asked.
    pub htpasswd: Option<Htpasswd>,
    /// The file with the access rules; `None`: every authenticated user may do everything.
    pub access: Option<PathBuf>,
    /// The listeners.
    pub http: Http,
    /// What has to be well for the registry to serve.
    pub health: Vec<HealthCheck>,
    /// Which manifests are taken.
    pub validation: Validation,
    /// Most entries of a page of the catalog.
    pub catalog_max_entries: usize,
    /// Most tags of a page.
    pub tags_max: usize,
}

/// What is logged, and how.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The least severe level that is written.
    pub level: Level,
    /// The form of a line.
    pub formatter: Formatter,
    /// Fields of every line.
    pub fields: Vec<(String, Value)>,
    /// Whether each request gets a line.
    pub access: bool,
}

/// Where blobs and manifests are kept.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The kind of storage.
    pub driver: Driver,
    /// Whether clients may delete.
    pub delete_enabled: bool,
    /// Whether every write is refused.
    pub read_only: bool,
    /// Removal of abandoned uploads; `None`: they are kept.
    pub purge: Option<Purge>,
}

/// The kind of storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// Files below this directory.
    Filesystem(PathBuf),
    /// Memory.
    Memory,
}

impl Driver {
    /// The driver's name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Filesystem(_) => "filesystem",
            Self::Memory => "inmemory",
        }
    }
}

/// Removal of abandoned uploads.
#[derive(Debug, Clone, Copy)]
pub struct Purge {
    /// How old an upload has to be.
    pub age: Duration,
    /// Time between two runs.
    pub interval: Duration,
}

/// Users in a file.
#[derive(Debug, Clone)]
pub struct Htpasswd {
    /// What clients show when they ask for a password.
    pub realm: String,
    /// The file.
    pub path: PathBuf,
}

/// Checks `config`, in which defaults are filled in. The report says what is wrong with it; what it returns then is not to
/// be used.
pub(super) fn settle(config: Config, report: &mut Report) -> Settings {
    let storage = storage(config.storage.unwrap_or_default(), report);
    let (urls, completeness) = checks::manifests::settle(config.validation.unwrap_or_default(), report);
    Settings {
        log: log(config.log.unwrap_or_default()),
        health: checks::health::settle(config.health.unwrap_or_default(), storage.driver.name(), report),
        storage,
        htpasswd: config.auth.and_then(|auth| htpasswd(auth, report)),
        access: config.access.and_then(|access| access_path(access, report)),
        http: listeners::settle(config.http.unwrap_or_default(), report),
        validation: Validation { urls, completeness },
        catalog_max_entries: page(config.catalog.and_then(|catalog| catalog.maxentries)),
        tags_max: page(config.tags.and_then(|tags| tags.maxtags)),
    }
}

/// A page has an entry at least; what says otherwise was replaced by the default.
fn page<T: TryInto<usize>>(most: Option<T>) -> usize {
    most.and_then(|most| most.try_into().ok()).unwrap_or_default().max(1)
}

fn log(log: registry_config::Log) -> Log {
    Log {
        level: log.level.unwrap_or_default(),
        formatter: log.formatter.unwrap_or_default(),
        fields: log.fields.unwrap_or_default().into_iter().collect(),
        access: !log.accesslog.and_then(|lines| lines.disabled).unwrap_or_default(),
    }
}

fn storage(storage: registry_config::Storage, report: &mut Report) -> Storage {
    let cache = storage.cache.unwrap_or_default();
    if cache.blobdescriptor.or(cache.layerinfo) == Some(DescriptorCache::Redis) {
        report.warn(
            "storage.cache.blobdescriptor is redis, which is not supported: descriptors are cached in memory"
                .to_owned(),
        );
    }
    let maintenance = storage.maintenance.unwrap_or_default();
    Storage {
        driver: driver(storage.filesystem, storage.inmemory.is_some(), report),
        delete_enabled: storage.delete.and_then(|delete| delete.enabled).unwrap_or_default(),
        read_only: maintenance.readonly.and_then(|mode| mode.enabled).unwrap_or_default(),
        purge: maintenance.uploadpurging.and_then(|options| purge(&options)),
    }
}

fn driver(filesystem: Option<registry_config::Filesystem>, inmemory: bool, report: &mut Report) -> Driver {
    match filesystem {
        Some(_) if inmemory => {
            report.refuse(
                "multiple storage drivers specified in configuration or environment: filesystem, inmemory; to choose \
                 one by environment set REGISTRY_STORAGE=inmemory, which replaces the section"
                    .to_owned(),
            );
            Driver::Memory
        }
        Some(options) => Driver::Filesystem(options.rootdirectory.unwrap_or_default()),
        None => Driver::Memory,
    }
}

fn purge(options: &registry_config::UploadPurging) -> Option<Purge> {
    // A dry run removes nothing.
    let removes = options.enabled.unwrap_or_default() && !options.dryrun.unwrap_or_default();
    removes.then(|| Purge {
        age: options.age.unwrap_or_default().0,
        // A run a minute is the most that makes sense; none would be what zero asks for.
        interval: options.interval.unwrap_or_default().0.max(Duration::from_secs(60)),
    })
}

fn htpasswd(auth: registry_config::Auth, report: &mut Report) -> Option<Htpasswd> {
    let options = auth.htpasswd?;
    if auth.none.is_some() {
        report.refuse("auth has both htpasswd and none: keep one".to_owned());
    }
    let Some(path) = options.path else {
        report.refuse(
            "auth.htpasswd.path is missing: give the file, made by `htpasswd -Bbn USER PASSWORD > FILE`".to_owned(),
        );
        return None;
    };
    Some(Htpasswd { realm: options.realm.unwrap_or_default(), path })
}

fn access_path(access: registry_config::Access, report: &mut Report) -> Option<PathBuf> {
    if access.path.is_none() {
        // Without a path there would be no rules, and everybody would have every right.
        report.refuse("access.path is missing: give the file with the rules, or leave access out".to_owned());
    }
    access.path
}
