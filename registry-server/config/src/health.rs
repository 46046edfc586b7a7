//! `health`: what readiness depends on.

use serde::{Deserialize, Serialize};

use crate::Duration;

/// What readiness depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// The storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storagedriver: Option<StorageDriverHealth>,
}

/// The storage as a condition of readiness.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageDriverHealth {
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How long an answer of the storage is taken for the next one. Default: 10s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How many failures in a row make the server unready. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<u32>,
}
