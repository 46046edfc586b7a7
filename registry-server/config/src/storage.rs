//! `storage`: where blobs and manifests are kept, and upkeep.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Duration;

/// Where blobs and manifests are kept. One driver: `filesystem` or `inmemory`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// Files below a directory, in the reference's layout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<Filesystem>,
    /// Memory, gone with the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inmemory: Option<InMemory>,
    /// Deletion of manifests, tags and blobs by clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<Delete>,
    /// Upkeep and the read-only mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
}

/// Files below a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filesystem {
    /// The directory. Default: `/var/lib/registry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootdirectory: Option<PathBuf>,
}

/// Memory, gone with the process; takes no options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InMemory {}

/// Deletion of manifests, tags and blobs by clients.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Delete {
    /// Allows it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Upkeep and the read-only mode.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintenance {
    /// Removal of uploads that nobody finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploadpurging: Option<UploadPurging>,
    /// Refuses every write with 405 while enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<ReadOnly>,
}

/// Removal of uploads that nobody finished.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadPurging {
    /// Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How long after its start an upload counts as abandoned. Default: 168h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Duration>,
    /// Time between two runs; the first one comes within the first hour. Default: 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

/// The read-only mode.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadOnly {
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}
