//! `log`: what is logged, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// The line written for every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accesslog: Option<AccessLog>,
    /// The least severe level that is written. Default: info.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// The form of a line. Default: text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatter: Option<Formatter>,
    /// Fields added to every line, such as `service: registry`. Default: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// The line written for every request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessLog {
    /// Leaves these lines out. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Severity, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What somebody has to look at.
    Error,
    /// What may become an error.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// Why it happened.
    Debug,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Formatter {
    /// `time=... level=... msg=...`.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// One JSON object a line with Logstash's names of time and message.
    Logstash,
}
