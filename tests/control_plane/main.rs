//! What the operator promises and no node is needed for, on a real API server: a file is a promise.
//!
//! Tests share one control plane, each with a namespace and an operator of its own; those that disturb the control plane
//! have one of their own. `make control-plane` runs all, `make control-plane NAME=at_rest` one file.

mod at_rest;
mod cert_manager;
mod concurrency;
mod copies;
mod create;
mod definition;
mod dual_stack;
mod exposure;
mod exposure_policy;
mod failing_pod;
mod faults;
mod fields;
mod gitops;
mod guide;
mod hot_loop;
mod installing;
mod kubectl;
mod kustomize;
mod lease;
mod malformed;
mod monitoring;
mod node_trust;
mod partition;
mod place;
mod plugin;
mod pod_security;
mod pull_secrets;
mod replicas;
mod rights;
mod rules;
mod samples;
mod storage;
mod take_over;
mod tenant;
mod upgrade;
mod watches;
