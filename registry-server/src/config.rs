//! From a `config.yml` and `REGISTRY_*` variables to [`Settings`].
//!
//! The file is read into a tree of values, the variables are applied to the tree, and the result is brought into the shape
//! that the keys of [`registry_config`] have. What the reference knows and this server does not do is named in a warning;
//! where ignoring it would put data elsewhere or let people in, it is an error. All errors are reported at once.

mod effective;
mod settings;

use std::path::{Path, PathBuf};

pub(crate) use registry_config::environment::CONFIGURATION_PATH;
use registry_config::{
    Config, defaults,
    document::{self, Report},
    environment,
    keys::Described,
    yaml,
};
use serde_json::{Map, Value, json};

pub use self::settings::{
    Address, Debug, Driver, HealthCheck, Htpasswd, Http, Log, Probe, Purge, Settings, Storage, Tls,
};

/// What the image runs with unless told otherwise.
const DEFAULT: &str = include_str!("../config/default.yml");

/// Where blobs are kept when there is no configuration at all: beside the one who tries the server out, not in the
/// system's directories.
const EMBEDDED_ROOT: &str = "./data";

/// Larger files are no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// Where the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The image's defaults with storage in `./data`.
    Embedded,
    /// A file.
    File(PathBuf),
}

/// A configuration and what its author should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// What the server is to do.
    pub settings: Settings,
    /// One sentence each.
    pub warnings: Vec<String>,
    effective: Config,
}

impl Loaded {
    /// File, variables and defaults together as YAML, for people: passwords, keys and secrets are hidden.
    ///
    /// # Errors
    /// When it cannot be written as YAML.
    pub fn effective(&self) -> Result<String, Error> {
        let mut value = serde_json::to_value(&self.effective).map_err(|error| Error::Write(error.to_string()))?;
        effective::mask(&mut value, Config::NODE);
        // By way of the types, which have the keys in a sensible order.
        let config: Config = serde_json::from_value(value).map_err(|error| Error::Write(error.to_string()))?;
        serde_saphyr::to_string(&config).map_err(|error| Error::Write(error.to_string()))
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("failed to read configuration {path}: check that it is mounted there and readable")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no YAML, or no mapping.
    #[error("failed to parse configuration {path}: {reason}")]
    Parse {
        /// The file.
        path: String,
        /// What is wrong, with its place.
        reason: String,
    },
    /// Keys have values that cannot be used.
    #[error("configuration {path} cannot be used:{}", list(reasons))]
    Invalid {
        /// The file.
        path: String,
        /// One sentence each.
        reasons: Vec<String>,
    },
    /// The configuration cannot be shown.
    #[error("failed to write the configuration as YAML: {0}")]
    Write(String),
}

fn list(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  - {reason}")).collect()
}

/// Reads the configuration from `source` and applies the variables among `environment`.
///
/// # Errors
/// When the file cannot be read or parsed, or holds values that cannot be used.
pub fn load(source: &Source, environment: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Error> {
    let path = match source {
        Source::Embedded => "(embedded defaults)".to_owned(),
        Source::File(path) => path.display().to_string(),
    };
    let text = match source {
        Source::Embedded => DEFAULT.to_owned(),
        Source::File(file) => read(file).map_err(|source| Error::Read { path: path.clone(), source })?,
    };
    let mut report = Report::default();
    let mut document = yaml::parse(&text, Config::NODE, "", &mut report)
        .map_err(|reason| Error::Parse { path: path.clone(), reason })?;
    if let Some(kind) = other_than_a_mapping(&document) {
        let reason = format!("it is {kind}, it has to be a mapping with keys like storage and http");
        return Err(Error::Parse { path, reason });
    }
    if *source == Source::Embedded {
        document["storage"] = json!({"filesystem": {"rootdirectory": EMBEDDED_ROOT}});
    }
    environment::apply(&mut document, environment, &mut report);
    let settled = settle(document, &mut report);
    match settled {
        Some((effective, settings)) if report.errors.is_empty() => {
            Ok(Loaded { settings, warnings: report.warnings, effective })
        }
        _ => Err(Error::Invalid { path, reasons: report.errors }),
    }
}

/// What a whole file is instead. Its content is not said: it may be that of another file, with passwords in it.
fn other_than_a_mapping(document: &Value) -> Option<&'static str> {
    match document {
        Value::Object(_) | Value::Null => None,
        Value::Array(_) => Some("a list"),
        Value::String(_) => Some("a text"),
        Value::Number(_) => Some("a number"),
        Value::Bool(_) => Some("a boolean"),
    }
}

fn read(path: &Path) -> Result<String, std::io::Error> {
    if std::fs::metadata(path)?.len() > MAX_BYTES {
        return Err(std::io::Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    std::fs::read_to_string(path)
}

/// From the tree with everything applied to the whole configuration and the settings in it. `None` when the report says why
/// not.
fn settle(document: Value, report: &mut Report) -> Option<(Config, Settings)> {
    let mut document = document::shape(document, Config::NODE, "", report)?;
    complete(document.as_object_mut()?, report);
    defaults::fill(&mut document, Config::NODE);
    match serde_json::from_value::<Config>(document) {
        Ok(config) => Some((config.clone(), settings::settle(config, report))),
        Err(error) => {
            report.refuse(error.to_string());
            None
        }
    }
}

/// Gives a file without `version`, a storage driver or `http.addr` what the image's own configuration has there, which the
/// reference refuses and people write nevertheless. Takes the old form of `log.level`, and the sizes of pages that mean the
/// default.
fn complete(document: &mut Map<String, Value>, report: &mut Report) {
    if !document.contains_key("version") {
        report.warn("the configuration has no version: write version: 0.1".to_owned());
    }
    if let Some(level) = document.remove("loglevel") {
        report.warn(format!("loglevel is the old form: write log: {{level: {}}}", level.as_str().unwrap_or_default()));
        section(document, "log").entry("level").or_insert(level);
    }
    for (listing, limit) in [("catalog", "maxentries"), ("tags", "maxtags")] {
        let limits = section(document, listing);
        if limits.get(limit).and_then(Value::as_i64).is_some_and(|most| most <= 0) {
            limits.remove(limit);
        }
    }
    let storage = section(document, "storage");
    if !(storage.contains_key("filesystem") || storage.contains_key("inmemory")) {
        if report.errors.is_empty() {
            report.warn(
                "the configuration has no storage driver, /var/lib/registry is used: write storage: {filesystem: \
                 {rootdirectory: /var/lib/registry}}"
                    .to_owned(),
            );
        }
        storage.insert("filesystem".to_owned(), json!({}));
    }
    let http = section(document, "http");
    if !http.contains_key("addr") {
        report.warn("the configuration has no http.addr, :5000 is used: write http: {addr: \":5000\"}".to_owned());
    }
}

fn section<'a>(document: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = document.entry(key).or_insert_with(|| json!({}));
    match value {
        Value::Object(map) => map,
        _ => unreachable!("every section was brought into the shape of a mapping"),
    }
}

#[cfg(test)]
mod tests;
