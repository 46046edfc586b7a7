//! The targets: each a function of bytes that panics when a promise is broken.

pub(crate) mod access;
pub(crate) mod authorization;
pub(crate) mod config;
pub(crate) mod content_range;
pub(crate) mod digest;
pub(crate) mod environment;
pub(crate) mod htpasswd;
pub(crate) mod manifest;
pub(crate) mod name;
pub(crate) mod pagination;
pub(crate) mod range;
pub(crate) mod reference;
pub(crate) mod route;
pub(crate) mod state;
pub(crate) mod target;
