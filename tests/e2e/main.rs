//! End-to-end tests on a real cluster: a file is a promise to users.
//!
//! Each test runs in a namespace of its own and in parallel with the others, apart from the few that disturb the operator
//! or must not be disturbed. `make e2e` runs all, `make e2e-one NAME=push_pull` one file; `KEEP=1` leaves what was made.

mod at_rest;
mod backup;
mod bad_input;
mod certificate;
mod create;
mod credentials;
mod deletion;
mod demo;
mod disk;
mod docker;
mod drift;
mod existing_volume;
mod failing_change;
mod full_volume;
mod guide;
mod helper;
mod install;
mod moving;
mod namespaced;
mod operator_restart;
mod persistence;
mod plugin;
mod pull_secrets;
mod push_pull;
mod run_a_pod;
mod samples;
mod upgrade;
