//! What the project ships as YAML: the CRD, the Helm chart, deploy/install.yaml, the kustomize base and the samples, and
//! where the documents point to. These tests need no cluster, but helm, which `make setup` provides. What an API server makes
//! of the same files is the end-to-end suite's business.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod chart;
mod commands;
mod crd;
mod docs;
mod install;
mod monitoring;
mod node_trust;
mod promises;
mod rbac;
mod release;
mod samples;
mod templates;
mod tools;
mod values;
