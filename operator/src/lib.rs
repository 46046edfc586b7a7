//! Kubernetes operator that keeps `PrivateRegistry` resources running.

pub mod admin;
pub mod api;
pub mod args;
pub mod controller;
pub mod credentials;
pub mod lease;
pub mod metrics;
pub mod names;
pub mod pki;
pub mod telemetry;
