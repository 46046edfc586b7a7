//! `auth`: how users prove who they are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How users prove who they are. One of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Auth {
    /// Names and bcrypt hashes in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub htpasswd: Option<Htpasswd>,
    /// No authentication, spelled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none: Option<NoAuth>,
}

/// Names and bcrypt hashes in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Htpasswd {
    /// What clients show when they ask for a password. Required by the reference. Default: `Registry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// The file; read again when it changes. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// No authentication; takes no options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoAuth {}
