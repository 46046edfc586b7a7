//! Kubernetes operator that keeps `PrivateRegistry` resources running.

pub mod api;
pub mod credentials;
pub mod names;
pub mod pki;
