//! Kubernetes operator that keeps `PrivateRegistry` resources running.
