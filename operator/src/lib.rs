//! Kubernetes operator that keeps `PrivateRegistry` resources running.

pub mod api;
