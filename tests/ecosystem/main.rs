//! What is used beside a registry and takes minutes to build, against the server or the operator as a process: a file is a program.
//!
//! `make test-ecosystem` builds the programs and runs all. Kept out of `make test` for the minutes alone.

mod alerts;
mod annotations;
mod argo_cd;
mod cert_manager;
mod containerd;
mod cosign;
mod flux;
mod release;
mod traefik;
