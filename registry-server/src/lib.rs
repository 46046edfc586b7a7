//! OCI distribution server, a drop-in for the `registry:2` image.
mod reload;

pub mod auth;
pub mod config;
pub mod http;
pub mod metrics;
pub mod oci;
pub mod registry;
pub mod storage;
